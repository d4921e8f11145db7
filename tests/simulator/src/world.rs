//! One case's Azure: its cluster, vaults, identity and roles, and what its caller may do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use crate::{
    clock::TimeScale,
    closed_vaults::ClosedVaults,
    cluster::{Cluster, kubernetes::Kubernetes, operation::Operation, version::Version},
    faults::FaultBook,
    given::{Access, Given, Identity, Scope},
    identities::ManagedIdentity,
    merge::merge,
    names::{KEY, Names, vault_host},
    roles::{RoleAssignment, RoleDefinition},
    throttle::Throttles,
    vault::{Refusal, User, Vault, Way, material::KeySpec},
    writes::Recorder,
};

/// Everything that belongs to one case.
pub(crate) struct World {
    pub(crate) names: Names,
    pub(crate) given: Given,
    /// What the caller may do now.
    rights: Mutex<Arc<Access>>,
    /// Ids of the given key's versions, oldest first.
    pub(crate) key_ids: Vec<String>,
    /// Those of the key in the other vault, if there is one.
    pub(crate) other_key_ids: Vec<String>,
    pub(crate) faults: FaultBook,
    /// Shared by the worlds of a fleet.
    pub(crate) throttles: Arc<Throttles>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) scale: TimeScale,
    pub(crate) kubernetes: Kubernetes,
    pub(crate) closed_vaults: ClosedVaults,
    /// The cluster that the case starts with, which may have been deleted since.
    first: Arc<Cluster>,
    /// Clusters by id in lower case.
    clusters: Mutex<BTreeMap<String, Arc<Cluster>>>,
    operations: Mutex<BTreeMap<String, Operation>>,
    vaults: Mutex<BTreeMap<String, Vault>>,
    groups: Mutex<BTreeMap<String, Value>>,
    identities: Mutex<BTreeMap<String, ManagedIdentity>>,
    /// State of the preview feature.
    feature: Mutex<String>,
    roles: Mutex<Vec<RoleAssignment>>,
}

/// The vaults and the ids of the given key's versions: needed before placeholders can be replaced.
pub(crate) struct Vaults {
    pub(crate) by_name: BTreeMap<String, Vault>,
    pub(crate) key_ids: Vec<String>,
    pub(crate) other_key_ids: Vec<String>,
}

impl Vaults {
    /// What a case starts with.
    pub(crate) fn from_given(given: &Given, names: &Names) -> Self {
        let principal = assignee(given, names).1;
        let mut by_name = BTreeMap::new();
        let mut versions = |wanted: &crate::given::Vault, name: &str| -> Vec<String> {
            let vault = Vault::from_given(given, (wanted, name), names, &principal);
            let versions: Vec<String> = match vault.as_ref().and_then(|vault| vault.keys.get(KEY)) {
                Some(key) => key.versions.iter().map(|version| version.version.clone()).collect(),
                // A case can name the versions of a key that does not exist.
                None => (0..given.key.versions)
                    .map(|_| uuid::Uuid::new_v4().simple().to_string())
                    .collect(),
            };
            by_name.extend(vault.map(|vault| (name.to_owned(), vault)));
            let host = vault_host(name);
            versions.iter().map(|version| format!("https://{host}/keys/{KEY}/{version}")).collect()
        };
        let key_ids = versions(&given.vault, &names.vault);
        let other = given.other_vault.as_ref();
        let other_key_ids =
            other.map(|other| versions(other, &names.other_vault)).unwrap_or_default();
        Self { by_name, key_ids, other_key_ids }
    }
}

impl World {
    /// Makes the world of a case, whose placeholders have been replaced.
    pub(crate) fn new(
        given: Given,
        names: Names,
        vaults: Vaults,
        scale: TimeScale,
        kubernetes: Kubernetes,
        throttles: Arc<Throttles>,
    ) -> Result<Self, String> {
        let version = &given.cluster.kubernetes_version;
        if Version::parse(version).is_none() {
            return Err(format!("{version:?} is not a Kubernetes version"));
        }
        if let Err(wrong) = KeySpec::parse(&given.key.kind, Some(given.key.size.into()), None) {
            return Err(format!("the key's {wrong} is none of Key Vault's"));
        }
        let key_ids = [vaults.key_ids.clone(), vaults.other_key_ids.clone()].concat();
        let first = Arc::new(Cluster::from_given(&given, &names, &key_ids)?);
        let identity = ManagedIdentity::of_case(&names);
        let world = Self {
            roles: Mutex::new(roles(&given, &names)?),
            faults: FaultBook::new(&given.faults),
            throttles,
            recorder: Arc::new(Recorder::default()),
            clusters: Mutex::new([(key(&first.names.id()), first.clone())].into()),
            first,
            operations: Mutex::default(),
            feature: Mutex::new(given.data_encryption.feature.clone()),
            vaults: Mutex::new(vaults.by_name),
            groups: Mutex::new(groups(&names)),
            identities: Mutex::new([(key(&identity.id), identity)].into()),
            key_ids: vaults.key_ids,
            other_key_ids: vaults.other_key_ids,
            kubernetes,
            closed_vaults: ClosedVaults::default(),
            scale,
            rights: Mutex::new(Arc::new(given.access.clone())),
            given,
            names,
        };
        world.update_private_connections(&world.first);
        Ok(world)
    }

    /// The cluster of the case's name, or the one that had it last.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        self.cluster_with_id(&self.first.names.id()).unwrap_or_else(|| self.first.clone())
    }

    /// The cluster with this id.
    pub(crate) fn cluster_with_id(&self, id: &str) -> Option<Arc<Cluster>> {
        lock(&self.clusters).get(&key(id)).cloned()
    }

    /// All clusters, by id.
    pub(crate) fn clusters(&self) -> Vec<Arc<Cluster>> {
        lock(&self.clusters).values().cloned().collect()
    }

    /// Adds a cluster.
    pub(crate) fn insert_cluster(&self, cluster: Arc<Cluster>) {
        lock(&self.clusters).insert(key(&cluster.names.id()), cluster);
    }

    /// Forgets a cluster and its nodes' resource group.
    pub(crate) fn remove_cluster(&self, cluster: &Cluster) {
        lock(&self.clusters).remove(&key(&cluster.names.id()));
        self.groups().remove(&key(&cluster.names.node_group));
    }

    /// Operations by id, ended ones included; never hold the guard across an await.
    pub(crate) fn operations(&self) -> MutexGuard<'_, BTreeMap<String, Operation>> {
        lock(&self.operations)
    }

    /// The vaults by name, deleted ones included; never hold the guard across an await.
    pub(crate) fn vaults(&self) -> MutexGuard<'_, BTreeMap<String, Vault>> {
        lock(&self.vaults)
    }

    /// The documents of resource groups, by name in lower case; never hold the guard across an
    /// await.
    pub(crate) fn groups(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        lock(&self.groups)
    }

    /// User-assigned identities, by id in lower case; never hold the guard across an await.
    pub(crate) fn identities(&self) -> MutexGuard<'_, BTreeMap<String, ManagedIdentity>> {
        lock(&self.identities)
    }

    /// The user-assigned identity with this id.
    pub(crate) fn identity(&self, id: &str) -> Option<ManagedIdentity> {
        self.identities().get(&key(id)).cloned()
    }

    /// All role assignments, whether they are in effect or not; never hold the guard across an
    /// await.
    pub(crate) fn roles(&self) -> MutexGuard<'_, Vec<RoleAssignment>> {
        lock(&self.roles)
    }

    /// The role assignments in effect that a principal has, itself or through a group.
    pub(crate) fn roles_of_principal(&self, principal: &str) -> Vec<RoleAssignment> {
        let principals = self.with_groups(principal);
        let has = |assignment: &&RoleAssignment| {
            assignment.is_effective()
                && principals
                    .iter()
                    .any(|principal| assignment.principal.eq_ignore_ascii_case(principal))
        };
        self.roles().iter().filter(has).cloned().collect()
    }

    /// The role assignments in effect that a cluster's identity has.
    pub(crate) fn roles_of(&self, cluster: &Cluster) -> Vec<RoleAssignment> {
        self.roles_of_principal(&cluster.principal())
    }

    /// A principal and the groups that it is in: those of the case are in one.
    pub(crate) fn with_groups(&self, principal: &str) -> Vec<String> {
        let names = &self.names;
        let member = [&names.identity_principal, &names.own_principal]
            .iter()
            .any(|member| member.eq_ignore_ascii_case(principal));
        let group = member.then(|| names.identity_group.clone());
        [principal.to_owned()].into_iter().chain(group).collect()
    }

    /// Whether a principal still exists: a deleted identity gets no more tokens.
    fn exists(&self, principal: &str, cluster: &Cluster) -> bool {
        principal == cluster.names.own_principal
            || self.identities().values().any(|identity| identity.principal == principal)
    }

    /// Whether a cluster's API server listens on this port.
    pub(crate) fn serves_kubernetes_at(&self, port: u16) -> bool {
        self.clusters().iter().any(|cluster| cluster.serves_kubernetes_at(port))
    }

    /// Whether an operation goes on on any cluster.
    pub(crate) fn is_busy(&self) -> bool {
        self.clusters().iter().any(|cluster| cluster.state().is_busy())
    }

    /// State of the preview feature; never hold the guard across an await.
    pub(crate) fn feature(&self) -> MutexGuard<'_, String> {
        lock(&self.feature)
    }

    /// What the caller may do now.
    pub(crate) fn rights(&self) -> Arc<Access> {
        lock(&self.rights).clone()
    }

    /// Gives the caller other rights.
    pub(crate) fn set_rights(&self, rights: Access) {
        *lock(&self.rights) = Arc::new(rights);
    }

    /// Calls `work` with a cluster's identity as a user of vaults, who reaches them in this way.
    pub(crate) fn as_identity<R>(
        &self,
        cluster: &Cluster,
        way: Way<'_>,
        work: impl FnOnce(User<'_>) -> R,
    ) -> R {
        let principal = cluster.principal();
        let exists = self.exists(&principal, cluster);
        let principals = if exists { self.with_groups(&principal) } else { Vec::new() };
        let principals: Vec<&str> = principals.iter().map(String::as_str).collect();
        work(User::Identity {
            principals: &principals,
            roles: &self.roles_of_principal(&principal),
            way,
        })
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
    pub(crate) fn update_private_connections(&self, cluster: &Cluster) {
        let in_use = cluster.state().vault_in_use();
        let Some((vault, private)) = in_use else {
            return;
        };
        if let Some(vault) =
            self.vaults().values_mut().find(|candidate| candidate.name.eq_ignore_ascii_case(&vault))
        {
            if private {
                vault.connect_privately(&cluster.names, self.given.vault.private_endpoint);
            } else {
                vault.disconnect(&cluster.names);
            }
        }
    }

    /// Removes the private endpoints of a cluster.
    pub(crate) fn disconnect_privately(&self, cluster: &Cluster) {
        for vault in self.vaults().values_mut() {
            vault.disconnect(&cluster.names);
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
    let (principal_type, principal) = assignee(given, names);
    let mut roles = Vec::new();
    let other = given.other_vault.as_ref().map(|_| names.other_vault.as_str());
    for vault in [Some(names.vault.as_str()), other].into_iter().flatten() {
        let vault = names.vault_id(vault);
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
    }
    Ok(roles)
}

/// How Azure looks up an id or a name.
fn key(id: &str) -> String {
    id.trim_end_matches('/').to_ascii_lowercase()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The resource groups that a case starts with.
fn groups(names: &Names) -> BTreeMap<String, Value> {
    let groups = [names.group.clone(), names.own_cluster().node_group];
    groups
        .into_iter()
        .map(|group| (group.to_ascii_lowercase(), names.group_document(&group, &json!({}))))
        .collect()
}
