//! One case's Azure: its cluster, vaults, identity and roles, and what its caller may do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    backend::KubernetesBackend,
    clock::TimeScale,
    cluster::{ManagedCluster, version::Version},
    faults::FaultBook,
    given::{Given, Identity, Scope},
    names::{KEY, Names, vault_host},
    roles::{RoleAssignment, RoleDefinition, matches},
    vault::{Refusal, User, Vault, material::KeySpec},
    writes::Recorder,
};

/// Everything that belongs to one case.
pub(crate) struct World {
    pub(crate) names: Names,
    pub(crate) given: Given,
    /// Ids of the given key's versions, oldest first.
    pub(crate) key_ids: Vec<String>,
    pub(crate) faults: FaultBook,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) scale: TimeScale,
    cluster: Mutex<ManagedCluster>,
    vaults: Mutex<BTreeMap<String, Vault>>,
    groups: Mutex<BTreeMap<String, Value>>,
    roles: Vec<RoleAssignment>,
    backend: OnceLock<Arc<dyn KubernetesBackend>>,
}

/// The vaults and the ids of the given key's versions: needed before placeholders can be replaced.
pub(crate) struct Vaults {
    pub(crate) by_name: BTreeMap<String, Vault>,
    pub(crate) key_ids: Vec<String>,
}

impl Vaults {
    /// What a case starts with.
    pub(crate) fn from_given(given: &Given, names: &Names) -> Self {
        let vault = Vault::from_given(given, names, &assignee(given, names).1);
        let versions: Vec<String> = match vault.as_ref().and_then(|vault| vault.keys.get(KEY)) {
            Some(key) => key.versions.iter().map(|version| version.version.clone()).collect(),
            // A case can name the versions of a key that does not exist.
            None => {
                (0..given.key.versions).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect()
            }
        };
        let host = vault_host(&names.vault);
        let key_ids =
            versions.iter().map(|version| format!("https://{host}/keys/{KEY}/{version}")).collect();
        let by_name = vault.map(|vault| (names.vault.clone(), vault)).into_iter().collect();
        Self { by_name, key_ids }
    }
}

impl World {
    /// Makes the world of a case, whose placeholders have been replaced.
    pub(crate) fn new(
        given: Given,
        names: Names,
        vaults: Vaults,
        scale: TimeScale,
    ) -> Result<Self, String> {
        let version = &given.cluster.kubernetes_version;
        if Version::parse(version).is_none() {
            return Err(format!("{version:?} is not a Kubernetes version"));
        }
        if let Err(wrong) = KeySpec::parse(&given.key.kind, Some(given.key.size.into()), None) {
            return Err(format!("the key's {wrong} is none of Key Vault's"));
        }
        let cluster = ManagedCluster::from_given(&given, &names);
        let world = Self {
            roles: roles(&given, &names)?,
            faults: FaultBook::new(&given.faults),
            recorder: Arc::new(Recorder::default()),
            cluster: Mutex::new(cluster),
            vaults: Mutex::new(vaults.by_name),
            groups: Mutex::new(groups(&names)),
            key_ids: vaults.key_ids,
            backend: OnceLock::new(),
            scale,
            given,
            names,
        };
        world.update_private_connections();
        Ok(world)
    }

    /// The cluster; never hold the guard across an await.
    pub(crate) fn cluster(&self) -> MutexGuard<'_, ManagedCluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vaults by name, deleted ones included; never hold the guard across an await.
    pub(crate) fn vaults(&self) -> MutexGuard<'_, BTreeMap<String, Vault>> {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The documents of resource groups, by name in lower case; never hold the guard across an
    /// await.
    pub(crate) fn groups(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All role assignments.
    pub(crate) fn roles(&self) -> &[RoleAssignment] {
        &self.roles
    }

    /// The cluster's Kubernetes, once it was started.
    pub(crate) fn backend(&self) -> Option<&Arc<dyn KubernetesBackend>> {
        self.backend.get()
    }

    /// Whether the cluster's API server listens on this port.
    pub(crate) fn serves_kubernetes_at(&self, port: u16) -> bool {
        let server = self.backend().map(|backend| backend.endpoint().server);
        server.is_some_and(|server| server.ends_with(&format!(":{port}")))
    }

    /// Gives the cluster its Kubernetes.
    pub(crate) fn set_backend(&self, backend: Arc<dyn KubernetesBackend>) {
        // Only the making of the case calls this, once.
        let _ = self.backend.set(backend);
    }

    /// Whether the caller lacks an action.
    pub(crate) fn caller_lacks(&self, action: &str) -> bool {
        self.given.access.caller_lacks.iter().any(|lacking| matches(lacking, action))
    }

    /// The caller as a user of vaults.
    pub(crate) fn caller(&self) -> User<'_> {
        User::Caller { object: &self.names.client_object, lacks: &self.given.access.caller_lacks }
    }

    /// Calls `work` with the cluster's identity as a user of vaults.
    pub(crate) fn as_identity<R>(&self, work: impl FnOnce(User<'_>) -> R) -> R {
        work(User::Identity {
            principals: &[self.identity_principal(), &self.names.identity_group],
            roles: &self.roles,
            node_group: &self.names.node_group(),
        })
    }

    /// The roles that the cluster's identity has, itself or through its group.
    pub(crate) fn identity_roles(&self) -> impl Iterator<Item = &RoleAssignment> {
        let principals = [self.identity_principal().to_owned(), self.names.identity_group.clone()];
        self.roles.iter().filter(move |assignment| principals.contains(&assignment.principal))
    }

    /// Object id of the identity that the cluster runs as.
    pub(crate) fn identity_principal(&self) -> &str {
        if self.cluster().uses_user_assigned_identity() {
            &self.names.identity_principal
        } else {
            &self.names.own_principal
        }
    }

    /// Calls `work` with the vault whose host this is.
    pub(crate) fn with_vault_at<R>(
        &self,
        host: &str,
        work: impl FnOnce(&Vault) -> R,
    ) -> Result<R, Refusal> {
        self.with_vault_at_mut(host, |vault| work(vault))
    }

    /// The same with a vault to change.
    pub(crate) fn with_vault_at_mut<R>(
        &self,
        host: &str,
        work: impl FnOnce(&mut Vault) -> R,
    ) -> Result<R, Refusal> {
        let mut vaults = self.vaults();
        let vault = vaults
            .values_mut()
            .find(|vault| vault.deleted.is_none() && vault_host(&vault.name) == host)
            .ok_or_else(|| Refusal::vault_not_found(host))?;
        Ok(work(vault))
    }

    /// Makes the private endpoint that AKS needs for the key in use, and removes the one it does
    /// not need any more. A vault that only the previous key is in keeps its own.
    pub(crate) fn update_private_connections(&self) {
        let Some((vault, private)) = self.cluster().vault_in_use() else {
            return;
        };
        if let Some(vault) =
            self.vaults().values_mut().find(|candidate| candidate.name.eq_ignore_ascii_case(&vault))
        {
            if private {
                vault.connect_privately(&self.names);
            } else {
                vault.disconnect(&self.names);
            }
        }
    }

    /// Edits a vault's document by a JSON merge patch.
    pub(crate) fn patch_vault(&self, name: &str, patch: &Value) -> Option<Value> {
        let mut vaults = self.vaults();
        let vault = vaults.values_mut().find(|vault| vault.name.eq_ignore_ascii_case(name))?;
        merge(&mut vault.document, patch);
        Some(vault.document.clone())
    }
}

/// Type and object id of the principal that roles and policies are given to.
fn assignee(given: &Given, names: &Names) -> (&'static str, String) {
    if given.access.through_group {
        ("Group", names.identity_group.clone())
    } else if given.cluster.identity == Identity::UserAssigned {
        ("ServicePrincipal", names.identity_principal.clone())
    } else {
        ("ServicePrincipal", names.own_principal.clone())
    }
}

fn roles(given: &Given, names: &Names) -> Result<Vec<RoleAssignment>, String> {
    let access = &given.access;
    let built_in = |name: &str| {
        RoleDefinition::named(name).ok_or_else(|| format!("there is no built-in role {name:?}"))
    };
    let vault = names.vault_id(&names.vault);
    let (principal_type, principal) = assignee(given, names);
    let mut roles = Vec::new();
    if let Some(role) = &access.role {
        let scope = match access.scope {
            Scope::Key => format!("{vault}/keys/{KEY}"),
            Scope::Vault => vault.clone(),
            Scope::ResourceGroup => names.group_id(),
            Scope::Subscription => names.subscription_id(),
        };
        let condition = access.condition.then(|| {
            "((!(ActionMatches{'Microsoft.KeyVault/vaults/keys/decrypt/action'})))".to_owned()
        });
        roles.push(RoleAssignment::new(
            built_in(role)?,
            (principal_type, &principal),
            scope,
            condition,
        ));
    }
    if access.private_link_role {
        let role = built_in("Key Vault Contributor")?;
        roles.push(RoleAssignment::new(role, (principal_type, &principal), vault, None));
    }
    Ok(roles)
}

/// The resource groups that a case starts with.
fn groups(names: &Names) -> BTreeMap<String, Value> {
    let groups = [names.group.clone(), names.node_group()];
    groups
        .into_iter()
        .map(|group| (group.to_ascii_lowercase(), names.group_document(&group, json!({}))))
        .collect()
}

/// Applies a JSON merge patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_merges_objects_replaces_the_rest_and_removes_nulls() {
        let mut target = json!({ "a": { "b": 1, "c": 2 }, "d": [1, 2] });
        merge(&mut target, &json!({ "a": { "b": null, "e": 3 }, "d": [3] }));
        assert_eq!(target, json!({ "a": { "c": 2, "e": 3 }, "d": [3] }));
    }
}
