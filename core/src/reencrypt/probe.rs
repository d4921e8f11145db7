//! Probes every API server process: fresh connections, until they show nothing new.

use std::collections::BTreeSet;

use tokio::time::{Instant, sleep};

use super::{
    Engine,
    canary::CanaryWrite,
    requests,
    roster::{Holders, not_yet_probed},
    servers::{ProbedServer, Process},
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::Doubt,
    kubernetes::{KubernetesApi, ServerMetrics, identity_leases},
};

/// So many fresh connections in a row that lead to nothing new, at least, are all that there is:
/// a load balancer spreads them, but not evenly.
const QUIET: usize = 8;
/// And so many for each process that was heard.
const QUIET_PER_PROCESS: usize = 4;
/// Polls between two looks at who lives while a pass runs: a process takes longer to come and go,
/// and to leave its Lease to another.
const LOOKS_APART: u32 = 5;
/// Connections that failed in one round.
const FAILURES: usize = 8;

/// What is heard of a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum ProbeMode {
    /// With what it writes now: it is made to write.
    AfterWrite,
    /// With what it has written since its process began. Nothing is written.
    SinceItBegan,
}

/// What one round of fresh connections brought.
pub(super) enum Round {
    /// Every API server that lives was heard.
    All(Vec<ProbedServer>),
    /// Not every one, or what was heard is enough to know: why, and who was heard.
    Partial { why: String, heard: Vec<ProbedServer> },
    /// It cannot be known how many there are, and why.
    Unknown(Doubt),
}

/// What a look at the identity Leases brought.
enum Look {
    Holders(Holders),
    Failed(String),
    /// There are none, or no right to them.
    Unknown(Doubt),
}

enum Attempt {
    New(Box<ProbedServer>),
    /// The process with this number, and its counters now.
    Known(usize, Box<ServerMetrics>),
    /// Why, and the process, where it is known.
    Failed(String, Option<Process>),
}

/// Who answered in one round of fresh connections.
#[derive(Default)]
struct Probed {
    heard: Vec<ProbedServer>,
    /// Processes that could not be made to write.
    silent: Vec<Process>,
    /// Those of `heard` that answered since somebody new did: they live.
    living: BTreeSet<usize>,
    /// Connections in a row that led to nobody new.
    quiet: usize,
    failures: usize,
    trouble: Option<String>,
}

impl Engine {
    /// Every API server that lives. The inner error: it cannot be known how many there are.
    pub(super) async fn hear_all(
        &self,
        hearing: ProbeMode,
    ) -> Result<Result<Vec<ProbedServer>, Doubt>> {
        let began = Instant::now();
        loop {
            let why = match self.round(hearing, |_| false).await? {
                Round::All(heard) => return Ok(Ok(heard)),
                Round::Partial { why, .. } => why,
                Round::Unknown(doubt) => return Ok(Err(doubt)),
            };
            if began.elapsed() >= self.timing.convergence_limit {
                let message = format!("the API servers cannot all be heard: {why}; run this again");
                return Err(Error::new(ErrorKind::KmsUnavailable, message));
            }
            sleep(self.timing.convergence_poll).await;
        }
    }

    /// Looks at the identity Leases again and again while something is done. Not where the API
    /// servers were not heard: there is nothing to compare with then.
    pub(super) async fn watched<T>(&self, heard: bool, work: impl Future<Output = T>) -> T {
        if !heard {
            return work.await;
        }
        let watch = async {
            loop {
                sleep(self.timing.convergence_poll * LOOKS_APART).await;
                // What it brings is kept, and so is that it brings nothing.
                let _ = self.see_who_lives().await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            never = watch => never,
        }
    }

    /// Who lives, by the identity Leases.
    async fn see_who_lives(&self) -> Result<Look> {
        let failed = |why: String| {
            self.roster.failed();
            Ok(Look::Failed(why))
        };
        match identity_leases(&self.api).await {
            Ok(leases) if leases.is_empty() => Ok(Look::Unknown(Doubt::NoIdentityLeases)),
            Ok(leases) => Ok(Look::Holders(self.roster.looked(leases))),
            Err(error) => match error.kind() {
                ErrorKind::Forbidden => Ok(Look::Unknown(Doubt::LeasesForbidden)),
                ErrorKind::NotFound => Ok(Look::Unknown(Doubt::NoIdentityLeases)),
                _ if error.is_retryable() => failed(error.to_string()),
                _ => Err(error),
            },
        }
    }

    /// Opens fresh connections until every API server was heard and nothing new comes. `enough`:
    /// what was heard decides already, so that others are not waited for.
    pub(super) async fn round(
        &self,
        hearing: ProbeMode,
        enough: impl Fn(&[ProbedServer]) -> bool,
    ) -> Result<Round> {
        let before = match self.see_who_lives().await? {
            Look::Holders(holders) => holders,
            Look::Failed(why) => return Ok(Round::Partial { why, heard: Vec::new() }),
            Look::Unknown(doubt) => return Ok(Round::Unknown(doubt)),
        };
        let mut answered = Probed::default();
        while !answered.is_quiet(before.len()) {
            let attempt = self.hear_one(&answered.heard, hearing).await?;
            if let Some(server) = answered.take(attempt) {
                self.roster.heard(server);
            }
            let decided = enough(&answered.heard)
                && (answered.quiet > 0 || answered.not_yet_probed(&before, false) == 0);
            if decided || answered.failures >= FAILURES {
                return Ok(answered.part(&before));
            }
        }
        let after = match self.see_who_lives().await? {
            Look::Holders(holders) => holders,
            Look::Failed(why) => return Ok(Round::Partial { why, heard: answered.heard }),
            Look::Unknown(doubt) => return Ok(Round::Unknown(doubt)),
        };
        if after.iter().any(|holder| !before.contains(holder)) {
            let why = "an API server has just begun".to_owned();
            return Ok(Round::Partial { why, heard: answered.heard });
        }
        if answered.is_anybody_silent() || answered.not_yet_probed(&after, true) > 0 {
            return Ok(answered.part(&after));
        }
        Ok(Round::All(answered.heard))
    }

    /// Hears the server behind a fresh connection.
    async fn hear_one(&self, heard: &[ProbedServer], hearing: ProbeMode) -> Result<Attempt> {
        let connection = self.api.fresh();
        let Some(before) = requests::metrics(&connection).await? else {
            return Ok(Attempt::Failed("its metrics were not answered".to_owned(), None));
        };
        let process = Process::of(&before);
        if let Some(number) = heard.iter().position(|server| server.process.is(&process)) {
            return Ok(Attempt::Known(number, Box::new(before)));
        }
        match hearing {
            ProbeMode::SinceItBegan => {
                Ok(Attempt::New(Box::new(ProbedServer::between(&ServerMetrics::default(), before))))
            }
            ProbeMode::AfterWrite => self.probe_with_write(&connection, before, process).await,
        }
    }

    /// Makes the server behind a connection write, and reads its counters again.
    async fn probe_with_write(
        &self,
        connection: &KubernetesApi,
        before: ServerMetrics,
        process: Process,
    ) -> Result<Attempt> {
        requests::ask_for_kms_health(connection).await;
        if let CanaryWrite::Failed(why) = self.canary.write(connection).await? {
            return Ok(Attempt::Failed(format!("a write failed: {why}"), Some(process)));
        }
        let Some(after) = requests::metrics(connection).await? else {
            let why = "its metrics were not answered".to_owned();
            return Ok(Attempt::Failed(why, Some(process)));
        };
        if !Process::of(&after).is(&process) {
            let why = "a server restarted meanwhile".to_owned();
            return Ok(Attempt::Failed(why, Some(process)));
        }
        Ok(Attempt::New(Box::new(ProbedServer::between(&before, after))))
    }
}

impl Probed {
    /// Whether fresh connections have led to nobody new for long enough.
    fn is_quiet(&self, servers: usize) -> bool {
        self.quiet >= QUIET.max(QUIET_PER_PROCESS * self.heard.len().max(servers))
    }

    /// Takes a response in; gives the server that was heard.
    fn take(&mut self, attempt: Attempt) -> Option<&ProbedServer> {
        let number = match attempt {
            Attempt::New(server) => {
                self.heard.push(*server);
                self.living.clear();
                self.quiet = 0;
                self.heard.len() - 1
            }
            Attempt::Known(number, counters) => {
                self.heard[number].go_on(*counters);
                self.quiet += 1;
                number
            }
            Attempt::Failed(why, process) => {
                self.silent.extend(process);
                self.trouble = Some(why);
                self.failures += 1;
                return None;
            }
        };
        self.living.insert(number);
        Some(&self.heard[number])
    }

    /// How many of the holders were not heard. `living`: a process without a name counts only if
    /// it lives, or one that ended meanwhile would stand in for another.
    fn not_yet_probed(&self, holders: &Holders, living: bool) -> usize {
        let counts = |&(number, server): &(usize, &ProbedServer)| {
            !living || server.process.id_hash.is_some() || self.living.contains(&number)
        };
        let heard = self.heard.iter().enumerate().filter(counts);
        not_yet_probed(holders, &heard.map(|(_, server)| &server.process).collect::<Vec<_>>())
    }

    /// Whether there is a process that responds and could not be made to write.
    fn is_anybody_silent(&self) -> bool {
        let heard = |process: &Process| self.heard.iter().any(|it| it.process.is(process));
        !self.silent.iter().all(heard)
    }

    fn part(self, holders: &Holders) -> Round {
        let mut parts = Vec::new();
        let missing = self.not_yet_probed(holders, false);
        if missing > 0 || self.trouble.is_some() {
            let mut part = format!("{missing} of {} API servers not heard", holders.len());
            if let Some(trouble) = &self.trouble {
                part = format!("{part}, {trouble}");
            }
            parts.push(part);
        }
        if !self.heard.is_empty() {
            parts.push(writes_with(&self.heard));
        }
        Round::Partial { why: parts.join("; "), heard: self.heard }
    }
}

/// What the servers that were heard write with.
pub(super) fn writes_with(heard: &[ProbedServer]) -> String {
    let servers: Vec<String> = heard.iter().map(|server| server.writes_with.to_string()).collect();
    format!("those heard write with {}", servers.join(", "))
}
