//! Which key do the API servers write with? Hearing each of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    Engine,
    canary::CanaryWrite,
    pass::{Awaited, Convergence, Pass},
    requests,
    servers::{Heard, Process, Verdict, WritesWith, judge},
};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{IdentityLease, KubernetesApi, ServerMetrics, identity_leases},
    model::{Evidence, ExpectedKey},
};

/// Fresh connections in one round for each API server that is to be heard: a load balancer
/// spreads them, but not evenly.
const TRIES_PER_SERVER: usize = 8;

/// Which identity Leases belong to API servers that live.
///
/// Dead ones linger for an hour. A live server renews its Lease, so a Lease that stands still
/// for longer than that is dead. Clocks are never compared, only texts for change.
#[derive(Debug, Default)]
pub(super) struct LeaseWatch(Mutex<BTreeMap<String, Seen>>);

#[derive(Debug)]
struct Seen {
    renewed: String,
    since: Instant,
}

impl LeaseWatch {
    /// The Leases that are not known to be dead.
    fn not_dead(&self, leases: Vec<IdentityLease>, liveness: Duration) -> Vec<String> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        leases
            .into_iter()
            .filter_map(|lease| {
                let entry = seen
                    .entry(lease.name.clone())
                    .or_insert_with(|| Seen { renewed: lease.renew_time.clone(), since: now });
                if entry.renewed != lease.renew_time {
                    *entry = Seen { renewed: lease.renew_time, since: now };
                }
                (now.duration_since(entry.since) < liveness).then_some(lease.name)
            })
            .collect()
    }
}

/// What one round of fresh connections brought.
pub(super) enum Round {
    /// Every API server that lives was heard.
    All(Vec<Heard>),
    /// Not every one, and why.
    Part(String),
    /// It cannot be known how many there are.
    Unknown,
}

impl Engine {
    /// Brings a pass to convergence, again when servers changed in the middle of it.
    pub(super) async fn converge_again(&self, pass: &mut Pass) -> Result<()> {
        if let Awaited::InUse(candidates) = &pass.awaited {
            let candidates = candidates.clone();
            return self.find_in_use(pass, &candidates).await;
        }
        let names = self.names(&pass.keys);
        let expected = pass.expected().clone();
        let began = Instant::now();
        let mut waited = false;
        loop {
            if !self.metrics {
                return self.converge_weakly(pass).await;
            }
            let seen = match self.round(Hearing::OfAWrite).await? {
                Round::All(heard) => {
                    let before = pass.before_change.as_ref();
                    match judge(&heard, &expected, before, &names) {
                        Verdict::Proven(evidence) => {
                            return self.converged(pass, evidence, heard, false).await;
                        }
                        Verdict::Untold { touch } if waited => {
                            return self.converged(pass, Evidence::Weak, heard, touch).await;
                        }
                        Verdict::Untold { .. } => {
                            waited = true;
                            self.wait_weakly(pass, "do not tell the key").await;
                            continue;
                        }
                        Verdict::No => {}
                    }
                    describe(&heard)
                }
                Round::Part(why) => why,
                Round::Unknown => return self.converge_weakly(pass).await,
            };
            if began.elapsed() >= self.timing.convergence_limit {
                return Err(Error::new(
                    ErrorKind::KmsUnavailable,
                    format!(
                        "the API servers do not all write with {} after {} s: {seen}; if the \
                         cluster's provisioning state is Failed or Canceled, {}, which settles it; \
                         else look at the vault's logs; then run this again",
                        expected,
                        began.elapsed().as_secs(),
                        match expected {
                            ExpectedKey::Key(_) => "call `enable` with this key",
                            ExpectedKey::Plaintext => "call `disable`",
                        }
                    ),
                ));
            }
            // The reason for waiting: a server asks its KMS plugin for the key once a minute, or is
            // about to restart. Asking for its health makes it ask sooner.
            self.reporter.message(format!("Waiting for {expected}: {seen}"));
            tokio::time::sleep(self.timing.convergence_poll).await;
        }
    }

    pub(super) async fn converged(
        &self,
        pass: &mut Pass,
        evidence: Evidence,
        heard: Vec<Heard>,
        touch: bool,
    ) -> Result<()> {
        if let Some(bytes) =
            heard.iter().filter_map(|server| server.counters.mean_secret_bytes()).max()
        {
            self.limiter.set_secret_bytes(bytes);
        }
        if let (Evidence::Weak, Some(WritesWith::Key(hash))) =
            (evidence, heard.first().map(|server| &server.writes_with))
        {
            self.guess(pass.expected(), hash);
        }
        let pure = !touch && !heard.is_empty() && heard.iter().all(Heard::never_wrote_otherwise);
        pass.convergence = Some(Convergence { evidence, servers: heard, at: Instant::now() });
        pass.touch = touch;
        pass.converged_at = self.resource_version().await?;
        // No process ever encrypted with another key, so no such write can be under way.
        pass.fence = pure.then_some(pass.converged_at);
        Ok(())
    }

    /// Without the API servers' metrics there is nothing but time.
    async fn converge_weakly(&self, pass: &mut Pass) -> Result<()> {
        self.wait_weakly(pass, "cannot be read").await;
        let touch = self.is_kms_v1() && matches!(pass.expected(), ExpectedKey::Key(_));
        self.converged(pass, Evidence::Weak, Vec::new(), touch).await
    }

    async fn wait_weakly(&self, pass: &Pass, why: &str) {
        self.reporter.message(format!(
            "The API servers' metrics {why}: giving them {} s to write with {}",
            self.timing.weak_convergence.as_secs(),
            pass.expected()
        ));
        tokio::time::sleep(self.timing.weak_convergence).await;
    }

    /// Whether the servers still are what they were at convergence: nobody wrote with another key
    /// since, and a process that began meanwhile never did.
    pub(super) async fn still_converged(&self, pass: &Pass) -> Result<bool> {
        let Some(convergence) = &pass.convergence else { return Ok(false) };
        if convergence.servers.is_empty() {
            return Ok(true);
        }
        let Some(heard) = self.hear_all(Hearing::OfAWrite).await? else { return Ok(false) };
        Ok(heard.iter().all(|server| {
            let earlier =
                convergence.servers.iter().find(|earlier| earlier.process == server.process);
            match earlier {
                Some(earlier) => server.unchanged_since(earlier),
                // servers that differ must stay exactly as they were
                None if pass.keys.len() > 1 => false,
                None => {
                    server.never_wrote_otherwise()
                        && convergence
                            .servers
                            .iter()
                            .all(|other| other.writes_with == server.writes_with)
                }
            }
        }))
    }

    /// Every API server that lives. `None`: it cannot be known how many there are.
    pub(super) async fn hear_all(&self, hearing: Hearing) -> Result<Option<Vec<Heard>>> {
        let began = Instant::now();
        loop {
            let why = match self.round(hearing).await? {
                Round::All(heard) => return Ok(Some(heard)),
                Round::Part(why) => why,
                Round::Unknown => return Ok(None),
            };
            if began.elapsed() >= self.timing.convergence_limit {
                return Err(Error::new(
                    ErrorKind::KmsUnavailable,
                    format!("the API servers cannot all be heard: {why}"),
                ));
            }
            tokio::time::sleep(self.timing.convergence_poll).await;
        }
    }

    /// Opens fresh connections until every API server was heard.
    pub(super) async fn round(&self, hearing: Hearing) -> Result<Round> {
        let leases = match identity_leases(&self.api).await {
            Ok(leases) if !leases.is_empty() => leases,
            Ok(_) => return Ok(Round::Unknown),
            Err(error) => match error.kind() {
                ErrorKind::Forbidden | ErrorKind::NotFound => return Ok(Round::Unknown),
                _ if error.is_retryable() => return Ok(Round::Part(error.to_string())),
                _ => return Err(error),
            },
        };
        let waiting_for = self.leases.not_dead(leases, self.timing.server_liveness);
        let mut heard: Vec<Heard> = Vec::new();
        let mut trouble = String::new();
        for _ in 0..TRIES_PER_SERVER * waiting_for.len().max(1) {
            match self.hear_one(&heard, hearing).await? {
                Attempt::New(server) => heard.push(*server),
                Attempt::Known => {}
                Attempt::Failed(why) => trouble = why,
            }
            if unheard(&waiting_for, &heard) == 0 {
                return Ok(Round::All(heard));
            }
        }
        let missing = unheard(&waiting_for, &heard);
        let mut why = format!("{missing} of {} API servers not heard", waiting_for.len());
        if !trouble.is_empty() {
            why = format!("{why}, {trouble}");
        }
        if !heard.is_empty() {
            why = format!("{why}; {}", describe(&heard));
        }
        Ok(Round::Part(why))
    }

    /// Hears the server behind a fresh connection.
    async fn hear_one(&self, heard: &[Heard], hearing: Hearing) -> Result<Attempt> {
        let connection = self.api.fresh();
        let Some(before) = requests::metrics(&connection).await? else {
            return Ok(Attempt::Failed("its metrics were not answered".to_owned()));
        };
        if heard.iter().any(|server| server.process == Process::of(&before)) {
            return Ok(Attempt::Known);
        }
        match hearing {
            Hearing::SinceItBegan => {
                Ok(Attempt::New(Box::new(Heard::between(&ServerMetrics::default(), before))))
            }
            Hearing::OfAWrite => self.hear_a_write(&connection, before).await,
        }
    }

    /// Makes the server behind a connection write, and reads its counters again.
    async fn hear_a_write(
        &self,
        connection: &KubernetesApi,
        before: ServerMetrics,
    ) -> Result<Attempt> {
        requests::ask_for_kms_health(connection).await;
        if let CanaryWrite::Failed(why) = self.canary.write(connection).await? {
            return Ok(Attempt::Failed(format!("a write failed: {why}")));
        }
        let Some(after) = requests::metrics(connection).await? else {
            return Ok(Attempt::Failed("its metrics were not answered".to_owned()));
        };
        // A server tells its id only once it has used a key: the start time alone is compared.
        if after.process_start_time_seconds != before.process_start_time_seconds {
            return Ok(Attempt::Failed("a server restarted meanwhile".to_owned()));
        }
        Ok(Attempt::New(Box::new(Heard::between(&before, after))))
    }
}

/// What is heard of a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hearing {
    /// With what it writes now: it is made to write.
    OfAWrite,
    /// With what it has written since its process began. Nothing is written.
    SinceItBegan,
}

enum Attempt {
    New(Box<Heard>),
    Known,
    Failed(String),
}

/// How many of the servers behind these Leases were not heard.
fn unheard(leases: &[String], heard: &[Heard]) -> usize {
    let named = heard.iter().all(|server| server.process.id_hash.is_some());
    if named {
        let missing = |lease: &&String| {
            let hash = id_hash(lease);
            !heard.iter().any(|server| server.process.id_hash.as_deref() == Some(hash.as_str()))
        };
        leases.iter().filter(missing).count().max(usize::from(heard.is_empty()))
    } else {
        leases.len().max(1).saturating_sub(heard.len())
    }
}

/// How an API server names itself in its metrics.
fn id_hash(lease: &str) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(lease.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn describe(heard: &[Heard]) -> String {
    let servers: Vec<String> = heard.iter().map(|server| server.writes_with.to_string()).collect();
    format!("those heard write with {}", servers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kubernetes::{IdentityLease, ServerMetrics},
        reencrypt::servers::WritesWith,
    };

    fn server(lease: Option<&str>) -> Heard {
        let counters = ServerMetrics {
            apiserver_id_hash: lease.map(id_hash),
            process_start_time_seconds: Some(1.0),
            ..ServerMetrics::default()
        };
        Heard { process: Process::of(&counters), writes_with: WritesWith::Plaintext, counters }
    }

    #[test]
    fn every_lease_needs_its_own_server() {
        let leases = ["a".to_owned(), "b".to_owned()];
        assert_eq!(unheard(&leases, &[]), 2);
        assert_eq!(unheard(&leases, &[server(Some("a"))]), 1);
        assert_eq!(unheard(&leases, &[server(Some("a")), server(Some("a"))]), 1);
        assert_eq!(unheard(&leases, &[server(Some("a")), server(Some("b"))]), 0);
        assert_eq!(unheard(&leases, &[server(None)]), 1, "without names they are counted");
        assert_eq!(unheard(&[], &[]), 1, "somebody answers, so somebody must be heard");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_stands_still_is_dead_and_one_that_moves_lives() {
        let watch = LeaseWatch::default();
        let liveness = Duration::from_secs(15);
        let lease = |name: &str, renew_time: &str| IdentityLease {
            name: name.to_owned(),
            renew_time: renew_time.to_owned(),
        };
        let first = watch.not_dead(vec![lease("live", "1"), lease("dead", "1")], liveness);
        assert_eq!(first, ["live", "dead"]);
        tokio::time::advance(Duration::from_secs(10)).await;
        watch.not_dead(vec![lease("live", "2"), lease("dead", "1")], liveness);
        tokio::time::advance(Duration::from_secs(6)).await;
        let last = watch.not_dead(vec![lease("live", "2"), lease("dead", "1")], liveness);
        assert_eq!(last, ["live"]);
    }
}
