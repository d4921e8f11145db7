//! Everything that a plan is made from.

use time::OffsetDateTime;

use crate::{
    ledger::Reconciled,
    model::{
        AccessFacts, ClusterFacts, Fact, KeyFacts, KeyId, KeyVersion, KubernetesFacts, Lookup,
        VaultFacts,
    },
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
    /// The versions of the key, where one is to be made. `Unknown`: the vault does not answer here.
    pub(crate) versions: Option<Fact<Vec<KeyVersion>>>,
    /// `Unknown`: the API server cannot be reached from here.
    pub(crate) kubernetes: Fact<KubernetesFacts>,
    /// What is recorded in the cluster, in line with the rest. `None`: nothing is to be recorded.
    pub(crate) record: Option<Fact<Reconciled>>,
    /// The key that the API servers read with besides the one in use, where the record names it
    /// and the verb is not about it.
    pub(crate) previous: Option<PreviousKey>,
}

/// The key before the one in use, and what AKS needs to go on reading with it.
#[derive(Clone, Debug)]
pub(crate) struct PreviousKey {
    pub(crate) key_id: KeyId,
    pub(crate) vault: Fact<Lookup<VaultFacts>>,
    pub(crate) key: Fact<Lookup<KeyFacts>>,
    pub(crate) access: AccessFacts,
}

impl Observed {
    /// The record, where there is one and it could be read.
    pub(crate) fn recorded(&self) -> Option<&Reconciled> {
        self.record.as_ref().and_then(Fact::known)
    }
}
