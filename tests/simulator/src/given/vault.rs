//! The vaults and the key that a case starts from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key vault.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that a case can name")]
pub struct Vault {
    /// False: there is no such vault.
    pub exists: bool,
    /// The vault was deleted and can be recovered.
    pub soft_deleted: bool,
    /// RBAC or access policies.
    pub authorization: Authorization,
    /// `publicNetworkAccess` is Enabled.
    pub public_access: bool,
    /// `networkAcls.defaultAction` is Deny.
    pub firewall: bool,
    /// `networkAcls.bypass` is AzureServices, and not None.
    pub trusted_services: bool,
    /// The vault is in a network security perimeter: `publicNetworkAccess` is `SecuredByPerimeter`.
    pub perimeter: bool,
    /// The vault's tenant is another than the cluster's.
    pub other_tenant: bool,
    /// `enablePurgeProtection` is true.
    pub purge_protection: bool,
    /// `diagnosticSettings` has one.
    pub diagnostics: bool,
    /// How many keys of others are in it.
    pub other_keys: usize,
    /// What becomes of the private endpoint connection that AKS makes for private mode.
    pub private_endpoint: PrivateEndpoint,
}

/// A private endpoint connection as AKS leaves it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivateEndpoint {
    /// AKS approves it with the rights of the cluster's identity.
    #[default]
    Approved,
    /// It waits for somebody to approve it.
    Pending,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            exists: true,
            soft_deleted: false,
            authorization: Authorization::Rbac,
            public_access: true,
            firewall: false,
            trusted_services: true,
            perimeter: false,
            other_tenant: false,
            purge_protection: true,
            diagnostics: true,
            other_keys: 0,
            private_endpoint: PrivateEndpoint::Approved,
        }
    }
}

/// How a vault decides who may do what with its keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authorization {
    /// Azure role-based access control.
    Rbac,
    /// The vault's own access policies.
    AccessPolicy,
}

/// A key.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// False: there is no such key.
    pub exists: bool,
    /// The key was deleted and can be recovered.
    pub soft_deleted: bool,
    /// How many versions: `{{key.1}}` is the oldest.
    pub versions: usize,
    /// `RSA`, `RSA-HSM` or `EC`.
    pub kind: String,
    /// Bits of an RSA key.
    pub size: u32,
    /// `attributes.enabled` of every version.
    pub enabled: bool,
    /// Days from now to `attributes.exp`; negative: expired.
    pub expires_in_days: Option<i64>,
    /// Days from now to `attributes.nbf`.
    pub not_before_in_days: Option<i64>,
    /// `key_ops`.
    pub operations: Vec<String>,
    /// The rotation policy gives new versions an end after this many days; absent: none.
    pub rotation_expiry_days: Option<u32>,
    /// Versions that are not as the others.
    pub exceptions: Vec<KeyException>,
}

/// How a version of the key differs from the others: what is absent is as with them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyException {
    /// Which version, from 1.
    pub version: usize,
    /// `attributes.enabled`.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Days from now to `attributes.exp`; negative: expired.
    #[serde(default)]
    pub expires_in_days: Option<i64>,
    /// Days from now to `attributes.nbf`.
    #[serde(default)]
    pub not_before_in_days: Option<i64>,
    /// `key_ops`.
    #[serde(default)]
    pub operations: Option<Vec<String>>,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            exists: true,
            soft_deleted: false,
            versions: 2,
            kind: "RSA".to_owned(),
            size: 2048,
            enabled: true,
            expires_in_days: None,
            not_before_in_days: None,
            operations: ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
                .map(str::to_owned)
                .to_vec(),
            rotation_expiry_days: None,
            exceptions: Vec::new(),
        }
    }
}
