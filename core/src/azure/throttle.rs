//! What Azure lets through in a time: a budget for reads and one for writes in each subscription, one in each vault.
//!
//! All who ask through one client share it, whichever cluster they work on: once one of them is told that it is too
//! much, nobody asks there before the time has passed that the service names, and afterwards requests are sent one by
//! one, not all at once. Other subscriptions, the other kind of requests and other vaults are not held back.
//!
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>,
//! <https://learn.microsoft.com/azure/key-vault/general/overview-throttling>

#![expect(
    elided_lifetimes_in_paths,
    reason = "azure_core declares these traits with elided lifetimes, which async_trait makes part of the signature"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    error::Result,
    http::{
        AsyncRawResponse, Context, Method, Request, StatusCode,
        headers::{Headers, RETRY_AFTER},
        policies::{Policy, PolicyResult},
    },
};
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::options::Timing;

/// How much further apart than the budget allows requests are at first.
const CAREFUL: u32 = 4;
/// So many requests that were answered bring them half as far apart as they were.
const ANSWERS: u32 = 32;
/// How much further apart than the budget allows they come to be, however often it is too much.
const MOST_CAREFUL: u32 = 64;
/// Without a refusal for so long, a budget is whole again.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// What is counted together.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Budget {
    /// The subscription, the provider outside of one, or the vault.
    of: String,
    writes: bool,
}

impl Budget {
    /// What a request is counted under; `is_vault`: it goes to a vault, which counts reads and writes together.
    fn of(url: &Url, method: Method, is_vault: bool) -> Self {
        let host = url.host_str().unwrap_or_default();
        if is_vault {
            return Self { of: host.to_ascii_lowercase(), writes: false };
        }
        let path: Vec<&str> = url.path_segments().into_iter().flatten().take(2).collect();
        let writes = !matches!(method, Method::Get | Method::Head);
        Self { of: format!("{host}/{}", path.join("/")).to_ascii_lowercase(), writes }
    }
}

/// The budgets of everything that one client asks.
#[derive(Debug)]
pub(super) struct Budgets {
    timing: Timing,
    spent: Mutex<HashMap<Budget, Pace>>,
}

impl Budgets {
    pub(super) fn new(timing: &Timing) -> Self {
        Self { timing: timing.clone(), spent: Mutex::default() }
    }

    /// Waits until a request may be sent; gives what the budget is at then.
    async fn turn(&self, budget: &Budget) -> u64 {
        loop {
            let Some((at, refusals)) = self.with(budget, |pace| (pace.turn(), pace.refusals))
            else {
                return 0;
            };
            if at > Instant::now() {
                sleep_until(at).await;
            }
            // Somebody may have been refused meanwhile.
            if self.with(budget, |pace| pace.refusals).is_none_or(|now| now == refusals) {
                return refusals;
            }
        }
    }

    fn with<T>(&self, budget: &Budget, act: impl FnOnce(&mut Pace) -> T) -> Option<T> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.get(budget).is_some_and(Pace::is_forgotten) {
            spent.remove(budget);
        }
        spent.get_mut(budget).map(act)
    }

    /// A request that was sent when there had been so many refusals came to this.
    fn answered(&self, budget: Budget, refusals: u64, response: &AsyncRawResponse) {
        if response.status() != StatusCode::TooManyRequests {
            self.with(&budget, Pace::answered);
            return;
        }
        let asked = retry_after(response.headers());
        let apart = if budget.writes { self.timing.writes_apart } else { self.timing.reads_apart };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = spent.entry(budget).or_insert_with(|| Pace::new(apart));
        let pause = || self.timing.pause(u32::try_from(pace.refusals + 1).unwrap_or(u32::MAX));
        let wait = asked.unwrap_or_else(pause).min(self.timing.retry_after_longest);
        pace.refused(refusals, wait);
    }
}

/// Seconds, as Azure gives them.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let seconds = headers.get_optional_str(&RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// How requests of a budget are sent since it was too much.
#[derive(Debug)]
struct Pace {
    /// Nothing is sent before.
    opens: Instant,
    /// When the next request may be sent.
    next: Instant,
    /// How far apart requests are.
    apart: Duration,
    /// How far apart the budget allows them to be for ever.
    allowed: Duration,
    /// Answered since requests came closer.
    answers: u32,
    /// How often it was too much. Requests that were under way together are refused together, and count once.
    refusals: u64,
}

impl Pace {
    fn new(allowed: Duration) -> Self {
        let now = Instant::now();
        Self { opens: now, next: now, apart: Duration::ZERO, allowed, answers: 0, refusals: 0 }
    }

    /// When the next request may be sent; the one after that is later.
    fn turn(&mut self) -> Instant {
        let at = self.next.max(self.opens).max(Instant::now());
        self.next = at + self.apart;
        at
    }

    fn refused(&mut self, refusals: u64, wait: Duration) {
        if refusals == self.refusals {
            let longest = self.allowed * MOST_CAREFUL;
            self.apart = (self.apart * 2).clamp(self.allowed * CAREFUL, longest);
            self.answers = 0;
            self.refusals += 1;
            // Turns that were given are taken back: who had one asks for another.
            self.next = Instant::now();
        }
        self.opens = self.opens.max(Instant::now() + wait);
    }

    fn answered(&mut self) {
        self.answers += 1;
        if self.answers >= ANSWERS {
            self.answers = 0;
            self.apart = (self.apart / 2).max(self.allowed);
        }
    }

    fn is_forgotten(&self) -> bool {
        self.opens.elapsed() > FORGOTTEN
    }
}

/// Sends a request when its budget allows.
#[derive(Debug)]
pub(super) struct Throttle {
    pub(super) budgets: Arc<Budgets>,
    /// Resource Manager's host: every other one is a vault's.
    pub(super) resource_manager: String,
}

#[async_trait]
impl Policy for Throttle {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let is_vault = request.url().host_str() != Some(&self.resource_manager);
        let budget = Budget::of(request.url(), request.method(), is_vault);
        let refusals = self.budgets.turn(&budget).await;
        let response: Result<_> = next[0].send(context, request, &next[1..]).await;
        if let Ok(response) = &response {
            self.budgets.answered(budget, refusals, response);
        }
        response
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
