//! Which key KMS data encryption uses.

use crate::ids::NetworkMode;

/// The key that [`set_data_encryption`](crate::KmsManager::set_data_encryption) encrypts secrets with, and
/// [`create_cluster`](crate::KmsManager::create_cluster) where a new cluster is to have data encryption.
///
/// ```
/// use aks_kms::{CustomerManagedKey, KeySource, NetworkMode};
///
/// let key = CustomerManagedKey {
///     key_id: "https://shop.vault.azure.net/keys/etcd".to_owned(),
///     key_vault_id: "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/shop".to_owned(),
///     network_mode: NetworkMode::Public,
/// };
/// assert_eq!(KeySource::from(key.clone()), KeySource::CustomerManaged(key));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// A key of the platform's: nothing is to be set up, and nobody but the platform sees it.
    PlatformManaged,
    /// A key of yours, which AKS follows to its newest version.
    CustomerManaged(CustomerManagedKey),
}

/// A key of yours for KMS data encryption.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CustomerManagedKey {
    /// The key without a version: `https://<vault host>/keys/<name>`.
    pub key_id: String,
    /// Resource id of its vault, in both network modes.
    pub key_vault_id: String,
    /// How AKS reaches the vault. Private: as a trusted service, past the vault's firewall. Default: public.
    #[cfg_attr(feature = "bindings", schemars(default))]
    pub network_mode: NetworkMode,
}

impl From<CustomerManagedKey> for KeySource {
    fn from(key: CustomerManagedKey) -> Self {
        Self::CustomerManaged(key)
    }
}
