//! How many requests the API server takes without getting slower. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Latency may rise above its floor by a quarter of it, and by this at most: what waits in front of
/// our requests also waits in front of everybody else's.
const MAX_QUEUEING_DELAY: Duration = Duration::from_millis(4);
/// How frequently the floors are measured afresh: an API server may have become slower or faster.
const FLOOR_SPAN: Duration = Duration::from_secs(30);
/// A floor is good for so many times as long as it took to measure, at least: where each request
/// takes seconds, little time is spent with one in flight.
const FLOOR_VALIDITY_FACTOR: u32 = 20;
/// Answers after which the limit is judged again, at least.
const FEWEST_SAMPLES: usize = 16;

/// What an API server did with a patch: the two take different times by themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Work {
    /// It read.
    Read,
    /// It wrote.
    Write,
}

/// An adaptive limit of requests in flight: it grows while latency stays near its floor, and
/// shrinks in proportion as it rises.
///
/// The floor of a kind of work is its median latency while only one request is in flight. All
/// others wait for it when it is measured: at first, and from time to time.
#[derive(Debug)]
pub(super) struct Gradient {
    limit: f64,
    most: f64,
    floors: [Option<Duration>; 2],
    floors_until: Instant,
    /// The floors are being measured.
    measuring: Option<Measuring>,
    /// Latencies since the last judgement, as parts of what is allowed.
    samples: Vec<f64>,
    /// The limit was reached since.
    limited: bool,
    /// Latency has not risen yet: the limit is looked for in larger steps.
    searching: bool,
}

/// A look at the API server with one request in flight.
#[derive(Debug)]
struct Measuring {
    /// What was sent before had others beside it.
    since: Instant,
    latencies: [Vec<Duration>; 2],
}

impl Measuring {
    fn new(since: Instant) -> Self {
        Self { since, latencies: [const { Vec::new() }; 2] }
    }
}

impl Gradient {
    pub(super) fn new(most: usize, now: Instant) -> Self {
        Self {
            limit: 1.0,
            most: to_f64(most.max(1)),
            floors: [None, None],
            floors_until: now,
            measuring: Some(Measuring::new(now)),
            samples: Vec::new(),
            limited: false,
            searching: true,
        }
    }

    /// Requests that may be in flight.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
    pub(super) fn limit(&self) -> usize {
        if self.measuring.is_some() { 1 } else { self.limit as usize }
    }

    /// A response came. `limited`: when the request was sent, no further one could have been.
    pub(super) fn answered(&mut self, work: Work, latency: Duration, limited: bool, now: Instant) {
        if let Some(measuring) = &mut self.measuring {
            if now.duration_since(measuring.since) >= latency {
                measuring.latencies[work as usize].push(latency);
                self.measured(now);
            }
            return;
        }
        let fresh = now < self.floors_until;
        let Some(floor) = self.floors[work as usize].filter(|_| fresh) else {
            self.measuring = Some(Measuring::new(now));
            return;
        };
        let allowed = floor + (floor / 4).min(MAX_QUEUEING_DELAY);
        self.limited |= limited;
        self.samples.push(latency.as_secs_f64() / allowed.as_secs_f64().max(f64::MIN_POSITIVE));
        if self.samples.len() >= FEWEST_SAMPLES.max(2 * self.limit()) {
            self.judge();
        }
    }

    /// Ends the measuring when there is enough. A kind of work that did not come keeps its floor.
    fn measured(&mut self, now: Instant) {
        let enough = |measuring: &mut Measuring| {
            measuring.latencies.iter().map(Vec::len).sum::<usize>() >= FEWEST_SAMPLES
        };
        let Some(measuring) = self.measuring.take_if(enough) else { return };
        for (floor, mut latencies) in self.floors.iter_mut().zip(measuring.latencies) {
            let middle = latencies.len() / 2;
            if !latencies.is_empty() {
                *floor = Some(*latencies.select_nth_unstable(middle).1);
            }
        }
        let took = now.duration_since(measuring.since);
        self.floors_until = now + FLOOR_SPAN.max(took * FLOOR_VALIDITY_FACTOR);
    }

    fn judge(&mut self) {
        // The median: a new connection's handshake makes single responses late.
        let middle = self.samples.len() / 2;
        let (_, median, _) = self.samples.select_nth_unstable_by(middle, f64::total_cmp);
        let gradient = (1.0 / median.max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        self.samples.clear();
        self.searching &= gradient > 0.95;
        let wanted = if self.searching {
            self.limit * 1.5
        } else {
            // by one at most, and on a small server by less: there one more is much
            self.limit * gradient + (self.limit / 8.0).min(1.0)
        };
        if std::mem::take(&mut self.limited) || wanted < self.limit {
            self.limit = wanted.clamp(1.0, self.most);
        }
    }

    /// The API server is overloaded.
    pub(super) fn halve(&mut self) {
        self.limit = (self.limit / 2.0).max(1.0);
        self.limited = false;
        self.searching = false;
        self.samples.clear();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of requests in flight")]
fn to_f64(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs it against a server that responds so many at a time, each in `service`, behind a
    /// network of `network`; gives the limit in the end.
    fn settle(
        gradient: &mut Gradient,
        now: &mut Instant,
        servers: f64,
        service: f64,
        network: f64,
    ) -> usize {
        for _ in 0..20_000 {
            let queued = (to_f64(gradient.limit()) / servers).max(1.0);
            let latency = Duration::from_secs_f64(network + service * queued);
            *now += latency / u32::try_from(gradient.limit()).unwrap();
            gradient.answered(Work::Write, latency, true, *now);
        }
        gradient.limit()
    }

    fn start() -> (Gradient, Instant) {
        let now = Instant::now();
        (Gradient::new(64, now), now)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_never_slower_gets_all() {
        let (mut gradient, mut now) = start();
        assert_eq!(settle(&mut gradient, &mut now, 1e9, 0.001, 0.02), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_gets_little_more_than_it_can_do_at_once() {
        for (network, most) in [(0.0, 4), (0.02, 14)] {
            let (mut gradient, mut now) = start();
            let limit = settle(&mut gradient, &mut now, 2.0, 0.001, network);
            assert!((2..=most).contains(&limit), "{limit} with a network of {network} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_becomes_slower_gets_less_and_gets_more_when_that_is_over() {
        let (mut gradient, mut now) = start();
        let at_first = settle(&mut gradient, &mut now, 32.0, 0.004, 0.0);
        assert!((32..=48).contains(&at_first), "{at_first}");
        for _ in 0..400 {
            now += Duration::from_millis(1);
            gradient.answered(Work::Write, Duration::from_millis(40), true, now);
        }
        assert!(gradient.limit() <= 4, "{gradient:?}");
        let in_the_end = settle(&mut gradient, &mut now, 32.0, 0.004, 0.0);
        assert!((32..=48).contains(&in_the_end), "{in_the_end}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slower_for_good_gets_a_new_floor() {
        let (mut gradient, mut now) = start();
        settle(&mut gradient, &mut now, 1e9, 0.004, 0.0);
        assert_eq!(settle(&mut gradient, &mut now, 1e9, 0.040, 0.0), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_floor_is_measured_alone() {
        let (mut gradient, mut now) = start();
        assert_eq!(settle(&mut gradient, &mut now, 1e9, 0.001, 0.0), 64);
        now += FLOOR_SPAN;
        gradient.answered(Work::Write, Duration::from_millis(1), true, now);
        assert_eq!(gradient.limit(), 1);
        // those that were sent before say nothing of it
        for _ in 0..64 {
            now += Duration::from_millis(1);
            gradient.answered(Work::Write, Duration::from_millis(90), true, now);
        }
        for _ in 0..FEWEST_SAMPLES {
            assert_eq!(gradient.limit(), 1);
            now += Duration::from_millis(2);
            gradient.answered(Work::Write, Duration::from_millis(2), true, now);
        }
        assert_eq!(gradient.limit(), 64);
        assert_eq!(gradient.floors, [None, Some(Duration::from_millis(2))]);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_requests_are_seldom_alone() {
        let (mut gradient, mut now) = start();
        let (mut alone, began) = (Duration::ZERO, now);
        for _ in 0..100_000 {
            let limit = u32::try_from(gradient.limit()).unwrap();
            let latency = Duration::from_secs(5);
            now += latency / limit;
            gradient.answered(Work::Write, latency, true, now);
            alone += if limit == 1 { latency } else { Duration::ZERO };
        }
        assert!(alone < (now - began) / 10, "{alone:?} of {:?}", now - began);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_are_each_compared_with_their_own() {
        let (mut gradient, mut now) = start();
        for _ in 0..5_000 {
            for (work, latency) in [(Work::Read, 1), (Work::Write, 9)] {
                let latency = Duration::from_millis(latency);
                now += latency / 32;
                if gradient.limit() == 1 {
                    now += latency;
                }
                gradient.answered(work, latency, true, now);
            }
        }
        assert_eq!(gradient.limit(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_capacity_is_no_reason_to_grow() {
        let (mut gradient, mut now) = start();
        for _ in 0..1_000 {
            now += Duration::from_millis(1);
            gradient.answered(Work::Read, Duration::from_millis(1), false, now);
        }
        assert_eq!(gradient.limit(), 1);
    }
}
