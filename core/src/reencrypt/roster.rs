//! Which API server processes live, and whether each of them was heard.
//!
//! Each renews an identity Lease, whose holder is the process: another holder, another process.
//! Dead ones linger for an hour. A live server renews its Lease, so a Lease that stands still for
//! longer than that is dead, as is one that somebody forged. Clocks of two machines are never
//! compared, only texts for change.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::servers::{ProbedServer, Process, WritesWith};
use crate::kubernetes::IdentityLease;

/// The holders of identity Leases, with the Lease's name before each.
pub(super) type Holders = BTreeSet<(String, String)>;

/// What is known of the API server processes, from the first look of a run to the last.
#[derive(Debug)]
pub(super) struct Roster {
    /// A live server renews its Lease within this.
    liveness: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    looked: bool,
    leases: BTreeMap<String, Seen>,
    /// When a process was last seen to come or to go.
    changed: Option<Instant>,
    /// Since when no look came to anything.
    failing: Option<Instant>,
    /// Since a pass was last begun:
    holders: Holders,
    heard: Vec<ProbedServer>,
    interrupted: bool,
}

#[derive(Debug)]
struct Seen {
    holder: String,
    renewed: String,
    /// Since when it stands still.
    since: Instant,
}

impl Roster {
    pub(super) fn new(liveness: Duration) -> Self {
        Self { liveness, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pass begins: from now on, every process that lives is to be heard.
    pub(super) fn begin(&self) {
        let mut known = self.known();
        known.holders.clear();
        known.heard.clear();
        known.interrupted = false;
    }

    /// The Leases were looked at; gives the holders that are not known to be dead.
    pub(super) fn looked(&self, leases: Vec<IdentityLease>) -> Holders {
        let now = Instant::now();
        let mut known = self.known();
        if let Some(failing) = known.failing.take() {
            // A process can have come and gone, and another one taken over its Lease.
            known.interrupted |= now.duration_since(failing) >= self.liveness;
        }
        if known.see(leases, now) && known.looked {
            known.changed = Some(now);
        }
        known.looked = true;
        let alive = known.alive(now, self.liveness);
        known.holders.extend(alive.iter().cloned());
        alive
    }

    /// Everybody who lives was heard: who turned out to be dead meanwhile need not be.
    pub(super) fn converged(&self) {
        let mut known = self.known();
        known.holders = known.alive(Instant::now(), self.liveness);
    }

    /// A look came to nothing.
    pub(super) fn failed(&self) {
        self.known().failing.get_or_insert_with(Instant::now);
    }

    /// A process was heard.
    pub(super) fn heard(&self, server: &ProbedServer) {
        let mut known = self.known();
        match known.heard.iter_mut().find(|earlier| earlier.process.is(&server.process)) {
            Some(earlier) if earlier.writes_with != server.writes_with => {
                earlier.writes_with = WritesWith::Mixed;
            }
            Some(earlier) => earlier.process = server.process.clone(),
            None => known.heard.push(server.clone()),
        }
    }

    /// Every process that was heard since the pass began, those that have ended since included.
    pub(super) fn all_heard(&self) -> Vec<ProbedServer> {
        self.known().heard.clone()
    }

    /// Whether a process that lived since the pass began was not heard.
    pub(super) fn missed(&self) -> bool {
        let known = self.known();
        let processes: Vec<&Process> = known.heard.iter().map(|server| &server.process).collect();
        known.interrupted || not_yet_probed(&known.holders, &processes) > 0
    }

    /// Whether no API server process ended within `span`, as far as can be seen: a write of one
    /// that was told to end can still land.
    ///
    /// What ended before the first look shows in a Lease that stands still, or in a process that
    /// took its place and is young by its own clock.
    pub(super) fn nobody_ended_within(&self, span: Duration, heard: &[ProbedServer]) -> bool {
        let now = Instant::now();
        let known = self.known();
        let settled = known.changed.is_none_or(|changed| now.duration_since(changed) >= span);
        let alive = known.alive(now, self.liveness);
        // It may have renewed its Lease just before it ended, or be yet to renew it.
        let long_dead = known.leases.iter().all(|(name, seen)| {
            alive.iter().any(|(living, _)| living == name)
                || now.duration_since(seen.since) >= span + self.liveness
        });
        let processes: Vec<&Process> = heard.iter().map(|server| &server.process).collect();
        let one_each = alive.len() == heard.len() && not_yet_probed(&alive, &processes) == 0;
        settled
            && long_dead
            && one_each
            && heard.iter().all(|server| server.counters.is_older_than(span))
    }
}

impl Known {
    /// Takes in what the Leases show; whether another process has one.
    fn see(&mut self, leases: Vec<IdentityLease>, now: Instant) -> bool {
        let before = self.leases.len();
        let names: BTreeSet<String> = leases.iter().map(|lease| lease.name.clone()).collect();
        self.leases.retain(|name, _| names.contains(name));
        let mut changed = self.leases.len() < before;
        for IdentityLease { name, holder, renew_time } in leases {
            let seen = self.leases.get(&name);
            let same = seen.is_some_and(|seen| seen.holder == holder);
            changed |= !same;
            if !same || seen.is_some_and(|seen| seen.renewed != renew_time) {
                self.leases.insert(name, Seen { holder, renewed: renew_time, since: now });
            }
        }
        changed
    }

    fn alive(&self, now: Instant, liveness: Duration) -> Holders {
        self.leases
            .iter()
            .filter(|(_, seen)| now.duration_since(seen.since) < liveness)
            .map(|(name, seen)| (name.clone(), seen.holder.clone()))
            .collect()
    }
}

/// How many of these holders were not heard. Servers that do not tell their names are counted.
pub(super) fn not_yet_probed(holders: &Holders, processes: &[&Process]) -> usize {
    let unnamed = processes.iter().filter(|process| process.id_hash.is_none()).count();
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in holders {
        *wanted.entry(name).or_default() += 1;
    }
    let missing: usize = wanted
        .into_iter()
        .map(|(name, wanted)| {
            let hash = id_hash(name);
            let named = processes.iter().filter(|it| it.id_hash.as_deref() == Some(&hash)).count();
            wanted.saturating_sub(named)
        })
        .sum();
    // somebody responds, so somebody must be heard
    missing.saturating_sub(unnamed).max(usize::from(processes.is_empty()))
}

/// How an API server names itself in its metrics.
fn id_hash(lease: &str) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(lease.as_bytes()) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
#[path = "roster_tests.rs"]
mod tests;
