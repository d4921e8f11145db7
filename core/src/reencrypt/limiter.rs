//! How many requests are in flight, and when the next may start.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

use super::{
    gradient::{Gradient, Work},
    growth::Growth,
};
use crate::options::{Pace, ReencryptOptions};

/// A task may be woken so late, and a rate is kept nevertheless.
const LATE_WAKE_UP: Duration = Duration::from_millis(10);

/// Streaming lists at the same time, at the fast pace.
const STREAMS: usize = 4;

/// Limits requests to the API server: concurrency, rate, and one pause for everybody when the
/// server asks for one.
///
/// At the gentle pace the concurrency follows the server's latency, and what etcd grows by is
/// bounded; at the fast one it is what was asked for. On a sign of overload it is halved, at most
/// once for each round of requests.
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
    permits_to_forget: usize,
    pace: Adaptation,
    /// Counts the halvings: what a request sent before the last one meets says nothing new.
    halvings: u64,
    /// Nobody starts before this.
    not_before: Instant,
    /// When the next request may start, where there is a rate.
    next_slot: Instant,
}

#[derive(Debug)]
enum Adaptation {
    Gentle {
        gradient: Gradient,
        growth: Growth,
    },
    /// Requests that went well since the limit last changed: one more is tried after each round.
    Fast {
        since_change: usize,
    },
}

impl Limiter {
    pub(super) fn new(options: &ReencryptOptions) -> Self {
        let most = options.max_concurrency.max(1);
        let now = Instant::now();
        let (limit, pace) = match options.pace {
            Pace::Gentle => {
                let gradient = Gradient::new(most, now);
                (gradient.limit(), Adaptation::Gentle { gradient, growth: Growth::default() })
            }
            Pace::Fast => (most, Adaptation::Fast { since_change: 0 }),
        };
        let interval = options
            .max_requests_per_second
            .map(|rate| Duration::from_secs_f64(1.0 / f64::from(rate)));
        Self {
            permits: Semaphore::new(limit),
            state: Mutex::new(State {
                limit,
                permits_to_forget: 0,
                pace,
                halvings: 0,
                not_before: now,
                next_slot: now,
            }),
            interval,
            most,
        }
    }

    /// The most that can be in flight.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Streaming lists that are read at the same time: each keeps the API server busy by itself.
    pub(super) fn streams(&self) -> usize {
        match self.lock().pace {
            Adaptation::Gentle { .. } => 1,
            Adaptation::Fast { .. } => STREAMS,
        }
    }

    /// The mean stored size of a secret is known.
    pub(super) fn set_secret_bytes(&self, bytes: u64) {
        if let Adaptation::Gentle { growth, .. } = &mut self.lock().pace {
            growth.set_secret_bytes(bytes);
        }
    }

    /// Waits for a permit.
    pub(super) async fn permit(&self) -> Permit<'_> {
        // the semaphore is never closed, so there is always a permit in the end
        let held = self.permits.acquire().await.ok();
        // A slot that was waited for in vain is lost: were it kept, all who hold one would start
        // at once when the pause is over.
        let mut slot = None;
        let generation = loop {
            let until = {
                let mut state = self.lock();
                let now = Instant::now();
                match (state.opens_at(now), self.interval) {
                    (Some(opens_at), _) => {
                        slot = None;
                        opens_at
                    }
                    (None, Some(interval)) if slot.is_none() => {
                        // Almost no credit for idle time, a burst is no average: only what
                        // a late wake-up took away.
                        let earliest = now.checked_sub(LATE_WAKE_UP).unwrap_or(now);
                        let mine = state.next_slot.max(earliest);
                        state.next_slot = mine + interval;
                        slot = Some(mine);
                        mine
                    }
                    (None, _) => break state.halvings,
                }
            };
            sleep_until(until).await;
        };
        let limited = self.permits.available_permits() == 0;
        Permit { limiter: self, held, limited, generation, sent_at: Instant::now() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the gate opens; `None`: it is open.
    fn opens_at(&mut self, now: Instant) -> Option<Instant> {
        if self.not_before > now {
            return Some(self.not_before);
        }
        match &mut self.pace {
            Adaptation::Gentle { growth, .. } => growth.opens_at(now),
            Adaptation::Fast { .. } => None,
        }
    }

    fn set_limit(&mut self, limit: usize, permits: &Semaphore) {
        if limit > self.limit {
            let more = limit - self.limit;
            let kept = more.min(self.permits_to_forget);
            self.permits_to_forget -= kept;
            permits.add_permits(more - kept);
        } else {
            self.permits_to_forget += self.limit - limit;
        }
        self.limit = limit;
    }
}

/// A request that may be sent now.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    limiter: &'a Limiter,
    held: Option<SemaphorePermit<'a>>,
    /// It was the last one that could be sent.
    limited: bool,
    /// Halvings before it was sent.
    generation: u64,
    sent_at: Instant,
}

impl Permit<'_> {
    /// The server did the work of a patch.
    pub(super) fn answered(self, work: Work) {
        let now = Instant::now();
        let mut state = self.limiter.lock();
        let (most, limit) = (self.limiter.most, state.limit);
        let limit = match &mut state.pace {
            Adaptation::Gentle { gradient, growth } => {
                if work == Work::Write {
                    growth.rewritten(now);
                }
                gradient.answered(work, now.duration_since(self.sent_at), self.limited, now);
                gradient.limit()
            }
            Adaptation::Fast { since_change } => {
                *since_change += 1;
                if limit < most && *since_change > limit {
                    *since_change = 0;
                    limit + 1
                } else {
                    limit
                }
            }
        };
        state.set_limit(limit, &self.limiter.permits);
    }

    /// The server is overloaded: fewer from now on, and nobody before `retry_after`.
    pub(super) fn overloaded(self, retry_after: Option<Duration>) {
        let mut state = self.limiter.lock();
        if let Some(pause) = retry_after {
            state.not_before = state.not_before.max(Instant::now() + pause);
        }
        if self.generation != state.halvings {
            return;
        }
        let limit = state.limit;
        let fewer = match &mut state.pace {
            Adaptation::Gentle { gradient, .. } => {
                gradient.halve();
                gradient.limit()
            }
            Adaptation::Fast { since_change } => {
                *since_change = 0;
                limit.div_ceil(2)
            }
        };
        state.halvings += 1;
        state.set_limit(fewer, &self.limiter.permits);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        if state.permits_to_forget > 0
            && let Some(held) = self.held.take()
        {
            state.permits_to_forget -= 1;
            held.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

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
        let _permits = (limiter.permit().await, limiter.permit().await, limiter.permit().await);
        let fourth = tokio::time::timeout(Duration::from_secs(60), limiter.permit()).await;
        assert!(fourth.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn overload_halves_once_for_a_round_and_recovery_restores_one_by_one() {
        let limiter = fast(8, None);
        for _ in 0..8 {
            limiter.permit().await.answered(Work::Write);
        }
        let permits = futures::future::join_all((0..8).map(|_| limiter.permit())).await;
        for permit in permits {
            permit.overloaded(None);
        }
        assert_eq!(limiter.permits.available_permits(), 4);
        for _ in 0..200 {
            limiter.permit().await.answered(Work::Write);
        }
        assert_eq!(limiter.permits.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_for_retry_after() {
        let limiter = fast(8, None);
        let began = Instant::now();
        limiter.permit().await.overloaded(Some(Duration::from_secs(7)));
        limiter.permit().await.answered(Work::Write);
        assert!(began.elapsed() >= Duration::from_secs(7));
    }

    /// Sends so many, each answered after `latency`; gives how long that took.
    async fn run(limiter: &Limiter, requests: u32, latency: Duration) -> f64 {
        let began = Instant::now();
        let requests = futures::stream::iter(0..requests).map(|_| async {
            let permit = limiter.permit().await;
            tokio::time::sleep(latency).await;
            permit.answered(Work::Write);
        });
        requests.buffer_unordered(limiter.most()).count().await;
        began.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_however_many_there_are_and_whatever_their_latency() {
        for rate in [7, 50, 900] {
            for latency in [0, 3, 80] {
                for seconds in [2, 30] {
                    let limiter = fast(1024, Some(rate));
                    // idle time gives no credit
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    let latency = Duration::from_millis(latency);
                    let took = run(&limiter, rate * seconds + 1, latency).await;
                    let due = f64::from(seconds) + latency.as_secs_f64();
                    assert!((took / due - 1.0).abs() < 0.02, "{rate}/s, {latency:?}: {took} s");
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_right_after_a_pause_too() {
        let limiter = fast(64, Some(50));
        limiter.permit().await.overloaded(Some(Duration::from_secs(7)));
        let took = run(&limiter, 101, Duration::from_millis(300)).await;
        assert!((8.9..9.5).contains(&took), "{took} s");
    }

    #[tokio::test(start_paused = true)]
    async fn the_gentle_pace_halves_too_and_comes_back() {
        let gentle = Limiter::new(&ReencryptOptions::default());
        run(&gentle, 20_000, Duration::from_millis(10)).await;
        assert_eq!(gentle.permits.available_permits(), 64);
        let permits = futures::future::join_all((0..64).map(|_| gentle.permit())).await;
        for permit in permits {
            permit.overloaded(None);
        }
        assert_eq!(gentle.permits.available_permits(), 32);
        run(&gentle, 20_000, Duration::from_millis(10)).await;
        assert_eq!(gentle.permits.available_permits(), 64);
    }
}
