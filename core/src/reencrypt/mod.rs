//! Re-encryption of every Secret, without any value leaving the API server.
//!
//! One pass is: [`Engine::converge`] (every API server writes with the expected key),
//! [`Engine::rewrite`] (an empty merge patch to every secret: the API server rewrites those that
//! are under another key and answers for the rest), [`Engine::verify`] (a list proves that
//! nothing is left).
//!
//! What is to be proven is all that etcd holds, not what lies in the Namespaces that exist: the
//! last look is one list of everything.
//!
//! The proof rests on the *watermark*: a resource version taken when no write under another key can
//! be under way any more. A secret beyond the watermark was written under the expected key by
//! whomever; a secret before it must have been answered for at exactly that version.
//!
//! KMS v1 compares no keys: an empty patch rewrites nothing there, and its response proves nothing.
//! So every secret is *touched*, beyond the watermark, and the watermark alone is proof.

mod canary;
mod confirmed;
mod continue_token;
mod converge;
mod gradient;
mod growth;
mod health;
mod in_use;
mod limiter;
mod list;
mod look;
mod names;
mod outage;
mod pass;
mod patch;
mod probe;
mod requests;
mod roster;
mod samples;
mod servers;
mod stored;
mod stream;
mod tally;
mod verdict;
mod verify;
mod verify_recorded;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    error::Result,
    facts::Doubt,
    ids::{ExpectedKey, KeyId, KubernetesVersion, VersionInUse},
    kubernetes::KubernetesApi,
    options::{ReencryptOptions, Timing},
    progress::{Phase, Reporter},
    report::{Evidence, Purpose},
};

use self::pass::Awaited;
use self::{
    canary::Canary, limiter::Limiter, names::KeyNames, outage::Outage, roster::Roster,
    servers::ProbedServer,
};
pub(crate) use self::{
    pass::Pass,
    servers::WritesWith,
    verify_recorded::{LedgerProof, inconclusive},
};

/// What an engine works with.
pub(crate) struct EngineConfig {
    pub(crate) api: KubernetesApi,
    pub(crate) timing: Timing,
    pub(crate) options: ReencryptOptions,
    /// Where the canary lives.
    pub(crate) state_namespace: String,
    /// Whether the API servers' `/metrics` can be read.
    pub(crate) metrics: bool,
    /// Number of secrets, as counted beforehand.
    pub(crate) total: Option<u64>,
    pub(crate) reporter: Reporter,
    /// Keys whose name in the metrics cannot be computed, each with the hash that all API servers
    /// showed when they were seen to change to it. Servers that show this very hash write with
    /// that key, and nobody need have seen them change again.
    pub(crate) known_key_id_hashes: Vec<(ExpectedKey, String)>,
    /// Every key that may concern this cluster, as the record, the cluster's document and the
    /// caller spell it: API servers count a key under the hash of its spelling, and the hash of
    /// one of these is no other's.
    pub(crate) known_keys: Vec<KeyId>,
    /// Keys that the cluster was set to by their versions before data encryption, as long as nothing is proven
    /// under a key of that: a version of it may be one of these, still through the provider of before.
    pub(crate) replaced_keys: Vec<KeyId>,
    /// The cluster's last change succeeded. Otherwise its document names what was asked for, which
    /// the API servers need not have: what they do not show to be that key is not taken for it.
    pub(crate) settled: bool,
    /// Where KMS is on it is v1, as far as the cluster's version tells: an empty patch does not
    /// rewrite what lies under another version of the key. Metrics, where there are any, tell by
    /// themselves.
    pub(crate) kms_v1: bool,
}

/// Re-encrypts the secrets of one cluster.
pub(crate) struct Engine {
    api: KubernetesApi,
    timing: Timing,
    namespaces: Option<Vec<String>>,
    metrics: bool,
    total: Option<u64>,
    reporter: Reporter,
    limiter: Limiter,
    canary: Canary,
    roster: Roster,
    outage: Outage,
    names: Mutex<KeyNames>,
    settled: bool,
    /// Why the last evidence was weak.
    doubt: Mutex<Option<Doubt>>,
    kms_v1: AtomicBool,
    /// A change left API servers on different keys: not each can read every secret.
    servers_differ: AtomicBool,
    /// A streaming list did not mark its end, so none does.
    streams_never_end: AtomicBool,
}

impl Engine {
    pub(crate) fn new(config: EngineConfig) -> Self {
        Self {
            limiter: Limiter::new(&config.options),
            api: config.api.with_connections(config.options.max_concurrency),
            namespaces: config.options.namespaces,
            metrics: config.metrics,
            total: config.total,
            reporter: config.reporter,
            canary: Canary::new(config.state_namespace),
            roster: Roster::new(config.timing.server_liveness),
            outage: Outage::default(),
            timing: config.timing,
            settled: config.settled,
            doubt: Mutex::default(),
            names: Mutex::new({
                let mut names = KeyNames::new(config.known_keys, config.known_key_id_hashes);
                names.replaces(config.replaced_keys);
                names
            }),
            servers_differ: AtomicBool::new(false),
            streams_never_end: AtomicBool::new(false),
            kms_v1: AtomicBool::new(config.kms_v1),
        }
    }

    /// Waits until every API server writes with `expected`, and says how that is known.
    /// `before_change` is what they wrote with before the key changed in this run.
    pub(crate) async fn converge(
        &self,
        purpose: Purpose,
        expected: &ExpectedKey,
        before_change: Option<WritesWith>,
    ) -> Result<Pass> {
        let doing = format!("Waiting until every API server writes with {expected}");
        self.reporter.phase(Phase::Converge, None, doing);
        let mut pass = Pass::new(purpose, expected.clone(), before_change, self.namespaces.clone());
        self.converge_again(&mut pass).await?;
        Ok(pass)
    }

    /// Waits until every API server writes with this version of a customer-managed key. AKS looks for
    /// newer versions every six hours.
    pub(crate) async fn await_version(
        &self,
        expected: &ExpectedKey,
        before_change: Option<WritesWith>,
    ) -> Result<Pass> {
        let doing = format!(
            "Waiting until AKS takes up {expected}: it looks for a newer version every six hours"
        );
        self.reporter.phase(Phase::Converge, None, doing);
        let (namespaces, purpose) = (self.namespaces.clone(), Purpose::Rewrite);
        let mut pass = Pass::new(purpose, expected.clone(), before_change, namespaces);
        pass.awaited = Awaited::TakenUp;
        self.converge_again(&mut pass).await?;
        Ok(pass)
    }

    /// These are the versions of a key that AKS moves on by itself, the newest first. `spelt`: the key as the
    /// cluster is configured with it, which may be another spelling than the vault's.
    pub(crate) fn know_versions(&self, versions: Vec<KeyId>, spelt: &KeyId) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = versions.first() {
            names.know_newest(newest.clone());
        }
        for version in versions {
            for spelling in version.as_configured(spelt).into_iter().chain([version]) {
                names.know(&ExpectedKey::Key(spelling));
            }
        }
    }

    /// Sends an empty merge patch to every secret in scope; where that does not help, one that
    /// changes it.
    pub(crate) async fn rewrite(&self, pass: &mut Pass) -> Result<()> {
        let heard = pass.is_heard();
        self.watched(heard, self.rewrite_it(pass)).await
    }

    async fn rewrite_it(&self, pass: &mut Pass) -> Result<()> {
        if pass.touch {
            // only what is written beyond the watermark is proven, so nothing is touched before
            self.watermark(pass).await?;
        }
        self.reporter.phase(Phase::Reencrypt, self.total, "Rewriting secrets under the key in use");
        self.rewrite_all(pass).await
    }

    /// KMS is v1 on the cluster's Kubernetes version as it is now.
    pub(crate) fn is_kms_v1(&self) -> bool {
        self.kms_v1.load(Ordering::Relaxed)
    }

    /// The cluster is at this Kubernetes version now.
    pub(crate) fn upgraded(&self, version: KubernetesVersion) {
        self.kms_v1.store(version < KubernetesVersion::KMS_V2, Ordering::Relaxed);
    }

    /// Whose hashes API servers show, these keys included.
    fn names(&self, keys: &[ExpectedKey]) -> KeyNames {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            names.know(key);
        }
        names.clone()
    }

    /// Why it could not be seen what the API servers write with, when it could not.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It could not be seen what the API servers write with, for this reason.
    fn doubts(&self, doubt: Doubt) {
        *self.doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(doubt);
    }

    /// All API servers were heard, with this evidence that they write with this key.
    fn learn(&self, key: &ExpectedKey, evidence: Evidence, heard: &[ProbedServer]) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for server in heard {
            names.see(&server.writes_with);
        }
        if let (Evidence::Weak, Some(WritesWith::Key { hash, .. })) =
            (evidence, heard.first().map(|server| &server.writes_with))
        {
            names.guess(key, hash);
        }
    }

    /// The version that all these API servers write with, where any version of a key is expected.
    fn version(&self, expected: &ExpectedKey, heard: &[ProbedServer]) -> Option<VersionInUse> {
        let (ExpectedKey::AnyVersion(_), [first, rest @ ..]) = (expected, heard) else {
            return None;
        };
        if rest.iter().any(|server| server.writes_with != first.writes_with) {
            return None;
        }
        let WritesWith::Key { hash, .. } = &first.writes_with else { return None };
        let names = self.names(&[]);
        let key_id = names.named(expected, hash).filter(|key_id| key_id.version().is_some())?;
        let is_newest = names.is_newest(expected, hash);
        Some(VersionInUse { key_id: key_id.clone(), is_newest })
    }

    /// Removes what the engine made in the cluster.
    pub(crate) async fn clean_up(&self) {
        self.canary.delete(&self.api).await;
    }
}
