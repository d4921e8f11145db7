//! How many requests are in flight, and when the next may start.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::model::{Pace, ReencryptOptions};

/// Requests in flight at the gentle pace.
const GENTLE: usize = 16;

/// Limits requests to the API server: concurrency, rate, and one pause for everybody when the
/// server asks for one.
///
/// Halved on a sign of overload, at most once for each round of requests; one more after each
/// round that went well.
#[derive(Debug)]
pub(super) struct Limiter {
    permits: Semaphore,
    state: Mutex<State>,
    interval: Option<Duration>,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits that are taken away as they come back.
    owed: usize,
    /// Requests that went well since the limit last changed.
    since_change: usize,
    /// Counts the halvings: what a request sent before the last one meets says nothing new.
    halvings: u64,
    /// Nobody starts before this.
    not_before: Instant,
}

impl Limiter {
    pub(super) fn new(options: &ReencryptOptions) -> Self {
        let most = match options.pace {
            Pace::Gentle => GENTLE.min(options.max_concurrency),
            Pace::Fast => options.max_concurrency,
        };
        let interval = options
            .max_requests_per_second
            .map(|rate| Duration::from_secs_f64(1.0 / f64::from(rate)));
        Self {
            permits: Semaphore::new(most),
            state: Mutex::new(State {
                limit: most,
                owed: 0,
                since_change: 0,
                halvings: 0,
                not_before: Instant::now(),
            }),
            interval,
            most,
        }
    }

    /// The most that can be in flight.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // the semaphore is never closed, so there is always a permit in the end
        let permit = self.permits.acquire().await.ok();
        let sent_after = loop {
            let start = {
                let mut state = self.lock();
                let start = state.not_before;
                if start <= Instant::now() {
                    if let Some(interval) = self.interval {
                        // no credit for idle time beyond one interval: a burst is no average
                        state.not_before = start.max(Instant::now() - interval) + interval;
                    }
                    break state.halvings;
                }
                start
            };
            tokio::time::sleep_until(start).await;
        };
        Turn { limiter: self, permit, sent_after }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that may be sent now.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    limiter: &'a Limiter,
    permit: Option<SemaphorePermit<'a>>,
    /// Halvings before it was sent.
    sent_after: u64,
}

impl Turn<'_> {
    /// The server kept up.
    pub(super) fn went_well(self) {
        let mut state = self.limiter.lock();
        state.since_change += 1;
        if state.limit < self.limiter.most && state.since_change > state.limit {
            state.limit += 1;
            state.since_change = 0;
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.limiter.permits.add_permits(1);
            }
        }
    }

    /// The server is overloaded: fewer from now on, and nobody before `retry_after`.
    pub(super) fn overloaded(self, retry_after: Option<Duration>) {
        let mut state = self.limiter.lock();
        if let Some(pause) = retry_after {
            state.not_before = state.not_before.max(Instant::now() + pause);
        }
        if self.sent_after == state.halvings && state.limit > 1 {
            let fewer = state.limit.div_ceil(2);
            state.owed += state.limit - fewer;
            state.limit = fewer;
            state.since_change = 0;
            state.halvings += 1;
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fast(max_concurrency: usize, rate: Option<u32>) -> Limiter {
        Limiter::new(&ReencryptOptions {
            pace: Pace::Fast,
            max_concurrency,
            max_requests_per_second: rate,
            ..ReencryptOptions::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_in_flight_than_asked() {
        let limiter = fast(3, None);
        let _turns = (limiter.turn().await, limiter.turn().await, limiter.turn().await);
        let fourth = tokio::time::timeout(Duration::from_secs(60), limiter.turn()).await;
        assert!(fourth.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn overload_halves_once_for_a_round_and_recovery_restores_one_by_one() {
        let limiter = fast(8, None);
        for _ in 0..8 {
            limiter.turn().await.went_well();
        }
        let turns = futures::future::join_all((0..8).map(|_| limiter.turn())).await;
        for turn in turns {
            turn.overloaded(None);
        }
        assert_eq!(limiter.permits.available_permits(), 4);
        for _ in 0..200 {
            limiter.turn().await.went_well();
        }
        assert_eq!(limiter.permits.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_for_retry_after() {
        let limiter = fast(8, None);
        let began = Instant::now();
        limiter.turn().await.overloaded(Some(Duration::from_secs(7)));
        limiter.turn().await.went_well();
        assert!(began.elapsed() >= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept() {
        let limiter = fast(8, Some(50));
        let began = Instant::now();
        for _ in 0..500 {
            limiter.turn().await.went_well();
        }
        let rate = 500.0 / began.elapsed().as_secs_f64();
        assert!((rate - 50.0).abs() < 1.0, "{rate} a second");
    }
}
