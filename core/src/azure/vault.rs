//! Key vaults: finding the one that a key id names, and reading it.
//!
//! A key id names only the vault's host. Its resource is found by the id that the caller gives, else by Resource Graph
//! (once for all clusters of a fleet: [`known_vaults`](super::known_vaults)), else among the vaults of the cluster's
//! subscription. Failing all that, the vault's host is asked without a token: its challenge tells that it exists, and
//! in which tenant.

use azure_core::http::{Method, headers::WWW_AUTHENTICATE};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    challenge::Challenge,
    client::Azure,
    error::unreadable,
    resource_graph::GraphScope,
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::{AccessPolicy, ConnectionState, Fact, Lookup, PrivateEndpointConnection, VaultFacts},
    ids::{ClusterId, KeyId, VaultId},
};

/// Of Key Vault's management plane.
pub(crate) const API_VERSION: &str = "2026-05-15";

/// Of Resource Graph.
const ALL_VAULTS: &str = "resources | where type =~ 'microsoft.keyvault/vaults' | project id";

const READ: AzureAction = AzureAction::ReadVault;

/// How many times a change is sent again that is in conflict with another one of the vault.
const CONFLICTS: u32 = 6;

/// What a vault's host says to whoever asks without a token.
enum Presence {
    /// It responds as a vault does; the tenant, if the cloud's own authority is named.
    There { tenant_id: Option<String> },
    /// There is no such host, or nothing that responds as a vault does.
    NoResponse,
}

impl Azure {
    /// Finds and reads the vault of a key: by `key_vault_id` where given, else by the name in the
    /// key id.
    pub(crate) async fn vault(
        &self,
        key_id: &KeyId,
        key_vault_id: Option<&VaultId>,
        cluster: &ClusterId,
    ) -> Fact<Lookup<VaultFacts>> {
        match self.vault_id(key_id, key_vault_id, cluster).await {
            Ok(id) => self.vault_by_id(&id).await,
            Err(known) => known,
        }
    }

    /// Resource id of a key's vault.
    ///
    /// # Errors
    /// What is known of the vault where its resource is not found.
    pub(crate) async fn vault_id(
        &self,
        key_id: &KeyId,
        key_vault_id: Option<&VaultId>,
        cluster: &ClusterId,
    ) -> Result<VaultId, Fact<Lookup<VaultFacts>>> {
        match key_vault_id {
            Some(id) => Ok(id.clone()),
            None => self.vault_id_by_name(key_id, cluster).await,
        }
    }

    /// Reads a vault.
    pub(crate) async fn read_vault(&self, id: &VaultId) -> Result<VaultFacts> {
        let call = vault_read(id);
        parse(id, &self.send(&call).await?.json(&call.what)?)
    }

    /// Enables or disables a vault's public network access, and changes nothing else of it.
    ///
    /// It is closed by one request, whatever comes of it: before another one everything is to be
    /// looked at. An open vault does no harm, so that it is opened by as many as it takes.
    pub(crate) async fn set_vault_public_access(&self, id: &VaultId, enabled: bool) -> Result<()> {
        let access = if enabled { "Enabled" } else { "Disabled" };
        let (path, api_version) = (id.to_string(), API_VERSION.to_owned());
        let target = if enabled {
            CallTarget::Management { path, api_version }
        } else {
            CallTarget::ManagementOnce { path, api_version }
        };
        let what = format!("set the public network access of key vault {id} to {access}");
        let call = Call {
            body: Some(json!({ "properties": { "publicNetworkAccess": access } })),
            ..Call::new(Method::Patch, target, what, AzureAction::WriteVault)
        };
        let mut tries = 0;
        loop {
            match self.send(&call).await {
                // Somebody else is changing the vault.
                Err(error)
                    if enabled && error.kind() == ErrorKind::Conflict && tries < CONFLICTS =>
                {
                    tries += 1;
                    sleep(self.timing.pause(tries)).await;
                }
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Names of a vault's keys.
    pub(crate) async fn vault_keys(&self, id: &VaultId) -> Result<Vec<String>> {
        let what = format!("list the keys of key vault {id}");
        let call = Call::get(format!("{id}/keys"), API_VERSION, what, AzureAction::ReadKey);
        let keys = self.list(call).await?;
        let name = |key: &Value| key.get("name").and_then(Value::as_str).map(str::to_owned);
        Ok(keys.iter().filter_map(name).collect())
    }

    /// Reads a vault, or that it is gone.
    pub(crate) async fn vault_by_id(&self, id: &VaultId) -> Fact<Lookup<VaultFacts>> {
        self.find_vault(id).await.into()
    }

    /// Looks for a vault.
    pub(crate) async fn find_vault(&self, id: &VaultId) -> Result<Lookup<VaultFacts>> {
        match self.read_vault(id).await {
            Ok(vault) => Ok(Lookup::Found(vault)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match self.is_deleted(id.subscription_id(), id.name()).await {
                    Ok(true) => Ok(Lookup::SoftDeleted),
                    Ok(false) => Ok(Lookup::NotFound),
                    Err(error) => {
                        let message = format!(
                            "key vault {id} is not there, and whether it can be recovered is not known: {error}"
                        );
                        Err(Error::new(error.kind(), message))
                    }
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn vault_id_by_name(
        &self,
        key_id: &KeyId,
        cluster: &ClusterId,
    ) -> Result<VaultId, Fact<Lookup<VaultFacts>>> {
        let name = key_id.vault_name();
        if let Some(id) = self.known_vaults.get(name) {
            return Ok(id);
        }
        let mut obstacles = Vec::new();
        match self.search_resource_graph(name).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        match self.search_subscription(cluster.subscription_id(), name).await {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        match self.is_deleted(cluster.subscription_id(), name).await {
            Ok(true) => return Err(Fact::Known(Lookup::SoftDeleted)),
            Ok(false) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        let presence = self.presence(key_id).await;
        if matches!(presence, Presence::NoResponse) && obstacles.is_empty() {
            return Err(Fact::Known(Lookup::NotFound));
        }
        let seen = match presence {
            Presence::There { tenant_id: Some(tenant) } => {
                format!("{} exists in tenant {tenant}", key_id.host())
            }
            Presence::There { tenant_id: None } => format!("{} exists", key_id.host()),
            Presence::NoResponse => format!("{} does not respond from here", key_id.host()),
        };
        let mut reason = format!(
            "{seen}, but the resource of key vault {name} was not found; pass key_vault_id, or the \
             right to read it ({})",
            READ.name()
        );
        for obstacle in obstacles {
            reason.push_str("; ");
            reason.push_str(&obstacle);
        }
        Err(Fact::Unknown(reason))
    }

    /// Looks where all vaults are that the credential can see, so that not every cluster has to look for its own.
    /// A vault that is not among them is looked for by its name.
    pub(crate) async fn look_for_vaults(&self) -> Result<()> {
        let since = Instant::now();
        let what = "search for key vaults by Resource Graph";
        let rows = self.resource_graph(what, ALL_VAULTS, GraphScope::Everywhere).await?;
        let id = |row: &Value| VaultId::parse(row.get("id")?.as_str()?).ok();
        self.known_vaults.set(since, rows.iter().filter_map(id));
        Ok(())
    }

    /// Asks for the vault in every subscription that the credential can read.
    async fn search_resource_graph(&self, name: &str) -> Result<Option<VaultId>> {
        // A vault's name in a key id is letters, digits and hyphens: it cannot end the literal.
        let query = format!(
            "resources | where type =~ 'microsoft.keyvault/vaults' and name =~ '{name}' | project id"
        );
        let what = format!("search for key vault {name} by Resource Graph");
        let rows = self.resource_graph(&what, &query, GraphScope::Everywhere).await?;
        Ok(rows.iter().find_map(|row| vault_id_named(row, name)))
    }

    async fn search_subscription(
        &self,
        subscription_id: &str,
        name: &str,
    ) -> Result<Option<VaultId>> {
        let path = format!("/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults");
        let what = format!("list the key vaults of subscription {subscription_id}");
        let call = Call::get(path, API_VERSION, what, READ);
        let vaults = self.list(call).await?;
        Ok(vaults.iter().find_map(|vault| vault_id_named(vault, name)))
    }

    async fn is_deleted(&self, subscription_id: &str, name: &str) -> Result<bool> {
        let path =
            format!("/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/deletedVaults");
        let what = format!("list the deleted key vaults of subscription {subscription_id}");
        let call = Call::get(path, API_VERSION, what, AzureAction::ReadDeletedVaults);
        let deleted = match self.list(call).await {
            // There is no such subscription, so nothing to recover in it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            listed => listed?,
        };
        let mut names = deleted.iter().filter_map(|vault| vault["name"].as_str());
        Ok(names.any(|it| it.eq_ignore_ascii_case(name)))
    }

    async fn presence(&self, key_id: &KeyId) -> Presence {
        let target = CallTarget::Challenge {
            host: key_id.host().to_owned(),
            path: format!("/keys/{}", key_id.name()),
        };
        let what = format!("ask whether {} exists", key_id.host());
        let call = Call::new(Method::Get, target, what, None);
        let (Ok(response), Ok(endpoints)) = (self.ask(&call).await, self.endpoints().await) else {
            return Presence::NoResponse;
        };
        match response.status {
            401 | 403 => Presence::There {
                tenant_id: response
                    .headers
                    .get_optional_str(&WWW_AUTHENTICATE)
                    .and_then(Challenge::parse)
                    .filter(|challenge| endpoints.is_authority(&challenge.authorization))
                    .and_then(|challenge| challenge.tenant_id().map(str::to_owned)),
            },
            _ => Presence::NoResponse,
        }
    }
}

pub(super) fn vault_read(id: &VaultId) -> Call {
    Call::get(id.to_string(), API_VERSION, format!("read key vault {id}"), READ)
}

fn vault_id_named(resource: &Value, name: &str) -> Option<VaultId> {
    let id = resource.get("id")?.as_str()?;
    let (_, last) = id.rsplit_once('/')?;
    last.eq_ignore_ascii_case(name).then(|| VaultId::parse(id).ok()).flatten()
}

pub(super) fn parse(id: &VaultId, vault: &Value) -> Result<VaultFacts> {
    let text = |pointer: &str| vault.pointer(pointer).and_then(Value::as_str);
    let flag = |pointer: &str| vault.pointer(pointer).and_then(Value::as_bool);
    let Some(tenant_id) = text("/properties/tenantId") else {
        return Err(unreadable(&format!("read key vault {id}"), "properties.tenantId is missing"));
    };
    let policies = vault.pointer("/properties/accessPolicies").and_then(Value::as_array);
    let connections =
        vault.pointer("/properties/privateEndpointConnections").and_then(Value::as_array);
    Ok(VaultFacts {
        id: id.clone(),
        tenant_id: tenant_id.to_owned(),
        rbac: flag("/properties/enableRbacAuthorization").unwrap_or(false),
        access_policies: policies.into_iter().flatten().filter_map(access_policy).collect(),
        public_network_access: !text("/properties/publicNetworkAccess")
            .is_some_and(|access| access.eq_ignore_ascii_case("Disabled")),
        firewall: text("/properties/networkAcls/defaultAction")
            .is_some_and(|action| action.eq_ignore_ascii_case("Deny")),
        trusted_services: !text("/properties/networkAcls/bypass")
            .is_some_and(|bypass| bypass.eq_ignore_ascii_case("None")),
        perimeter: text("/properties/publicNetworkAccess")
            .is_some_and(|access| access.eq_ignore_ascii_case("SecuredByPerimeter")),
        // On unless it was turned off when that was still possible.
        soft_delete: flag("/properties/enableSoftDelete").unwrap_or(true),
        purge_protection: flag("/properties/enablePurgeProtection").unwrap_or(false),
        private_endpoint_connections: connections.into_iter().flatten().map(connection).collect(),
        is_ready: text("/properties/provisioningState")
            .is_none_or(|state| state.eq_ignore_ascii_case("Succeeded")),
    })
}

fn connection(connection: &Value) -> PrivateEndpointConnection {
    let text = |pointer: &str| connection.pointer(pointer).and_then(Value::as_str);
    let id = text("/id").unwrap_or_default();
    let status = text("/properties/privateLinkServiceConnectionState/status").unwrap_or_default();
    PrivateEndpointConnection {
        name: id.rsplit('/').next().unwrap_or_default().to_owned(),
        endpoint_id: text("/properties/privateEndpoint/id").unwrap_or_default().to_owned(),
        state: if status.eq_ignore_ascii_case("Approved") {
            ConnectionState::Approved
        } else if status.eq_ignore_ascii_case("Pending") {
            ConnectionState::Pending
        } else {
            ConnectionState::Other(status.to_owned())
        },
    }
}

fn access_policy(policy: &Value) -> Option<AccessPolicy> {
    let keys = policy.pointer("/permissions/keys").and_then(Value::as_array);
    Some(AccessPolicy {
        object_id: policy.get("objectId")?.as_str()?.to_owned(),
        keys: keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
