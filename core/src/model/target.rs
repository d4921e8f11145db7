//! The KMS configuration that a verb is asked for.

use serde::{Deserialize, Serialize};

use crate::model::{KeyId, NetworkMode, VaultId};

/// The KMS configuration that a verb is asked for, parsed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct KmsConfiguration {
    /// With a version, or the version that the operation makes.
    pub(crate) key_id: KeyId,
    pub(crate) network_mode: NetworkMode,
    /// Always there in private mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_vault_id: Option<VaultId>,
}
