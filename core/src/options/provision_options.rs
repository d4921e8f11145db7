//! Options of `provision`.

use std::{fmt, time::Duration};

use crate::{
    catalogue::RuleId,
    ids::{NetworkMode, VaultAuthorization},
    options::RunOptions,
    progress::OnProgress,
    report::Experience,
};

/// Options of `provision`: what is to be there. What is there already is taken as it is.
///
/// ```
/// use std::time::Duration;
///
/// use aks_kms::ProvisionOptions;
///
/// let options = ProvisionOptions {
///     key_vault: Some("shop-keys".to_owned()),
///     key_expires_in: Some(Duration::from_secs(365 * 24 * 60 * 60)),
///     ..ProvisionOptions::default()
/// };
/// assert_eq!((options.key_size, options.dry_run), (2048, false));
/// ```
#[derive(Clone)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema),
    serde(default, deny_unknown_fields)
)]
pub struct ProvisionOptions {
    /// Return what would be made, write nothing. Default: false.
    pub dry_run: bool,
    /// Rules whose refusal is lifted, where they are overridable. Default: none.
    pub allow: Vec<RuleId>,
    /// Time limit of the whole call. Default: 2 hours.
    #[cfg_attr(
        feature = "bindings",
        serde(with = "super::seconds"),
        schemars(with = "super::seconds::Seconds")
    )]
    pub timeout: Duration,
    /// Receives progress. Default: none.
    #[cfg_attr(feature = "bindings", serde(skip))]
    pub on_progress: Option<OnProgress>,
    /// Azure region of what is made. Default: the cluster's, or that of the resource group where there
    /// is no cluster yet.
    pub location: Option<String>,
    /// The vault: a name, for a vault in the cluster's resource group, or a resource id. Default: a name
    /// that belongs to this cluster alone, `kms-` and 16 hexadecimal digits.
    pub key_vault: Option<String>,
    /// The key: a name, or a key id. A key id also names its vault, in the cluster's resource group unless
    /// `key_vault` says where; and with a version, which a customer-managed key must not have, it is a key that must
    /// be there. Default: `etcd`.
    pub key: Option<String>,
    /// Bits of an RSA key that is made: 2048, 3072 or 4096. Default: 2048.
    pub key_size: u32,
    /// How long a key that is made is valid, from now on; it must be rotated before. Default: for ever.
    #[cfg_attr(
        feature = "bindings",
        serde(with = "super::seconds::optional"),
        schemars(with = "Option<super::seconds::Seconds>")
    )]
    pub key_expires_in: Option<Duration>,
    /// The user-assigned identity: a name, for one in the cluster's resource group, or a resource id.
    /// Default: the one that the cluster runs as; where there is none, `<cluster>-identity`.
    pub identity: Option<String>,
    /// How a vault that is made decides who may use its keys. Default: rbac.
    pub authorization: VaultAuthorization,
    /// How the API servers are to reach the vault. For private access a vault that is made is closed to the
    /// public, and the identity may approve private endpoint connections; of a customer-managed key instead, trusted
    /// services of Azure pass its firewall. Default: public.
    pub network_mode: NetworkMode,
    /// What the key is for. key-vault: `enable`, which takes it with its version. customer-managed:
    /// `set_data_encryption`, which takes it without one; the identity gets the role Key Vault Reader, too. For
    /// platform-managed nothing is to be made, so it is refused. Default: key-vault.
    pub experience: Experience,
    /// Purge protection, which cannot be turned off again. Default: a vault that is made has it, one that is
    /// there keeps what it has. True: one that is there gets it too. False: a vault is made without.
    pub purge_protection: Option<bool>,
}

impl Default for ProvisionOptions {
    fn default() -> Self {
        let RunOptions { dry_run, allow, timeout, on_progress, .. } = RunOptions::default();
        Self {
            dry_run,
            allow,
            timeout,
            on_progress,
            location: None,
            key_vault: None,
            key: None,
            key_size: 2048,
            key_expires_in: None,
            identity: None,
            authorization: VaultAuthorization::default(),
            network_mode: NetworkMode::default(),
            experience: Experience::default(),
            purge_protection: None,
        }
    }
}

impl fmt::Debug for ProvisionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionOptions")
            .field("dry_run", &self.dry_run)
            .field("allow", &self.allow)
            .field("timeout", &self.timeout)
            .field("on_progress", &self.on_progress.is_some())
            .field("location", &self.location)
            .field("key_vault", &self.key_vault)
            .field("key", &self.key)
            .field("key_size", &self.key_size)
            .field("key_expires_in", &self.key_expires_in)
            .field("identity", &self.identity)
            .field("authorization", &self.authorization)
            .field("network_mode", &self.network_mode)
            .field("experience", &self.experience)
            .field("purge_protection", &self.purge_protection)
            .finish()
    }
}
