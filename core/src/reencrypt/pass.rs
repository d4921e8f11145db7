//! One pass over the secrets of a cluster, and what it came to.

use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    servers::{ProbedServer, WritesWith},
    tally::Tally,
};
use crate::{
    clock::{self, whole_milliseconds},
    ids::{ExpectedKey, VersionInUse},
    report::{Counts, Evidence, Purpose, ReencryptReport, Scope},
};

/// That every API server writes with the expected key.
pub(super) struct Convergence {
    pub(super) evidence: Evidence,
    pub(super) servers: Vec<ProbedServer>,
    pub(super) at: Instant,
}

/// Which key a pass waits for.
pub(super) enum Awaited {
    /// The one that the caller expects.
    Expected,
    /// The version that the caller expects, which AKS takes up in its own time.
    TakenUp,
    /// Whichever of these the API servers turn out to write with.
    InUse(Vec<ExpectedKey>),
}

/// One pass: converge, rewrite, verify.
pub(crate) struct Pass {
    pub(super) purpose: Purpose,
    pub(super) awaited: Awaited,
    /// What the API servers write with: one key; two only where servers were left on different
    /// keys.
    pub(super) keys: Vec<ExpectedKey>,
    /// The version that they were heard to write with, where any version of the key will do.
    pub(super) version: Option<VersionInUse>,
    pub(super) before_change: Option<WritesWith>,
    pub(super) namespaces: Option<Vec<String>>,
    pub(super) convergence: Option<Convergence>,
    /// The API servers write only what changes: every secret needs a change.
    pub(super) touch: bool,
    /// The cluster's resource version at convergence.
    pub(super) converged_at: u64,
    /// A live secret with a higher resource version is under the expected key.
    pub(super) watermark: Option<u64>,
    pub(super) tally: Tally,
    /// A list proved that nothing is left, but for the blocked.
    pub(super) verified: bool,
    pub(super) requests: u64,
    pub(super) rewriting_seconds: f64,
    started: Instant,
    started_at: OffsetDateTime,
}

impl Pass {
    pub(super) fn new(
        purpose: Purpose,
        expected: ExpectedKey,
        before_change: Option<WritesWith>,
        namespaces: Option<Vec<String>>,
    ) -> Self {
        Self {
            purpose,
            awaited: Awaited::Expected,
            keys: vec![expected],
            version: None,
            before_change,
            namespaces,
            convergence: None,
            touch: false,
            converged_at: 0,
            watermark: None,
            tally: Tally::default(),
            verified: false,
            requests: 0,
            rewriting_seconds: 0.0,
            started: Instant::now(),
            started_at: clock::now(),
        }
    }

    /// What the secrets are to be under; the first, where they may be under two keys.
    pub(crate) fn expected(&self) -> &ExpectedKey {
        &self.keys[0]
    }

    /// The version of a customer-managed key that all API servers were heard to write with.
    pub(crate) fn version(&self) -> Option<&VersionInUse> {
        self.version.as_ref()
    }

    /// What the API servers write with: one key. Two only where the cluster's last change left
    /// servers on different keys; a secret then counts as proven if it is under either.
    pub(crate) fn keys(&self) -> &[ExpectedKey] {
        &self.keys
    }

    /// Whether every secret of the cluster is proven to be under one of [`keys`](Self::keys), but
    /// for those that may stay blocked.
    pub(crate) fn is_settled_within(&self, may_stay_blocked: &dyn Fn(&str) -> bool) -> bool {
        self.namespaces.is_none()
            && self.verified
            && self.evidence() != Evidence::Weak
            && self.tally.is_settled(&self.tally.given_up(may_stay_blocked))
    }

    /// Whether the API servers were heard: then each that comes meanwhile is to be heard, too.
    pub(super) fn is_heard(&self) -> bool {
        self.convergence.as_ref().is_some_and(|found| !found.servers.is_empty())
    }

    fn evidence(&self) -> Evidence {
        self.convergence.as_ref().map_or(Evidence::Weak, |found| found.evidence)
    }

    /// What the API servers write with, if they were heard.
    pub(crate) fn writes_with(&self) -> Option<WritesWith> {
        self.convergence.as_ref()?.servers.first().map(|server| server.writes_with.clone())
    }

    /// Hash of the key that all API servers were heard to write with, as their metrics show it.
    /// `None`: they were not heard, or their provider does not count key ids.
    pub(crate) fn key_id_hash_seen(&self) -> Option<String> {
        match self.writes_with()? {
            WritesWith::Key { hash, .. } => Some(hash),
            WritesWith::Provider(_) | WritesWith::Plaintext | WritesWith::Mixed => None,
        }
    }

    /// What the pass came to.
    pub(crate) fn report(&self, may_stay_blocked: &dyn Fn(&str) -> bool) -> ReencryptReport {
        let given_up = self.tally.given_up(may_stay_blocked);
        let counts = Counts {
            blocked: self.tally.blocked.len() as u64,
            failed: self.tally.failed_count(),
            ..self.tally.counts
        };
        let answered = counts.rewritten + counts.current + counts.gone;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let secrets_per_second = if self.rewriting_seconds > 0.0 {
            answered as f64 / self.rewriting_seconds
        } else {
            0.0
        };
        let Tally { blocked, failed, .. } = &self.tally;
        let servers = self.convergence.iter().flat_map(|found| &found.servers);
        ReencryptReport {
            purpose: self.purpose,
            scope: Scope { namespaces: self.namespaces.clone() },
            evidence: self.evidence(),
            watermark: self.watermark.unwrap_or_default().to_string(),
            key_id: self
                .version()
                .map(|it| &it.key_id)
                .or(self.expected().key_id())
                .map(ToString::to_string),
            counts,
            blocked: blocked.values().chain(failed.values()).cloned().collect(),
            given_up,
            complete: self.keys.len() == 1 && self.is_settled_within(may_stay_blocked),
            started_at: self.started_at,
            finished_at: clock::now(),
            seconds: whole_milliseconds(self.started.elapsed().as_secs_f64()),
            secrets_per_second: whole_milliseconds(secrets_per_second),
            samples: self.tally.samples.since(self.started),
            requests: self.requests,
            api_servers: servers.map(ProbedServer::report).collect(),
        }
    }
}
