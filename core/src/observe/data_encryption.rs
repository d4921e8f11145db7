//! What is looked at for KMS data encryption alone.

use crate::{
    azure::{Azure, DATA_ENCRYPTION_PREVIEW},
    facts::{ClusterFacts, Fact, KeyVersion},
    options::{Intent, Rotate},
    report::Experience,
};

/// What of it a call needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct DataEncryptionScope {
    /// The versions of the customer-managed key in use.
    pub(crate) own_versions: bool,
    /// Whether its preview feature is registered, where it is not on yet.
    pub(crate) preview_feature: bool,
}

impl DataEncryptionScope {
    /// What a look at the present state needs.
    pub(crate) const LOOK: Self = Self { own_versions: true, preview_feature: false };

    /// What a verb that writes needs.
    pub(crate) fn of(intent: &Intent) -> Self {
        match intent {
            Intent::SetDataEncryption(_) => Self { own_versions: true, preview_feature: true },
            Intent::Rotate(Rotate { key_id, made, .. }) => {
                Self { own_versions: key_id.is_none() || *made, preview_feature: false }
            }
            _ => Self::default(),
        }
    }
}

/// The versions of the customer-managed key that the cluster has. `None`: it has none, or they are not needed.
pub(super) async fn own_versions(
    azure: &Azure,
    cluster: &ClusterFacts,
    scope: DataEncryptionScope,
) -> Option<Fact<Vec<KeyVersion>>> {
    let is_wanted = scope.own_versions && cluster.experience() == Some(Experience::CustomerManaged);
    let profile = cluster.kms_on().filter(|_| is_wanted)?;
    let (key_id, vault) = (profile.key_id()?.without_version(), profile.key_vault_id());
    Some(azure.versions_of_key(&key_id, vault, &cluster.id).await.into())
}

/// Whether the preview feature is registered. `None`: data encryption is on already, or that is not needed.
pub(super) async fn preview_feature(
    azure: &Azure,
    cluster: &ClusterFacts,
    scope: DataEncryptionScope,
) -> Option<Fact<bool>> {
    if !scope.preview_feature || cluster.has_data_encryption() {
        return None;
    }
    let subscription = cluster.id.subscription_id();
    Some(azure.is_feature_registered(subscription, DATA_ENCRYPTION_PREVIEW).await.into())
}
