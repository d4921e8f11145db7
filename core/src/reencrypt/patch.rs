//! Patching one secret until it is answered for, and counting how it ended.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

use super::{
    Engine,
    continue_token::token_behind,
    gradient::Work,
    pass::Pass,
    requests::{self, Change, PageResponse, PatchResponse, is_decryption},
    tally::Tally,
};
use crate::{error::Result, report::BlockedReason};

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
    pub(super) named_by: NamedBy,
}

/// Where the name of a secret comes from.
#[derive(Clone, Debug)]
pub(super) enum NamedBy {
    List,
    /// The error of a list that went on behind a name. It may name another secret, or none that
    /// there is: what the API server says of that one says nothing of the secret that is meant.
    Error {
        behind: String,
        /// The error's words.
        message: String,
    },
}

/// Patches secrets, one after the other.
pub(super) struct PatchRun {
    pub(super) tally: Mutex<Tally>,
    pub(super) change: Change,
    /// The cluster's resource version cannot be lower, unless it went back in time.
    pub(super) least_version: u64,
    /// How many are settled.
    pub(super) done: AtomicU64,
}

impl PatchRun {
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

impl Pass {
    /// Patches secrets for this pass; its tally is lent to it.
    pub(super) fn asking(&mut self) -> PatchRun {
        let watermark = self.watermark.unwrap_or_default();
        PatchRun {
            tally: Mutex::new(std::mem::take(&mut self.tally)),
            change: if self.touch { Change::Touch { watermark } } else { Change::Nothing },
            least_version: self.converged_at.max(watermark),
            done: AtomicU64::new(0),
        }
    }
}

impl Engine {
    /// Patches a secret.
    pub(super) async fn patch(&self, asking: &PatchRun, item: &Item) -> Result<()> {
        let response = self.response(item, asking.change).await?;
        asking.settle(item, response);
        self.reporter.done(asking.done.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(())
    }

    /// Asks until there is a response that stands.
    async fn response(&self, item: &Item, change: Change) -> Result<PatchResponse> {
        let (mut overloaded, mut broken, mut outages, mut gone_but_listed) = (0, 0, 0, 0);
        loop {
            let known_outages = self.outage.over().await;
            let permit = self.limiter.permit().await;
            match requests::patch(&self.api, &item.namespace, &item.name, change).await? {
                PatchResponse::Overloaded { after, message } => {
                    permit.overloaded(after);
                    overloaded += 1;
                    if overloaded >= OVERLOADED_TRIES {
                        return Ok(PatchResponse::Broken(message));
                    }
                    tokio::time::sleep(self.timing.pause(overloaded)).await;
                }
                PatchResponse::Broken(message) => {
                    drop(permit);
                    broken += 1;
                    let given_up = broken >= BROKEN_TRIES;
                    if self.outage.failed() || given_up {
                        if outages < OUTAGES && self.wait_out_outage(known_outages).await? {
                            outages += 1;
                            broken = 0;
                            continue;
                        }
                        if given_up {
                            let response = unreadable_or_broken(message);
                            return self.or_elsewhere(item, change, response).await;
                        }
                    }
                    tokio::time::sleep(self.timing.pause(broken)).await;
                }
                PatchResponse::Gone => {
                    self.outage.answered();
                    permit.answered(Work::Read);
                    if self.is_gone(item).await? {
                        return Ok(PatchResponse::Gone);
                    }
                    // made again meanwhile, or somebody speaks for the API server
                    gone_but_listed += 1;
                    if gone_but_listed >= BROKEN_TRIES {
                        let message = "it is answered not to exist, and no list agrees".to_owned();
                        return Ok(PatchResponse::Broken(message));
                    }
                    tokio::time::sleep(self.timing.pause(gone_but_listed)).await;
                }
                response @ PatchResponse::Blocked(BlockedReason::Unreadable, _) => {
                    self.outage.answered();
                    permit.answered(Work::Read);
                    return self.or_elsewhere(item, change, response).await;
                }
                response => {
                    self.outage.answered();
                    let wrote = matches!(response, PatchResponse::Version(version) if version > item.listed_at);
                    permit.answered(if wrote { Work::Write } else { Work::Read });
                    return Ok(response);
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
        response: PatchResponse,
    ) -> Result<PatchResponse> {
        let is_unreadable =
            matches!(response, PatchResponse::Blocked(BlockedReason::Unreadable, _));
        if !is_unreadable || !self.servers_differ.load(Ordering::Relaxed) {
            return Ok(response);
        }
        for _ in 0..ELSEWHERE {
            let api = self.api.fresh();
            let other = requests::patch(&api, &item.namespace, &item.name, change).await?;
            if matches!(other, PatchResponse::Version(_)) {
                return Ok(other);
            }
        }
        Ok(response)
    }

    /// Whether a list agrees that a secret does not exist. One that an error named does not exist
    /// only where the list that failed shows it now.
    async fn is_gone(&self, item: &Item) -> Result<bool> {
        let Item { namespace, name, .. } = item;
        let NamedBy::Error { behind, .. } = &item.named_by else {
            return Ok(requests::is_listed(&self.api, namespace, name).await? == Some(false));
        };
        let token = (!behind.is_empty()).then(|| token_behind(behind));
        let page = requests::secrets_page(&self.api, namespace, 1, token.as_deref()).await?;
        let PageResponse::Page(page) = page else { return Ok(false) };
        let ends = page.continue_token.is_none();
        Ok(page.names.first().map_or(ends, |next| next > name))
    }
}

/// The server's KMS works, and still this secret fails: if it fails in being decrypted, its key
/// is not there any more.
fn unreadable_or_broken(message: String) -> PatchResponse {
    if is_decryption(&message) {
        PatchResponse::Blocked(BlockedReason::Unreadable, message)
    } else {
        PatchResponse::Broken(message)
    }
}

impl PatchRun {
    /// Counts how a secret ended.
    fn settle(&self, item: &Item, response: PatchResponse) {
        let mut tally = self.tally();
        tally.counts.total += u64::from(item.first);
        let done = tally.counts.total;
        tally.samples.note(Instant::now(), done);
        if let NamedBy::Error { message, .. } = &item.named_by
            && !response.tells_of_the_secret()
        {
            return tally.block_unnamed(&item.namespace, message.clone());
        }
        // what was blocked before is counted as what it has come to now
        let one = u64::from(tally.clear(&item.namespace, &item.name) | item.first);
        match response {
            PatchResponse::Version(version) => match self.change {
                Change::Nothing => {
                    tally.answered.insert(version);
                    if version > item.listed_at {
                        tally.counts.rewritten += one;
                    } else {
                        tally.counts.current += one;
                    }
                }
                // It was touched now or, at this watermark, before. That an API server responds says
                // nothing of the key: only the watermark does.
                Change::Touch { watermark } if version > watermark => tally.counts.rewritten += one,
                Change::Touch { .. } => {
                    let message = "it was not written although it was touched".to_owned();
                    tally.fail(&item.namespace, &item.name, message);
                }
            },
            PatchResponse::Gone => tally.counts.gone += one,
            PatchResponse::Blocked(reason, message) => {
                tally.block(&item.namespace, &item.name, reason, message);
            }
            PatchResponse::Broken(message) | PatchResponse::Overloaded { message, .. } => {
                tally.fail(&item.namespace, &item.name, message);
            }
        }
    }
}
