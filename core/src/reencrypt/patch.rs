//! Patching one secret until it is answered for, and counting how it ended.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Engine,
    pass::Tally,
    requests::{self, PatchAnswer},
};
use crate::error::Result;

/// Tries after a sign of overload or a lost connection.
const OVERLOADED_TRIES: u32 = 6;
/// Tries after the server failed.
const BROKEN_TRIES: u32 = 3;

/// A secret to patch.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) namespace: std::sync::Arc<str>,
    pub(super) name: String,
    /// Resource version of the list that named it.
    pub(super) listed_at: u64,
}

impl Engine {
    /// Patches a secret. `first`: it has not been counted before.
    pub(super) async fn patch(&self, tally: &Mutex<Tally>, item: &Item, first: bool) -> Result<()> {
        let mut overloaded = 0;
        let mut broken = 0;
        let answer = loop {
            let turn = self.limiter.turn().await;
            match requests::patch(&self.api, &item.namespace, &item.name).await? {
                PatchAnswer::Overloaded { after, message } => {
                    turn.overloaded(after);
                    overloaded += 1;
                    if overloaded >= OVERLOADED_TRIES {
                        break PatchAnswer::Broken(message);
                    }
                    tokio::time::sleep(self.backoff(overloaded)).await;
                }
                PatchAnswer::Broken(message) => {
                    drop(turn);
                    broken += 1;
                    if broken >= BROKEN_TRIES {
                        break PatchAnswer::Broken(message);
                    }
                    tokio::time::sleep(self.backoff(broken)).await;
                }
                answer => {
                    turn.went_well();
                    break answer;
                }
            }
        };
        let done = settle(tally, item, answer, first);
        self.reporter.done(done);
        Ok(())
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

/// Counts how a secret ended; gives how many are settled.
fn settle(tally: &Mutex<Tally>, item: &Item, answer: PatchAnswer, first: bool) -> u64 {
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let one = u64::from(first);
    tally.counts.total += one;
    tally.clear(&item.namespace, &item.name);
    match answer {
        PatchAnswer::Version(version) => {
            tally.answered.insert(version);
            if version > item.listed_at {
                tally.counts.rewritten += one;
            } else {
                tally.counts.current += one;
            }
        }
        PatchAnswer::Gone => tally.counts.gone += one,
        PatchAnswer::Blocked(reason, message) => {
            tally.block(&item.namespace, &item.name, reason, message);
        }
        PatchAnswer::Broken(message) | PatchAnswer::Overloaded { message, .. } => {
            tally.fail(&item.namespace, &item.name, message);
        }
    }
    tally.counts.rewritten
        + tally.counts.current
        + tally.counts.gone
        + (tally.blocked.len() + tally.failed.len()) as u64
}
