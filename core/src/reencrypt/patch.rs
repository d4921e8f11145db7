//! Patching one secret until it is answered for, and counting how it ended.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    Engine,
    gradient::Work,
    pass::Tally,
    requests::{self, Change, PatchAnswer, is_decryption},
};
use crate::{error::Result, model::BlockedReason};

/// Tries after a sign of overload or a lost connection.
const OVERLOADED_TRIES: u32 = 6;
/// Tries after the server failed.
const BROKEN_TRIES: u32 = 3;
/// Fresh connections that are tried to find an API server that can read a secret.
const ELSEWHERE: usize = 24;
/// Outages that one secret is tried again after.
const OUTAGES: u32 = 5;

/// A secret to patch.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) namespace: Arc<str>,
    pub(super) name: String,
    /// Resource version of the list that named it.
    pub(super) listed_at: u64,
    /// It has not been counted before.
    pub(super) first: bool,
}

/// Asking secrets, one after the other.
pub(super) struct Asking {
    pub(super) tally: Mutex<Tally>,
    pub(super) change: Change,
    /// The cluster's resource version cannot be lower, unless it went back in time.
    pub(super) least_version: u64,
    /// How many are settled.
    pub(super) done: AtomicU64,
}

impl Asking {
    pub(super) fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tally, ready for questions about what was answered, the counter, and the least version.
    pub(super) fn sorted(&mut self) -> (&Tally, &AtomicU64, u64) {
        let tally = self.tally.get_mut().unwrap_or_else(PoisonError::into_inner);
        tally.answered.sort();
        (tally, &self.done, self.least_version)
    }

    pub(super) fn into_tally(self) -> Tally {
        self.tally.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Patches a secret.
    pub(super) async fn patch(&self, asking: &Asking, item: &Item) -> Result<()> {
        let answer = self.answer(item, asking.change).await?;
        asking.settle(item, answer);
        self.reporter.done(asking.done.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(())
    }

    /// Asks until there is an answer that stands.
    async fn answer(&self, item: &Item, change: Change) -> Result<PatchAnswer> {
        let (mut overloaded, mut broken, mut outages, mut gone_but_listed) = (0, 0, 0, 0);
        loop {
            let known_outages = self.outage.over().await;
            let turn = self.limiter.turn().await;
            match requests::patch(&self.api, &item.namespace, &item.name, change).await? {
                PatchAnswer::Overloaded { after, message } => {
                    turn.overloaded(after);
                    overloaded += 1;
                    if overloaded >= OVERLOADED_TRIES {
                        return Ok(PatchAnswer::Broken(message));
                    }
                    tokio::time::sleep(self.backoff(overloaded)).await;
                }
                PatchAnswer::Broken(message) => {
                    drop(turn);
                    broken += 1;
                    let given_up = broken >= BROKEN_TRIES;
                    if self.outage.failed() || given_up {
                        if outages < OUTAGES && self.was_an_outage(known_outages).await? {
                            outages += 1;
                            broken = 0;
                            continue;
                        }
                        if given_up {
                            let answer = unreadable_or_broken(message);
                            return self.or_elsewhere(item, change, answer).await;
                        }
                    }
                    tokio::time::sleep(self.backoff(broken)).await;
                }
                PatchAnswer::Gone => {
                    self.outage.answered();
                    turn.answered(Work::Read);
                    if self.is_gone(item).await? {
                        return Ok(PatchAnswer::Gone);
                    }
                    // made again meanwhile, or somebody speaks for the API server
                    gone_but_listed += 1;
                    if gone_but_listed >= BROKEN_TRIES {
                        let message = "it is answered not to exist, and no list agrees".to_owned();
                        return Ok(PatchAnswer::Broken(message));
                    }
                    tokio::time::sleep(self.backoff(gone_but_listed)).await;
                }
                answer @ PatchAnswer::Blocked(BlockedReason::Unreadable, _) => {
                    self.outage.answered();
                    turn.answered(Work::Read);
                    return self.or_elsewhere(item, change, answer).await;
                }
                answer => {
                    self.outage.answered();
                    let wrote =
                        matches!(answer, PatchAnswer::Version(version) if version > item.listed_at);
                    turn.answered(if wrote { Work::Write } else { Work::Read });
                    return Ok(answer);
                }
            }
        }
    }

    /// Where a change left API servers on different keys, another one may have the key of a secret
    /// that one cannot read.
    async fn or_elsewhere(
        &self,
        item: &Item,
        change: Change,
        answer: PatchAnswer,
    ) -> Result<PatchAnswer> {
        let is_unreadable = matches!(answer, PatchAnswer::Blocked(BlockedReason::Unreadable, _));
        if !is_unreadable || !self.servers_differ.load(Ordering::Relaxed) {
            return Ok(answer);
        }
        for _ in 0..ELSEWHERE {
            let api = self.api.fresh();
            let other = requests::patch(&api, &item.namespace, &item.name, change).await?;
            if matches!(other, PatchAnswer::Version(_)) {
                return Ok(other);
            }
        }
        Ok(answer)
    }

    /// Whether a list agrees that a secret does not exist.
    async fn is_gone(&self, item: &Item) -> Result<bool> {
        let listed = requests::is_listed(&self.api, &item.namespace, &item.name).await?;
        Ok(listed == Some(false))
    }

    /// A pause before trying again: doubled each time, with jitter so that not everybody comes
    /// back at once.
    pub(super) fn backoff(&self, tries: u32) -> Duration {
        let longest = self.timing.backoff_longest;
        let pause = self.timing.backoff_first.saturating_mul(1 << tries.min(16)).min(longest);
        let random = uuid::Uuid::new_v4().as_bytes()[0];
        pause.mul_f64(0.5 + f64::from(random) / 512.0)
    }
}

/// The server's KMS works, and still this secret fails: if it fails in being decrypted, its key
/// is not there any more.
fn unreadable_or_broken(message: String) -> PatchAnswer {
    if is_decryption(&message) {
        PatchAnswer::Blocked(BlockedReason::Unreadable, message)
    } else {
        PatchAnswer::Broken(message)
    }
}

impl Asking {
    /// Counts how a secret ended.
    fn settle(&self, item: &Item, answer: PatchAnswer) {
        let mut tally = self.tally();
        tally.counts.total += u64::from(item.first);
        // what was blocked before is counted as what it has come to now
        let one = u64::from(tally.clear(&item.namespace, &item.name) | item.first);
        match answer {
            PatchAnswer::Version(version) => match self.change {
                Change::Nothing => {
                    tally.answered.insert(version);
                    if version > item.listed_at {
                        tally.counts.rewritten += one;
                    } else {
                        tally.counts.current += one;
                    }
                }
                // It was touched now or, at this fence, before. That an API server answers says
                // nothing of the key: only the fence does.
                Change::Touch { fence } if version > fence => tally.counts.rewritten += one,
                Change::Touch { .. } => {
                    let message = "it was not written although it was touched".to_owned();
                    tally.fail(&item.namespace, &item.name, message);
                }
            },
            PatchAnswer::Gone => tally.counts.gone += one,
            PatchAnswer::Blocked(reason, message) => {
                tally.block(&item.namespace, &item.name, reason, message);
            }
            PatchAnswer::Broken(message) | PatchAnswer::Overloaded { message, .. } => {
                tally.fail(&item.namespace, &item.name, message);
            }
        }
    }
}
