//! Judging an earlier proof without writing anything.

use std::{collections::BTreeSet, sync::atomic::AtomicU64};

use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::{
    Engine,
    pass::{Convergence, Pass},
    probe::ProbeMode,
    servers::ProbedServer,
    stream::Listed,
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::Doubt,
    ids::ExpectedKey,
    progress::Phase,
    report::{BlockedReason, Evidence, Purpose, ReencryptReport},
};

/// Secrets of one namespace that are named when they are not proven; the others are counted.
const NAMED: usize = 200;

/// What the ledger says of the last complete pass over the whole cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LedgerProof {
    /// Its watermark.
    pub(crate) watermark: u64,
    /// What it rested on.
    pub(crate) evidence: Evidence,
    /// The secrets that it left blocked because the caller gave them up, as `namespace/name`.
    pub(crate) given_up: Vec<String>,
    /// Of a key that AKS moves on by itself, which changes no eTag: the hash that API servers were heard to
    /// write with.
    pub(crate) hash: Option<String>,
    /// The cluster's eTag is the one recorded with it: nobody has configured another key since,
    /// not even for a while.
    pub(crate) unbroken: bool,
}

/// What a list shows of a namespace.
#[derive(Default)]
struct Seen {
    total: u64,
    /// Written after the proof's watermark, by name as long as there are few.
    beyond: BTreeSet<String>,
    beyond_unnamed: u64,
    /// Unchanged since the proof gave them up.
    given_up: Vec<String>,
}

impl Engine {
    /// Whether every secret in scope is under `expected`, judged by an earlier proof. It only
    /// reads.
    ///
    /// The caller has checked that the proof is of this cluster and this key. Then:
    ///
    /// - The cluster's resource version must not lie below the proof's watermark: a cluster that went
    ///   back to a state before its proof, as a restored etcd does, may hold anything.
    /// - Every namespace in scope is read by a streaming list, to its end. A secret whose resource
    ///   version is at or below the watermark has not been written since the proof was complete, so
    ///   the proof covers it, unless it is one that the proof gave up.
    /// - A secret beyond the watermark was written since. It is under `expected` if no API server has
    ///   written with anything else since: of each that lives, the counters since its process
    ///   began must show writes with the expected key or none. They are read after the lists, so
    ///   that they cover all that the lists showed. What a process wrote that has ended since
    ///   cannot be seen; so the proof must be unbroken, which says that no other key was configured.
    ///
    /// Secrets for which this does not hold are `failed` in the report, which then is not
    /// complete. It says nothing against them: a process that has lived through a change of the
    /// key shows both keys.
    ///
    /// # Errors
    /// `reencrypt_incomplete` if the proof cannot be judged: it rests on time alone, the cluster
    /// went back behind it, or secrets cannot be listed with their resource versions, as before
    /// Kubernetes 1.34.
    pub(crate) async fn verify_against_record(
        &self,
        expected: &ExpectedKey,
        proof: LedgerProof,
    ) -> Result<ReencryptReport> {
        self.reporter.phase(Phase::Verify, self.total, "Comparing secrets with the recorded proof");
        if proof.evidence == Evidence::Weak {
            return Err(inconclusive("the recorded proof rests on time alone"));
        }
        let requests_before = self.api.requests_sent();
        let mut pass = Pass::new(Purpose::Verify, expected.clone(), None, self.namespaces.clone());
        pass.watermark = Some(proof.watermark);
        if self.resource_version().await? < proof.watermark {
            return Err(inconclusive(
                "the cluster has gone back to a state before its proof, as a restored backup does",
            ));
        }
        if let Some(hash) = &proof.hash {
            self.not_moved_on(hash).await?;
        }
        let seen = self.compare(&proof).await?;
        let beyond =
            seen.iter().any(|(_, seen)| !seen.beyond.is_empty() || seen.beyond_unnamed > 0);
        let (servers, doubt) = if !beyond {
            (Vec::new(), None)
        } else if proof.unbroken {
            self.only_wrote_with(expected).await?
        } else {
            let changed = "the cluster was changed since, maybe to another key and back";
            (Vec::new(), Some(changed.to_owned()))
        };
        let tally = &mut pass.tally;
        for (namespace, seen) in seen {
            tally.counts.total += seen.total;
            let mut unproven = 0;
            for name in seen.given_up {
                unproven += 1;
                let message = "it was given up when the cluster was proven, and is unchanged since";
                tally.block(&namespace, &name, BlockedReason::Error, message.to_owned());
            }
            if let Some(doubt) = &doubt {
                unproven += seen.beyond.len() as u64 + seen.beyond_unnamed;
                tally.failed_unnamed += seen.beyond_unnamed;
                for name in seen.beyond {
                    let message = format!("it was written after the proof, and {doubt}");
                    tally.fail(&namespace, &name, message);
                }
            }
            tally.counts.current += seen.total.saturating_sub(unproven);
        }
        pass.convergence =
            Some(Convergence { evidence: Evidence::Ledger, servers, at: Instant::now() });
        pass.verified = true;
        pass.requests = self.api.requests_sent() - requests_before;
        Ok(pass.report(&|name| proof.given_up.iter().any(|given_up| given_up == name)))
    }

    /// AKS has not moved on to another key or version, as far as the API servers' plugins name one.
    async fn not_moved_on(&self, hash: &str) -> Result<()> {
        let servers = match self.hear_all(ProbeMode::SinceItBegan).await? {
            Ok(servers) => servers,
            Err(doubt) => return Err(inconclusive(&doubt.to_string())),
        };
        let moved = servers.iter().find(|server| server.named_last() != Some(hash));
        match moved {
            None => Ok(()),
            Some(server) => Err(inconclusive(&format!(
                "AKS moves on to newer keys by itself, and API server {} does not show that its key is the one that \
                 was proven",
                server.report().id
            ))),
        }
    }

    /// Reads every namespace in scope; where that is everything, also those that are gone.
    async fn compare(&self, proof: &LedgerProof) -> Result<Vec<(String, Seen)>> {
        let done = &AtomicU64::new(0);
        let mut namespaces = self.namespaces_in_scope().await?;
        if self.namespaces.is_none() {
            let Some(forgotten) = self.forgotten_namespaces(&namespaces).await? else {
                return Err(inconclusive(
                    "the secrets of all namespaces cannot be listed one by one",
                ));
            };
            namespaces.extend(forgotten);
        }
        stream::iter(namespaces)
            .map(|namespace| async move {
                let seen = self
                    .read(Some(&namespace), proof.watermark, done, |seen: &mut Seen, listed| {
                        seen.add(listed, proof, &namespace);
                    })
                    .await?;
                match seen {
                    Some(seen) => Ok((namespace, seen)),
                    None => Err(inconclusive(&format!(
                        "the secrets of namespace {namespace} cannot be listed with their resource versions (that \
                         needs the right to watch them, Kubernetes 1.34 or later, and that all can be decrypted)"
                    ))),
                }
            })
            .buffer_unordered(self.limiter.streams())
            .try_collect()
            .await
    }

    /// The API servers, and what speaks against their having written with `expected` only.
    async fn only_wrote_with(
        &self,
        expected: &ExpectedKey,
    ) -> Result<(Vec<ProbedServer>, Option<String>)> {
        let unseen = |doubt: Doubt| {
            (
                Vec::new(),
                Some(format!("what the API servers wrote with since is not seen: {doubt}")),
            )
        };
        if !self.metrics {
            return Ok(unseen(Doubt::Metrics));
        }
        let servers = match self.hear_all(ProbeMode::SinceItBegan).await? {
            Ok(servers) => servers,
            Err(doubt) => return Ok(unseen(doubt)),
        };
        let hashes: Vec<String> = match expected {
            ExpectedKey::Plaintext => Vec::new(),
            key => self.names(&[]).hashes(key),
        };
        let other = servers.iter().find(|server| !server.only_ever_wrote(expected, &hashes));
        let doubt = other.map(|server| {
            let id = server.report().id;
            format!("API server {id} has written with another key too since it began")
        });
        Ok((servers, doubt))
    }
}

impl Seen {
    fn add(&mut self, listed: &Listed, proof: &LedgerProof, namespace: &str) {
        match listed {
            Listed::Secret { name, resource_version, again } => {
                self.total += u64::from(!again);
                if *resource_version <= proof.watermark {
                    if proof.given_up.iter().any(|given_up| is_named(given_up, namespace, name)) {
                        self.given_up.push(name.clone());
                    }
                } else if self.beyond.len() < NAMED || self.beyond.contains(name) {
                    self.given_up.retain(|given_up| given_up != name);
                    self.beyond.insert(name.clone());
                } else {
                    self.beyond_unnamed += 1;
                }
            }
            Listed::Gone { name } => {
                self.total = self.total.saturating_sub(1);
                self.beyond.remove(name);
                self.given_up.retain(|given_up| given_up != name);
            }
        }
    }
}

/// Whether `full` is `namespace/name`.
fn is_named(full: &str, namespace: &str, name: &str) -> bool {
    full.split_once('/') == Some((namespace, name))
}

/// An earlier proof cannot be judged, or there is none.
pub(crate) fn inconclusive(why: &str) -> Error {
    let message = format!(
        "whether every secret is under the key in use cannot be told without writing: {why}; reencrypt_secrets, which \
         writes nothing to secrets that are under the key already, can tell"
    );
    Error::new(ErrorKind::ReencryptIncomplete, message)
}
