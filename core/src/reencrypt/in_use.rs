//! Which of several keys do the API servers write with? For a cluster whose last change failed:
//! its document may name a key that they do not have.

use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep};

use super::{
    Engine, WritesWith,
    names::KeyNames,
    pass::{Awaited, Pass},
    probe::{ProbeMode, Round},
    servers::{ProbedServer, Process},
};
use crate::{
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    facts::Doubt,
    ids::ExpectedKey,
    progress::Phase,
    report::{Evidence, Finding, Purpose},
};

/// Rounds in a row that bring the same response before servers on different keys, or on one that
/// nobody knows, count as left there and not as on their way.
const SAME_ANSWERS: usize = 3;

/// What a process writes with: the number of a candidate, or something else.
type Answer = Vec<(Process, Option<usize>)>;

/// What the API servers turn out to write with.
#[derive(Debug, Eq, PartialEq)]
enum Found {
    /// All with one candidate.
    One(usize, Evidence),
    /// Each with one of two.
    Two(usize, usize),
    /// With different versions of one: they are about to move on, unless they were left there.
    Moving(usize),
    /// Some with none of the candidates, or with more than two of them.
    Other,
}

/// Since when the servers have given the same response.
#[derive(Default)]
struct Steady(Option<Same>);

struct Same {
    response: Answer,
    rounds: usize,
    since: Instant,
}

impl Steady {
    /// Whether a response has stood for long enough, with the round that brought it now.
    fn is(&mut self, response: Answer) -> bool {
        let rounds = match &mut self.0 {
            Some(same) if same.response == response => {
                same.rounds += 1;
                same.rounds
            }
            _ => {
                self.0 = Some(Same { response, rounds: 1, since: Instant::now() });
                1
            }
        };
        rounds > SAME_ANSWERS
    }

    /// A response that began in time is heard to the end: it stands or it changes.
    fn began_before(&self, deadline: Instant) -> bool {
        self.0.as_ref().is_some_and(|same| same.since < deadline)
    }
}

impl Engine {
    /// Finds which of the candidates the API servers write with, and begins a pass under it.
    ///
    /// Where servers were left on two of them, the pass is under both: an empty patch that an
    /// unchanged server responds proves that the secret is under that server's key, so every
    /// secret ends under one of the two. Its report is never `complete`.
    ///
    /// # Errors
    /// `preflight_failed` with `key-in-use-unproven` if it cannot be told; `kms_unavailable` if no
    /// API server could be made to write.
    pub(crate) async fn converge_in_use(
        &self,
        purpose: Purpose,
        candidates: &[ExpectedKey],
    ) -> Result<Pass> {
        let doing = "Finding out which key the API servers write with";
        self.reporter.phase(Phase::Converge, None, doing);
        let Some(first) = candidates.first() else {
            return Err(Error::internal("no key to look for was named"));
        };
        let mut pass = Pass::new(purpose, first.clone(), None, self.namespaces.clone());
        pass.awaited = Awaited::InUse(candidates.to_vec());
        self.converge_again(&mut pass).await?;
        Ok(pass)
    }

    /// Brings a pass to convergence on whichever of the candidates is in use.
    pub(super) async fn find_in_use(
        &self,
        pass: &mut Pass,
        candidates: &[ExpectedKey],
    ) -> Result<()> {
        let names = self.names(candidates);
        let deadline = Instant::now() + self.timing.convergence_limit;
        let mut steady = Steady::default();
        if !self.metrics {
            return Err(unseen(Doubt::Metrics));
        }
        loop {
            self.roster.begin();
            let (why, nobody) = match self.round(ProbeMode::AfterWrite, |_| false).await? {
                Round::All(heard) => {
                    let found = found(&heard, candidates, &names);
                    let same = steady.is(response(&heard, candidates, &names));
                    match found {
                        Found::One(index, evidence) => {
                            pass.keys = vec![candidates[index].clone()];
                            let touch = evidence == Evidence::Weak;
                            return self.converged(pass, evidence, heard, touch).await;
                        }
                        Found::Two(one, other) if same => {
                            self.servers_differ.store(true, Ordering::Relaxed);
                            pass.keys = vec![candidates[one].clone(), candidates[other].clone()];
                            let evidence = evidence(&heard, &pass.keys, &names);
                            return self.converged(pass, evidence, heard, false).await;
                        }
                        Found::Other if same => {
                            return Err(unknown(&each(&heard, &names), candidates));
                        }
                        // Left on different versions of one key: each server reads its own.
                        Found::Moving(index) if same => {
                            self.servers_differ.store(true, Ordering::Relaxed);
                            self.doubts(Doubt::VersionsDiffer);
                            pass.keys = vec![candidates[index].clone()];
                            return self.converged(pass, Evidence::Weak, heard, false).await;
                        }
                        Found::Two(..) | Found::Moving(_) | Found::Other => {}
                    }
                    (each(&heard, &names), false)
                }
                Round::Partial { why, heard } => {
                    steady = Steady::default();
                    (why, heard.is_empty())
                }
                Round::Unknown(doubt) => return Err(unseen(doubt)),
            };
            if Instant::now() >= deadline && !steady.began_before(deadline) {
                return Err(if nobody { silent(&why) } else { unknown(&why, candidates) });
            }
            self.reporter.message(format!("Looking for the key in use: {why}"));
            sleep(self.timing.convergence_poll).await;
        }
    }
}

fn response(heard: &[ProbedServer], candidates: &[ExpectedKey], names: &KeyNames) -> Answer {
    let mut response: Answer = heard
        .iter()
        .map(|server| (server.process.clone(), candidate(&server.writes_with, candidates, names)))
        .collect();
    response.sort();
    response
}

/// The candidate that a server writes with.
fn candidate(
    writes_with: &WritesWith,
    candidates: &[ExpectedKey],
    names: &KeyNames,
) -> Option<usize> {
    match writes_with {
        WritesWith::Plaintext => {
            candidates.iter().position(|candidate| *candidate == ExpectedKey::Plaintext)
        }
        WritesWith::Key { hash, .. } => candidates.iter().position(|candidate| {
            names.is_computed(candidate, hash) || names.is_learned(candidate, hash)
        }),
        WritesWith::Provider(_) | WritesWith::Mixed => None,
    }
}

fn found(heard: &[ProbedServer], candidates: &[ExpectedKey], names: &KeyNames) -> Found {
    if let Some(index) = only_key_of_v1(heard, candidates) {
        return Found::One(index, Evidence::Weak);
    }
    let mut seen = Vec::new();
    for server in heard {
        match candidate(&server.writes_with, candidates, names) {
            Some(index) if !seen.contains(&index) => seen.push(index),
            Some(_) => {}
            None => return Found::Other,
        }
    }
    seen.sort_unstable();
    let agree = heard.windows(2).all(|pair| pair[0].writes_with == pair[1].writes_with);
    match seen[..] {
        [one] if !agree && candidates[one].is_data_encryption() => Found::Moving(one),
        [one] => Found::One(one, evidence(heard, std::slice::from_ref(&candidates[one]), names)),
        [one, other] => Found::Two(one, other),
        _ => Found::Other,
    }
}

/// KMS v1 names no keys. Where all servers have one provider of it and only one key comes into
/// question, it is most likely that one.
fn only_key_of_v1(heard: &[ProbedServer], candidates: &[ExpectedKey]) -> Option<usize> {
    let (first, rest) = heard.split_first()?;
    let is_v1 = matches!(first.writes_with, WritesWith::Provider(_));
    if !is_v1 || rest.iter().any(|server| server.writes_with != first.writes_with) {
        return None;
    }
    let keys = candidates.iter().filter(|candidate| candidate.key_id().is_some()).count();
    (keys == 1).then(|| candidates.iter().position(|it| it.key_id().is_some()))?
}

/// What it rests on that servers which write with these keys do.
fn evidence(heard: &[ProbedServer], keys: &[ExpectedKey], names: &KeyNames) -> Evidence {
    let computed = |server: &ProbedServer| match &server.writes_with {
        WritesWith::Key { hash, .. } => keys.iter().any(|key| names.is_computed(key, hash)),
        WritesWith::Plaintext => true,
        WritesWith::Provider(_) | WritesWith::Mixed => false,
    };
    if heard.iter().all(computed) { Evidence::Metrics } else { Evidence::MetricsUnnamed }
}

/// What each server writes with, and which key that is, where it is known.
pub(super) fn each(heard: &[ProbedServer], names: &KeyNames) -> String {
    let servers: Vec<String> = heard
        .iter()
        .map(|server| {
            let id = server.report().id;
            match &server.writes_with {
                WritesWith::Key { hash, .. } => match names.owner(hash) {
                    Some(key_id) => format!("{id} writes with {key_id} ({hash})"),
                    None => format!("{id} writes with a key that is not known here ({hash})"),
                },
                other => format!("{id} writes with {other}"),
            }
        })
        .collect();
    servers.join("; ")
}

fn silent(why: &str) -> Error {
    let message = format!(
        "no API server could be made to write a secret: {why}; look at the vault and at what the cluster's \
         identity may do there, then run this again"
    );
    Error::new(ErrorKind::KmsUnavailable, message)
}

/// It could not be looked at.
fn unseen(doubt: Doubt) -> Error {
    let remedy = match doubt {
        Doubt::Metrics => "Grant `get` on `/metrics`, then run this again.",
        Doubt::LeasesForbidden => "Grant `list` on leases in kube-system, then run this again.",
        Doubt::NoIdentityLeases | Doubt::KeyUnidentified | Doubt::VersionsDiffer => SUCCEED_FIRST,
    };
    unproven(&doubt.to_string(), remedy)
}

/// It is none of the candidates, or cannot be told of all servers.
fn unknown(why: &str, candidates: &[ExpectedKey]) -> Error {
    let remedy = if candidates.iter().any(ExpectedKey::is_data_encryption) {
        SUCCEED_FIRST
    } else {
        "Pass the key that the API servers write with to `rotate` (or `enable`; where it is none, call `disable`): \
         going back to it needs nothing else."
    };
    unproven(why, remedy)
}

const SUCCEED_FIRST: &str =
    "Let the cluster's last change succeed first (`az aks update`), then run this again.";

fn unproven(why: &str, remedy: &str) -> Error {
    let finding = Finding {
        remedy: remedy.to_owned(),
        ..Finding::violated(RuleId::KeyInUseUnproven, "API servers", why)
    };
    let message = format!("which key the API servers write with is not proven: {finding}");
    Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::KeyId, kubernetes::ServerMetrics};

    fn key(version: u8) -> ExpectedKey {
        let text = format!("https://shop.vault.azure.net/keys/etcd/{version:032x}");
        ExpectedKey::Key(KeyId::parse(&text).unwrap())
    }

    fn on(key: &ExpectedKey) -> WritesWith {
        match key {
            ExpectedKey::Key(key_id) => WritesWith::key(key_id.metrics_hash()),
            _ => WritesWith::Plaintext,
        }
    }

    fn servers(writing: &[WritesWith]) -> Vec<ProbedServer> {
        let server = |(started, writes_with): (f64, &WritesWith)| {
            let counters = ServerMetrics {
                process_start_time_seconds: Some(started),
                ..ServerMetrics::default()
            };
            let process = Process::of(&counters);
            ProbedServer { process, writes_with: writes_with.clone(), counters }
        };
        [1.0, 2.0, 3.0].into_iter().zip(writing).map(server).collect()
    }

    #[test]
    fn the_key_in_use_is_found_among_the_candidates() {
        let hash = |hash: &str| WritesWith::key(hash);
        let v1 = |name: &str| WritesWith::Provider(format!("k8s:enc:kms:v1:{name}:"));
        let plain = ExpectedKey::Plaintext;
        let three = [key(1), key(2), plain.clone()];
        let one_key = [plain.clone(), key(1)];
        let (metrics, unnamed) = (Evidence::Metrics, Evidence::MetricsUnnamed);
        let cases = [
            ("all with one", vec![on(&key(2)), on(&key(2))], &three[..], Found::One(1, metrics)),
            ("all without", vec![on(&plain), on(&plain)], &three, Found::One(2, metrics)),
            ("a learned name", vec![hash("x"), hash("x")], &three, Found::One(0, unnamed)),
            ("two keys", vec![on(&key(2)), on(&key(1))], &three, Found::Two(0, 1)),
            ("a key and none", vec![on(&plain), on(&key(1))], &three, Found::Two(0, 2)),
            ("three", vec![on(&plain), on(&key(1)), on(&key(2))], &three, Found::Other),
            ("a strange key", vec![on(&key(1)), hash("y")], &three, Found::Other),
            ("unclear", vec![WritesWith::Mixed], &three, Found::Other),
            ("KMS v1, one key", vec![v1("a"), v1("a")], &one_key, Found::One(1, Evidence::Weak)),
            ("KMS v1, two keys", vec![v1("a"), v1("a")], &three, Found::Other),
            ("KMS v1, two providers", vec![v1("a"), v1("b")], &one_key, Found::Other),
            ("nobody", vec![], &three, Found::Other),
        ];
        let mut names = KeyNames::new(Vec::new(), vec![(key(1), "x".to_owned())]);
        for key in &three {
            names.know(key);
        }
        for (name, writing, candidates, expected) in cases {
            assert_eq!(found(&servers(&writing), candidates, &names), expected, "{name}");
        }
    }

    #[test]
    fn an_answer_counts_when_it_has_stood_for_three_polls() {
        let candidates = [key(1), key(2)];
        let names = KeyNames::default();
        let heard = servers(&[on(&key(1)), on(&key(2))]);
        let turned = servers(&[on(&key(2)), on(&key(1))]);
        let same = |heard: &[ProbedServer]| response(heard, &candidates, &names);
        let mut steady = Steady::default();
        let first: Vec<bool> = (0..4).map(|_| steady.is(same(&heard))).collect();
        assert_eq!(first, [false, false, false, true]);
        assert!(!steady.is(same(&turned)), "another server has the first key");
        assert!(!steady.is(same(&heard)));
    }

    /// Verbs of a versioned key refuse a cluster with data encryption.
    #[test]
    fn the_way_out_is_one_that_the_candidates_have() {
        let plain = ExpectedKey::Plaintext;
        let remedy = |error: Error| error.findings()[0].remedy.clone();
        let any = ExpectedKey::AnyVersion(
            KeyId::parse("https://shop.vault.azure.net/keys/etcd").unwrap(),
        );
        for (candidates, names, not) in [
            (vec![key(1), plain.clone()], "`rotate`", "`az aks update`"),
            (vec![key(1), ExpectedKey::Platform], "`az aks update`", "`rotate`"),
            (vec![any, plain], "`az aks update`", "`disable`"),
        ] {
            let remedy = remedy(unknown("one writes with another key", &candidates));
            assert!(remedy.contains(names) && !remedy.contains(not), "{candidates:?}: {remedy}");
            assert!(!remedy.contains("/metrics"), "they were seen: {remedy}");
        }
        for (doubt, names) in [
            (Doubt::Metrics, "`/metrics`"),
            (Doubt::LeasesForbidden, "leases"),
            (Doubt::NoIdentityLeases, "`az aks update`"),
        ] {
            let remedy = remedy(unseen(doubt));
            assert!(remedy.contains(names) && !remedy.contains("`rotate`"), "{doubt:?}: {remedy}");
        }
    }
}
