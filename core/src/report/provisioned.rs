//! What `provision` made, and what it found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::RuleId,
    ids::{IdentityId, KeyId, VaultId, text_enum},
    report::Finding,
};

/// Vault, key, identity and access of a cluster, as `provision` left them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Provisioned {
    /// Nothing was written because the caller asked for a dry run.
    pub dry_run: bool,
    /// The vault.
    pub key_vault_id: VaultId,
    /// The key: its newest version, which `enable` takes; without a version where a dry run would make it. A
    /// customer-managed key has none, as `set_data_encryption` takes it, with the vault and its network mode.
    pub key_id: KeyId,
    /// The identity, which a new cluster is to run as.
    pub identity_id: IdentityId,
    /// Object id of the identity; absent where a dry run would make it.
    pub identity_principal_id: Option<String>,
    /// What was missing, in the order in which it is made.
    pub plan: Vec<ProvisionStep>,
    /// What was made. Empty: all was there.
    pub created: Vec<ProvisionStep>,
    /// What the rules have to say.
    pub findings: Vec<Finding>,
    /// Rules whose refusal the caller lifted, and that would have refused.
    pub allowed: Vec<RuleId>,
}

impl Provisioned {
    /// Whether a dry run was refused: called without `dry_run`, `provision` would end with
    /// `preflight_failed` and make nothing.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.dry_run && self.findings.iter().any(|finding| finding.refuses(&self.allowed))
    }
}

/// Something that is made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ProvisionStep {
    /// What.
    pub part: ProvisionPart,
    /// Its resource id; of access, the vault's; of a key, the key id.
    pub resource: String,
    /// One readable line.
    pub summary: String,
    /// The `az` command that does the same.
    pub command: String,
}

impl fmt::Display for ProvisionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

text_enum! {
    /// A part of what a cluster with KMS needs.
    #[non_exhaustive]
    pub enum ProvisionPart("part") {
        /// The user-assigned identity.
        Identity = "identity",
        /// The key vault.
        KeyVault = "key-vault",
        /// Purge protection of a vault that was there without.
        PurgeProtection = "purge-protection",
        /// The key, with its first version.
        Key = "key",
        /// The identity's role on the vault to encrypt and decrypt with its keys.
        KeyRole = "key-role",
        /// The same as an access policy of the vault.
        KeyPolicy = "key-policy",
        /// The identity's role on the vault to approve private endpoint connections.
        PrivateLinkRole = "private-link-role",
        /// The identity's role on the vault to read its keys through Resource Manager, by which AKS follows a
        /// customer-managed key.
        VaultReadRole = "vault-read-role",
    }
}
