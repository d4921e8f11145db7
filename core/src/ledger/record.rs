//! The format of the record.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ExpectedKey, KeyId, NetworkMode, VaultId},
    options::Intent,
    report::{Evidence, Experience, KmsChange, OperationInProgress},
    text::{LONGEST_NAME, one_line},
};

/// The only format that there is.
const FORMAT: u32 = 1;
/// How many keys are remembered that came before the previous one. Of an older one, no more is known
/// than of any other key.
const RETIRED: usize = 50;

/// Everything that is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) cluster: ClusterIdentity,
    pub(crate) ledger: Ledger,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<Operation>,
}

/// Which cluster this is about, and in which state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ClusterIdentity {
    /// Of namespace `kube-system`: another one is another etcd.
    pub(crate) uid: String,
    /// `properties.resourceUID`: another one is another managed cluster.
    pub(crate) resource_uid: Option<String>,
    /// The managed cluster's eTag with which the ledger was true.
    pub(crate) etag: Option<String>,
}

/// The keys. AKS reads with two at a time, the current one and the one before.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Ledger {
    /// `None`: not known.
    pub(crate) current: Option<Entry>,
    /// What an operation is changing to.
    pub(crate) pending: Option<Entry>,
    /// `None`: not known.
    pub(crate) previous: Option<Entry>,
    pub(crate) retired: Vec<Entry>,
    /// What the API servers read with besides the current key is not certain: somebody else changed
    /// the cluster since the current key came into use, or a change of the key did not succeed.
    /// Each key that is known may be it, until a change of ours from the current key succeeds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) previous_uncertain: bool,
    /// Where an API server may have a key that is not known here: of somebody else's change that did
    /// not succeed, or from before anything was recorded. As any key it moves on with each change.
    /// `None`: nowhere, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_key: Option<Slot>,
}

/// One of the two keys that an API server has at a time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Slot {
    Current,
    Previous,
}

/// A key, or plaintext, and what is proven of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// `None`: plaintext, or a key of the platform's. A customer-managed key has the version that the API
    /// servers were heard to write with, and none as long as that is not known.
    pub(crate) key_id: Option<KeyId>,
    /// The newer experience that the key is of. `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) experience: Option<Experience>,
    /// How its vault is reached. `None`: not known, or plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_mode: Option<NetworkMode>,
    /// Its vault, where the cluster's profile names it: in private mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_vault_id: Option<VaultId>,
    /// The hash under which the API servers count it, where it cannot be computed from the key id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id_hash_seen: Option<String>,
    /// When that was learned.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) key_id_hash_since: Option<OffsetDateTime>,
    /// When it came into use.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(crate) since: Option<OffsetDateTime>,
    /// When every secret of the cluster was proven to be under it.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(crate) proven_at: Option<OffsetDateTime>,
    #[serde(default)]
    pub(crate) evidence: Option<Evidence>,
    /// The watermark of that proof, a resource version.
    #[serde(default)]
    pub(crate) watermark: Option<String>,
    /// The managed cluster's eTag during that proof: with another one it is no proof any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// Secrets that were given up by name, and can be under another key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) given_up: Vec<String>,
    /// An operation that was to set it was abandoned: its request may still be under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) abandoned: bool,
}

impl Ledger {
    /// Every entry, the current one first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let Self { current, pending, previous, retired, .. } = self;
        [current, pending, previous].into_iter().flatten().chain(retired)
    }

    /// The entry of a key.
    pub(crate) fn entry(&self, key_id: &KeyId) -> Option<&Entry> {
        self.entries().find(|entry| entry.key_id.as_ref() == Some(key_id))
    }

    /// Every key that it names.
    pub(crate) fn key_ids(&self) -> impl Iterator<Item = &KeyId> {
        self.entries().filter_map(|entry| entry.key_id.as_ref())
    }

    /// What is kept of it: a key may be needed whose request can still be under way.
    pub(super) fn bounded(&self) -> Self {
        let mut kept = self.clone();
        let mut settled = 0;
        kept.retired.retain(|entry| {
            settled += usize::from(!entry.abandoned);
            entry.abandoned || settled <= RETIRED
        });
        kept
    }
}

impl Entry {
    /// Nothing is proven of it.
    pub(crate) fn unproven(key: &ExpectedKey) -> Self {
        Self {
            key_id: key.key_id().cloned(),
            experience: match key {
                ExpectedKey::AnyVersion(_) => Some(Experience::CustomerManaged),
                ExpectedKey::Platform => Some(Experience::PlatformManaged),
                ExpectedKey::Key(_) | ExpectedKey::Plaintext => None,
            },
            network_mode: None,
            key_vault_id: None,
            key_id_hash_seen: None,
            key_id_hash_since: None,
            since: None,
            proven_at: None,
            evidence: None,
            watermark: None,
            etag: None,
            given_up: Vec::new(),
            abandoned: false,
        }
    }

    /// A version of a customer-managed key, of which nothing is proven.
    pub(super) fn taken_up(version: &KeyId) -> Self {
        let key = ExpectedKey::AnyVersion(version.without_version());
        Self { key_id: Some(version.clone()), ..Self::unproven(&key) }
    }

    /// The API servers count it under this hash, where that cannot be computed.
    pub(super) fn named(&mut self, hash: Option<String>, at: OffsetDateTime) {
        let is_known = self.key_id_hash_since.is_some() && self.key_id_hash_seen == hash;
        if !is_known {
            self.key_id_hash_since = hash.is_some().then_some(at);
        }
        self.key_id_hash_seen = hash;
    }

    /// Nothing is proven of it any more.
    pub(super) fn unprove(&mut self) {
        let unproven = Self::unproven(&self.key());
        *self = Self {
            key_id: self.key_id.take(),
            since: self.since,
            network_mode: self.network_mode,
            key_vault_id: self.key_vault_id.take(),
            abandoned: self.abandoned,
            ..unproven
        };
    }

    /// The key with its version, where it is named by one.
    pub(super) fn version(&self) -> Option<&KeyId> {
        self.key_id.as_ref().filter(|key_id| key_id.version().is_some())
    }

    /// The key as a cluster is configured with it.
    pub(crate) fn key(&self) -> ExpectedKey {
        match (self.experience, &self.key_id) {
            (Some(Experience::PlatformManaged), _) => ExpectedKey::Platform,
            (Some(Experience::CustomerManaged), Some(key_id)) => {
                ExpectedKey::AnyVersion(key_id.without_version())
            }
            (_, Some(key_id)) => ExpectedKey::Key(key_id.clone()),
            (_, None) => ExpectedKey::Plaintext,
        }
    }

    pub(crate) fn is(&self, key: &ExpectedKey) -> bool {
        self.key() == *key
    }

    /// Secrets are encrypted with it.
    pub(crate) fn is_encryption(&self) -> bool {
        self.key().is_encryption()
    }
}

/// The operation that is going on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// The verb and what it was asked for.
    #[serde(flatten)]
    pub(crate) intent: Intent,
    /// The KMS profile when it began.
    pub(crate) before: KmsChange,
    /// The KMS profile that it ends with. `None`: the verb sets none, or its key is not made yet.
    pub(crate) target: Option<KmsChange>,
    /// The newest version of the key before the operation made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) newest_version: Option<KeyId>,
    /// A vault that the operation closed, or was about to. If KMS turns out not to work with it
    /// closed, it is opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed_vault: Option<VaultId>,
    /// The cluster's resource version when it began.
    pub(crate) watermark: String,
    /// Who runs it.
    pub(crate) by: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) since: OffsetDateTime,
}

impl Operation {
    /// The operation as callers see it.
    pub(crate) fn in_progress(&self) -> OperationInProgress {
        let target = self.target.as_ref().map(KmsChange::expected);
        OperationInProgress {
            id: one_line(&self.id, LONGEST_NAME),
            operation: self.intent.verb(),
            by: self.by(),
            since: self.since,
            target_key_id: target.and_then(|key| key.key_id().cloned()),
        }
    }

    /// Who runs it, as it is shown.
    pub(crate) fn by(&self) -> String {
        one_line(&self.by, LONGEST_NAME)
    }
}

#[derive(Deserialize, Serialize)]
struct Envelope<T> {
    format: u32,
    #[serde(flatten)]
    record: T,
}

impl Record {
    /// Every key that it names, whatever became of it.
    pub(crate) fn keys(&self) -> Vec<KeyId> {
        let operation = self.operation.iter();
        let set = operation.flat_map(|it| [Some(&it.before), it.target.as_ref()]).flatten();
        let set = set.filter_map(|change| change.expected().key_id().cloned());
        self.ledger.key_ids().cloned().chain(set).collect()
    }

    /// Keys whose name in the API servers' metrics cannot be computed, with the hash that was seen.
    pub(crate) fn hashes_seen(&self) -> Vec<(ExpectedKey, String)> {
        let ledger = &self.ledger;
        let held = [&ledger.current, &ledger.previous].into_iter().flatten().chain(&ledger.retired);
        held.filter_map(|it| Some((it.key(), it.key_id_hash_seen.clone()?))).collect()
    }

    /// Reads the text that is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] for another format and for what is no record: it may be a newer
    /// version's, and guessing could lose a key.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }

        let unusable = |why: String| {
            let message = format!(
                "the record in ConfigMap aks-kms cannot be used: {why}; use the version of aks-kms that wrote it, \
                 or delete the ConfigMap, after which nothing is known to be proven"
            );
            Error::new(ErrorKind::Unexpected, message)
        };
        let found: Format =
            serde_json::from_str(text).map_err(|error| unusable(error.to_string()))?;
        if found.format != FORMAT {
            return Err(unusable(format!(
                "its format is {}, and this version knows {FORMAT}",
                found.format
            )));
        }
        serde_json::from_str::<Envelope<Self>>(text)
            .map(|envelope| envelope.record)
            .map_err(|error| unusable(error.to_string()))
    }

    /// The text to keep.
    pub(crate) fn render(&self) -> Result<String> {
        let kept = Self { ledger: self.ledger.bounded(), ..self.clone() };
        serde_json::to_string(&Envelope { format: FORMAT, record: kept }).map_err(|error| {
            Error::new(ErrorKind::Unexpected, format!("the record cannot be written: {error}"))
        })
    }
}
