//! What an operation did.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    catalogue::RuleId,
    ids::{ClusterId, ExpectedKey, KeyId, Verb, text_enum},
    report::{Experience, Finding, KeyLedger, KmsStatus, Step, Steps},
};

/// What an operation did, or a dry run would do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OperationReport {
    /// The verb.
    pub operation: Verb,
    /// The cluster.
    pub cluster: ClusterId,
    /// Nothing was written because the caller asked for a dry run.
    pub dry_run: bool,
    /// What came of the call.
    pub outcome: OperationOutcome,
    /// Who ran it, as the cluster's record and its Lease name it: the program, with machine and process. Absent
    /// where nothing was to be recorded.
    pub by: Option<String>,
    /// The operation's id in the record: a call that goes on with an operation has the id of the one that began it.
    /// Absent where nothing was to be recorded.
    pub operation_id: Option<String>,
    /// What it was made with.
    pub versions: Versions,
    /// When the call began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub finished_at: OffsetDateTime,
    /// The cluster before.
    pub before: KmsStatus,
    /// The cluster after.
    pub after: KmsStatus,
    /// The steps, in order.
    pub plan: Steps,
    /// What became of the steps that were begun.
    pub steps: Vec<StepReport>,
    /// The rules that were judged: those of the catalogue that concern the verb. Of one that is not among the
    /// findings, nothing was found. Empty where no plan was made.
    pub checked: Vec<RuleId>,
    /// What the rules had to say.
    pub findings: Vec<Finding>,
    /// Rules whose refusal the caller lifted, and that would have refused.
    pub allowed: Vec<RuleId>,
    /// Each pass over the secrets.
    pub reencryption: Vec<ReencryptReport>,
    /// The keys of the cluster afterwards; absent when there is no record.
    pub ledger: Option<KeyLedger>,
}

impl OperationReport {
    /// Whether a dry run was refused: called without `dry_run`, the verb would end with
    /// `preflight_failed` (or `conflict`, where the cluster is busy) and change nothing. The findings
    /// that refuse have level `block`.
    ///
    /// False for any other report: a verb that is refused ends with an error.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.dry_run && self.outcome == OperationOutcome::Refused
    }

    /// Whether the call proved that every secret of the whole cluster is under the key in use or,
    /// where KMS is off, in plaintext.
    ///
    /// False for a dry run, for a part of the cluster, and where nothing was asked of the secrets
    /// after the last change of the key, as with [`Reencrypt::Skip`](crate::Reencrypt::Skip).
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let Some(last) = self.reencryption.last() else { return false };
        // After a change that did not succeed, the key in use is the one that the pass found.
        let is_in_force = self.after.provisioning_state.eq_ignore_ascii_case("Succeeded");
        let is_platform = self.after.experience == Some(Experience::PlatformManaged);
        let is_of_key = !is_in_force
            || match (&self.after.key_id, &last.key_id) {
                (Some(configured), Some(proven)) => {
                    is_version_of(proven, configured, self.after.experience)
                }
                // A key of the platform's has no name: what is named by that is no encryption.
                (None, None) => !(is_platform && last.evidence == Evidence::Metrics),
                (_, _) => false,
            };
        last.purpose != Purpose::Gate && last.complete && is_of_key
    }
}

/// Whether a key is the one that is configured: of a customer-managed key, any version is.
fn is_version_of(key_id: &str, configured: &KeyId, experience: Option<Experience>) -> bool {
    let key_id = KeyId::parse(key_id).ok();
    key_id.is_some_and(|key_id| match experience {
        Some(Experience::CustomerManaged) => {
            ExpectedKey::AnyVersion(configured.without_version()).covers(&key_id)
        }
        _ => key_id == *configured,
    })
}

text_enum! {
    /// What came of a call.
    #[non_exhaustive]
    pub enum OperationOutcome("outcome") {
        /// What was asked for holds, whether this call made it so or it was so before.
        Done = "done",
        /// The key in use is younger than `when_older_than`: nothing was done, and no secret was asked.
        NotDue = "not-due",
        /// The dry run was told that it can be done.
        Planned = "planned",
        /// Rules refuse it, and nothing was changed: in a dry run, or in the report of an error.
        Refused = "refused",
        /// An operation is recorded in the cluster and not at its end: the same call, or `resume`, goes on with it.
        Unfinished = "unfinished",
        /// It ended with an error, and no operation is recorded.
        Failed = "failed",
        // A row of a fleet has the outcome of its report, so both are of one type, and this is the one more.
        /// Only of a row of a fleet: the cluster was not begun, because of what came of others.
        NotStarted = "not-started",
    }
}

/// What a report was made with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Versions {
    /// Version of this library.
    pub aks_kms: String,
    /// The api-version by which managed clusters were read and changed.
    pub api_version: String,
}

impl Versions {
    /// This library, with this api-version of managed clusters.
    pub(crate) fn with(api_version: &str) -> Self {
        Self { aks_kms: env!("CARGO_PKG_VERSION").to_owned(), api_version: api_version.to_owned() }
    }
}

/// What became of a step.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub outcome: StepOutcome,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub started_at: OffsetDateTime,
    /// How long it took.
    pub seconds: f64,
}

text_enum! {
    /// What became of a step.
    #[non_exhaustive]
    pub enum StepOutcome("outcome") {
        /// It did not hold and was made to hold.
        Done = "done",
        /// It held already.
        AlreadyDone = "already-done",
        /// It was not needed.
        Skipped = "skipped",
    }
}

/// A pass over the secrets of a cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReencryptReport {
    /// What it was for.
    pub purpose: Purpose,
    /// Which secrets.
    pub scope: Scope,
    /// How it is known with which key the API servers write.
    pub evidence: Evidence,
    /// The cluster's resource version after which every write is under the key; once the pass is
    /// complete, also that up to which everything was proven.
    pub watermark: String,
    /// The key; `None`: plaintext.
    pub key_id: Option<String>,
    /// How many secrets ended how.
    pub counts: Counts,
    /// The secrets that could not be rewritten, or be proven to be.
    pub blocked: Vec<BlockedSecret>,
    /// Those of them that the caller gave up by name, as `namespace/name`.
    pub given_up: Vec<String>,
    /// True: every secret of the whole cluster is under the key, with evidence that is not weak.
    pub complete: bool,
    /// When the pass began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub finished_at: OffsetDateTime,
    /// How long it took.
    pub seconds: f64,
    /// Secrets answered a second, over the time that rewriting took.
    pub secrets_per_second: f64,
    /// How many secrets were answered by when, in order: a few dozen points, however long the pass took.
    pub samples: Vec<ReencryptSample>,
    /// Requests sent.
    pub requests: u64,
    /// The API servers that were heard, with the key that each writes with.
    pub api_servers: Vec<ApiServer>,
}

/// How far a pass was.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReencryptSample {
    /// Seconds since the pass began.
    pub seconds: f64,
    /// Secrets answered until then.
    pub done: u64,
}

text_enum! {
    /// What a pass over the secrets was for.
    pub enum Purpose("purpose") {
        /// Before the key changes: nothing may be left under an older one.
        Gate = "gate",
        /// After the key changed.
        Rewrite = "rewrite",
        /// Only to prove.
        Verify = "verify",
    }
}

/// Which secrets a pass went over.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Scope {
    /// Only these namespaces; absent: the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
}

text_enum! {
    /// How it is known with which key the API servers write.
    #[non_exhaustive]
    pub enum Evidence("evidence") {
        /// Every live API server counted a write with the very key, and none with another.
        Metrics = "metrics",
        /// Every live API server counted writes with one same key whose name cannot be computed.
        MetricsUnnamed = "metrics-unnamed",
        /// Only time passed: the API servers' metrics cannot be read.
        Weak = "weak",
        /// An earlier proof, recorded in the cluster, still stands.
        Ledger = "ledger",
    }
}

/// How many secrets ended how.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Counts {
    /// All that were listed.
    pub total: u64,
    /// Rewritten, by this pass or by another writer meanwhile.
    pub rewritten: u64,
    /// Found to be under the key already.
    pub current: u64,
    /// Deleted meanwhile.
    pub gone: u64,
    /// Refused by the API server, one by one.
    pub blocked: u64,
    /// No response after bounded retries.
    pub failed: u64,
}

/// A secret that could not be rewritten.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct BlockedSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: BlockedReason,
    /// The API server's own words.
    pub message: String,
}

text_enum! {
    /// Why a secret could not be rewritten.
    #[non_exhaustive]
    pub enum BlockedReason("reason") {
        /// A policy or webhook denies it.
        Denied = "denied",
        /// Today's validation rejects the stored object.
        Invalid = "invalid",
        /// No API server can decrypt it.
        Unreadable = "unreadable",
        /// It exceeds a limit.
        TooLarge = "too-large",
        /// Its Namespace does not exist any more: it can be listed, read and deleted, not changed.
        NamespaceGone = "namespace-gone",
        /// The API server responded with an error.
        Error = "error",
    }
}

/// An API server that was heard.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ApiServer {
    /// Its id, as its metrics tell it.
    pub id: String,
    /// Hash of the key that it writes with; `None`: plaintext.
    pub key_id_hash: Option<String>,
}
