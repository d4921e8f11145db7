//! Making vaults and keys, through Resource Manager: that needs no network path to the vault and no
//! right inside it.

use azure_core::http::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
    key::from_resource,
    vault::{API_VERSION, parse},
};
use crate::{
    error::{Result, optional},
    facts::{KeyFacts, VaultFacts},
    ids::{KeyId, VaultAuthorization, VaultId},
};

/// A vault that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewVault {
    pub(crate) location: String,
    pub(crate) tenant_id: String,
    pub(crate) authorization: VaultAuthorization,
    pub(crate) public_network_access: bool,
    /// Its firewall lets trusted services of Azure pass, and nobody else.
    pub(crate) firewall: bool,
    pub(crate) purge_protection: bool,
}

impl Azure {
    /// Why a vault cannot have this name. `None`: it can.
    pub(crate) async fn vault_name_is_taken(&self, id: &VaultId) -> Result<Option<String>> {
        let subscription = id.subscription_id();
        let target = CallTarget::Management {
            path: format!(
                "/subscriptions/{subscription}/providers/Microsoft.KeyVault/checkNameAvailability"
            ),
            api_version: API_VERSION.to_owned(),
        };
        let what = format!("ask whether a key vault can have the name {}", id.name());
        let post = Call::new(Method::Post, target, what, AzureAction::CheckVaultName);
        let body = json!({ "name": id.name(), "type": "Microsoft.KeyVault/vaults" });
        let call = Call { body: Some(body), ..post };
        let response = self.send(&call).await?.json(&call.what)?;
        match response.get("nameAvailable").and_then(Value::as_bool) {
            Some(true) => Ok(None),
            Some(false) => {
                let said = response.get("message").and_then(Value::as_str).unwrap_or_default();
                Ok(Some(said.trim_end_matches('.').to_owned()))
            }
            None => Err(unreadable(&call.what, "nameAvailable is missing")),
        }
    }

    /// Makes a vault, which may not be ready yet. Where there is one it gets these properties: look before.
    pub(crate) async fn create_vault(&self, id: &VaultId, new: &NewVault) -> Result<VaultFacts> {
        let access = if new.public_network_access { "Enabled" } else { "Disabled" };
        let mut body = json!({
            "location": new.location,
            "properties": {
                "tenantId": new.tenant_id,
                "sku": { "family": "A", "name": "standard" },
                "accessPolicies": [],
                "enableRbacAuthorization": new.authorization == VaultAuthorization::Rbac,
                "enableSoftDelete": true,
                "softDeleteRetentionInDays": 90,
                "publicNetworkAccess": access,
            },
        });
        if new.firewall {
            body["properties"]["networkAcls"] =
                json!({ "defaultAction": "Deny", "bypass": "AzureServices" });
        }
        if new.purge_protection {
            // false is refused
            body["properties"]["enablePurgeProtection"] = json!(true);
        }
        let put = vault_write(
            Method::Put,
            id,
            "",
            format!("create key vault {id}"),
            AzureAction::WriteVault,
        );
        let call = Call { body: Some(body), ..put };
        parse(id, &self.send(&call).await?.json(&call.what)?)
    }

    /// Turns a vault's purge protection on, which cannot be undone, and changes nothing else of it.
    pub(crate) async fn protect_vault(&self, id: &VaultId) -> Result<VaultFacts> {
        let what = format!("turn on the purge protection of key vault {id}");
        let patch = vault_write(Method::Patch, id, "", what, AzureAction::WriteVault);
        let body = json!({ "properties": { "enablePurgeProtection": true } });
        let call = Call { body: Some(body), ..patch };
        parse(id, &self.send(&call).await?.json(&call.what)?)
    }

    /// Adds encrypt and decrypt to what a vault's access policies give a principal.
    pub(crate) async fn grant_policy(&self, vault: &VaultFacts, principal_id: &str) -> Result<()> {
        let id = &vault.id;
        let what = format!(
            "give identity {principal_id} encrypt and decrypt by an access policy of key vault {id}"
        );
        let put =
            vault_write(Method::Put, id, "/accessPolicies/add", what, AzureAction::WritePolicies);
        let body = json!({ "properties": { "accessPolicies": [{
            "tenantId": vault.tenant_id,
            "objectId": principal_id,
            "permissions": { "keys": ["encrypt", "decrypt"] },
        }]}});
        self.send(&Call { body: Some(body), ..put }).await.map(drop)
    }

    /// A vault's key, the newest version of it where the id has none. `None`: there is no such key.
    pub(crate) async fn find_key(&self, vault: &VaultId, key: &KeyId) -> Result<Option<KeyFacts>> {
        optional(self.key_of_resource(key, vault).await)
    }

    /// Makes an RSA key. Where there is one it stays as it is, without a new version.
    pub(crate) async fn create_key(
        &self,
        vault: &VaultId,
        key: &KeyId,
        size: u32,
        expires: Option<OffsetDateTime>,
    ) -> Result<KeyFacts> {
        let mut properties = json!({ "kty": "RSA", "keySize": size });
        if let Some(expires) = expires {
            properties["attributes"] = json!({ "exp": expires.unix_timestamp() });
        }
        let path = format!("/keys/{}", key.name());
        let what = format!("create key {key}");
        let put = vault_write(Method::Put, vault, &path, what, AzureAction::WriteKey);
        let call = Call { body: Some(json!({ "properties": properties })), ..put };
        from_resource(&call.what, &self.send(&call).await?.json(&call.what)?)
    }
}

/// A write to a vault, sent once: whoever sends it again looks first.
fn vault_write(
    method: Method,
    id: &VaultId,
    suffix: &str,
    what: String,
    action: AzureAction,
) -> Call {
    let target = CallTarget::ManagementOnce {
        path: format!("{id}{suffix}"),
        api_version: API_VERSION.to_owned(),
    };
    Call::new(method, target, what, action)
}
