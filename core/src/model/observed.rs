//! Everything that a plan is made from.

use time::OffsetDateTime;

use crate::model::{
    AccessFacts, ClusterFacts, Fact, KeyFacts, KeyId, KubernetesFacts, Lookup, NetworkMode,
    VaultFacts, VaultId,
};

/// The world as it was seen, read-only, before a plan was made.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) at: OffsetDateTime,
    pub(crate) cluster: ClusterFacts,
    /// The vault that the verb is about: the target's, else the one in use.
    /// `None`: the verb is about no vault.
    pub(crate) vault: Option<Fact<Lookup<VaultFacts>>>,
    /// The key version that the verb is about. `None`: it is about no key.
    pub(crate) key: Option<Fact<Lookup<KeyFacts>>>,
    /// `None`: the verb is about no key.
    pub(crate) access: Option<AccessFacts>,
    /// Whether the vault has diagnostic settings.
    pub(crate) diagnostics: Option<Fact<bool>>,
    /// `Unknown`: the API server cannot be reached from here.
    pub(crate) kubernetes: Fact<KubernetesFacts>,
}

/// The KMS configuration that a verb is asked for, parsed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Target {
    /// Always with a version.
    pub(crate) key_id: KeyId,
    pub(crate) network_mode: NetworkMode,
    /// Always there in private mode.
    pub(crate) key_vault_id: Option<VaultId>,
}
