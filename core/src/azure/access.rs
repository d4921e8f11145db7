//! What the cluster's identity may do with a key, and whether a vault keeps logs.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use futures::future::{join, try_join_all};
use serde_json::Value;

use super::{
    action::AzureAction, call::Call, client::Azure, error::unreadable,
    role_definition::RoleDefinition,
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::{AccessFacts, ClusterFacts, Fact, Lookup, RoleGrant, UserAssignedIdentity, VaultFacts},
    ids::VaultId,
};

pub(super) const AUTHORIZATION_API_VERSION: &str = "2022-04-01";
const DIAGNOSTICS_API_VERSION: &str = "2021-05-01-preview";

/// What is read of an identity.
struct IdentitySeen {
    /// How it shows that there is none.
    missing: Option<String>,
    principal_id: Fact<String>,
    tenant_id: Fact<String>,
}

/// What is read of a role assignment.
struct Assignment {
    definition_id: String,
    scope: String,
    principal_id: String,
    conditional: bool,
}

impl Azure {
    /// Reads who the cluster's identity is and what it may do with the key `key_name` of the vault.
    pub(crate) async fn access(
        &self,
        cluster: &ClusterFacts,
        vault: &Fact<Lookup<VaultFacts>>,
        key_name: &str,
    ) -> AccessFacts {
        self.access_at(cluster, resource_id(vault), key_name).await
    }

    /// The same where the vault's resource id is known, whatever is read of the vault meanwhile.
    pub(crate) async fn access_at(
        &self,
        cluster: &ClusterFacts,
        vault: Result<&VaultId, String>,
        key_name: &str,
    ) -> AccessFacts {
        let Some(identity) = cluster.identities.first() else {
            let why = format!("managed cluster {} has no user-assigned identity", cluster.id);
            return AccessFacts {
                identity_missing: None,
                principal_id: Fact::Unknown(why.clone()),
                tenant_id: cluster.tenant_id.clone().ok_or(&why).into(),
                roles: Fact::Unknown(why),
            };
        };
        let Some(principal_id) = identity.principal_id.clone() else {
            let seen = self.identity(identity).await;
            let roles = self.roles(&seen.principal_id, vault, key_name).await;
            return AccessFacts {
                identity_missing: seen.missing,
                principal_id: seen.principal_id,
                tenant_id: seen.tenant_id,
                roles: roles.into(),
            };
        };
        // The cluster names the principal: its roles need not wait for the identity.
        let principal_id = Fact::Known(principal_id);
        let (seen, roles) =
            join(self.identity(identity), self.roles(&principal_id, vault, key_name)).await;
        let identity_missing = seen.missing.clone().or_else(|| replaced(&principal_id, &seen));
        AccessFacts {
            identity_missing,
            principal_id,
            tenant_id: seen.tenant_id,
            roles: roles.into(),
        }
    }

    /// Whether the vault has diagnostic settings.
    pub(crate) async fn has_diagnostics(&self, vault: &VaultId) -> Fact<bool> {
        let path = format!("{vault}/providers/Microsoft.Insights/diagnosticSettings");
        let what = format!("read the diagnostic settings of key vault {vault}");
        let call = Call::get(path, DIAGNOSTICS_API_VERSION, what, AzureAction::ReadDiagnostics);
        self.list(call).await.map(|settings| !settings.is_empty()).into()
    }

    /// The principal and the tenant of an identity, or that it is gone.
    async fn identity(&self, identity: &UserAssignedIdentity) -> IdentitySeen {
        match self.read_identity(&identity.resource_id).await {
            Ok(read) => IdentitySeen {
                missing: None,
                principal_id: read.principal_id.into(),
                tenant_id: read.tenant_id.into(),
            },
            Err(error) => IdentitySeen {
                missing: is_gone(&error)
                    .then(|| format!("identity {} does not exist", identity.resource_id)),
                principal_id: Fact::Unknown(error.to_string()),
                tenant_id: Fact::Unknown(error.to_string()),
            },
        }
    }

    async fn roles(
        &self,
        principal_id: &Fact<String>,
        vault: Result<&VaultId, String>,
        key_name: &str,
    ) -> Result<Vec<RoleGrant>, String> {
        let grants = self.role_grants(principal_id.get()?, vault?, key_name).await;
        grants.map_err(|error| error.to_string())
    }

    /// Every grant at the key and at the scopes above it, of the principal and of its groups.
    async fn role_grants(
        &self,
        principal_id: &str,
        vault: &VaultId,
        key_name: &str,
    ) -> Result<Vec<RoleGrant>> {
        let scope = format!("{vault}/keys/{key_name}");
        let what = format!("read the role assignments of identity {principal_id} at {scope}");
        // It becomes part of a filter expression.
        if uuid::Uuid::try_parse(principal_id).is_err() {
            return Err(unreadable(&what, "the principal is no UUID"));
        }
        let path = format!("{scope}/providers/Microsoft.Authorization/roleAssignments");
        let mut call =
            Call::get(path, AUTHORIZATION_API_VERSION, what, AzureAction::ReadRoleAssignments);
        call.query.push(("$filter", format!("atScope() and assignedTo('{principal_id}')")));
        let what = call.what.clone();
        let parsed = |assignment: &Value| {
            parse_assignment(assignment)
                .ok_or_else(|| unreadable(&what, "an assignment lacks scope, role or principal"))
        };
        let assignments = self.list(call).await?;
        let assignments = assignments.iter().map(parsed).collect::<Result<Vec<_>>>()?;
        let ids: BTreeSet<&str> =
            assignments.iter().map(|assignment| assignment.definition_id.as_str()).collect();
        let definitions = try_join_all(
            ids.into_iter().map(async |id| Ok::<_, Error>((id, self.role_definition(id).await?))),
        )
        .await?;
        let definitions: HashMap<&str, RoleDefinition> = definitions.into_iter().collect();
        Ok(assignments
            .iter()
            .flat_map(|assignment| grants(assignment, &definitions[&*assignment.definition_id]))
            .collect())
    }

    pub(super) async fn role_definition(&self, id: &str) -> Result<RoleDefinition> {
        let slot = {
            let mut definitions =
                self.role_definitions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(definitions.entry(id.to_ascii_lowercase()).or_default())
        };
        let read = async || {
            let what = format!("read role definition {id}");
            let call =
                Call::get(id, AUTHORIZATION_API_VERSION, what, AzureAction::ReadRoleDefinitions);
            let definition = self.send(&call).await?.json(&call.what)?;
            RoleDefinition::parse(&definition)
                .ok_or_else(|| unreadable(&call.what, "it lacks roleName or permissions"))
        };
        Ok(slot.get_or_try_init(read).await?.clone())
    }
}

/// Of a vault that is there.
fn resource_id(vault: &Fact<Lookup<VaultFacts>>) -> Result<&VaultId, String> {
    let vault = vault.get()?.found().ok_or("the key vault does not exist")?;
    Ok(&vault.id)
}

/// Whether it is the identity that is not there, and not the subscription that cannot be seen.
fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
        && matches!(error.service_code(), Some("ResourceNotFound" | "ResourceGroupNotFound"))
}

/// An identity that was deleted and made again by the same name is another one.
fn replaced(of_cluster: &Fact<String>, seen: &IdentitySeen) -> Option<String> {
    let (own, now) = (of_cluster.known()?, seen.principal_id.known()?);
    (!own.eq_ignore_ascii_case(now)).then(|| {
        format!(
            "the cluster runs as principal {own}, which does not exist any more: the identity of that name now is {now}"
        )
    })
}

/// One grant for each entry of the role's permissions: what an entry takes away, it takes away
/// from itself only.
fn grants(assignment: &Assignment, role: &RoleDefinition) -> Vec<RoleGrant> {
    role.permissions
        .iter()
        .map(|permissions| RoleGrant {
            role: role.name.clone(),
            scope: assignment.scope.clone(),
            principal_id: assignment.principal_id.clone(),
            conditional: assignment.conditional,
            actions: permissions.actions.clone(),
            not_actions: permissions.not_actions.clone(),
            data_actions: permissions.data_actions.clone(),
            not_data_actions: permissions.not_data_actions.clone(),
        })
        .collect()
}

fn parse_assignment(assignment: &Value) -> Option<Assignment> {
    let properties = assignment.get("properties")?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    Some(Assignment {
        definition_id: text("roleDefinitionId")?.to_owned(),
        scope: text("scope")?.to_owned(),
        principal_id: text("principalId")?.to_owned(),
        conditional: text("condition").is_some_and(|condition| !condition.is_empty()),
    })
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
