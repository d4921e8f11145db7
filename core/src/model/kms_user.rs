//! What is known of the other clusters that may use the same keys.

use crate::model::NetworkMode;

/// A managed cluster that has, or had, KMS with a key in a vault, as Resource Graph tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KmsUser {
    /// Its resource id.
    pub(crate) id: String,
    pub(crate) key_id: String,
    pub(crate) network_mode: Option<NetworkMode>,
    /// Resource ids of its user-assigned identities, and their principals.
    pub(crate) identities: Vec<(String, Option<String>)>,
}
