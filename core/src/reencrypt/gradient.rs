//! How many requests the API server takes without getting slower. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// Latency may rise above its floor by as much again, and by this at most: what waits in front of
/// our requests also waits in front of everybody else's.
const QUEUEING: Duration = Duration::from_millis(4);
/// A floor is the least latency of the last one or two of these spans: an API server that has
/// become slower for good gets a new one.
const FLOOR_SPAN: Duration = Duration::from_secs(30);
/// Answers after which the limit is judged again, at least.
const FEWEST_SAMPLES: usize = 16;
/// Requests in flight at the beginning: the first floor must be nearly undisturbed.
const START: f64 = 2.0;

/// What an API server did with a patch: the two take different times by themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Work {
    /// It read.
    Read,
    /// It wrote.
    Write,
}

/// The least latency of one kind of work.
#[derive(Debug)]
struct Floor {
    now: Duration,
    before: Duration,
    began: Instant,
}

impl Floor {
    fn observe(&mut self, latency: Duration, now: Instant) -> Duration {
        if now.duration_since(self.began) >= FLOOR_SPAN {
            self.before = std::mem::replace(&mut self.now, latency);
            self.began = now;
        }
        self.now = self.now.min(latency);
        self.now.min(self.before)
    }
}

/// An adaptive limit of requests in flight: it grows while latency stays near its floor, and
/// shrinks in proportion as it rises.
#[derive(Debug)]
pub(super) struct Gradient {
    limit: f64,
    most: f64,
    floors: [Option<Floor>; 2],
    /// Latencies since the last judgement, as parts of what is allowed.
    samples: Vec<f64>,
    /// The limit was reached since.
    limited: bool,
    /// Latency has not risen yet: the limit is looked for in larger steps.
    searching: bool,
}

impl Gradient {
    pub(super) fn new(most: usize) -> Self {
        let most = to_f64(most.max(1));
        Self {
            limit: START.min(most),
            most,
            floors: [None, None],
            samples: Vec::new(),
            limited: false,
            searching: true,
        }
    }

    /// Requests that may be in flight.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// An answer came. `limited`: when the request was sent, no further one could have been.
    pub(super) fn answered(&mut self, work: Work, latency: Duration, limited: bool, now: Instant) {
        let floor = self.floors[usize::from(work == Work::Write)]
            .get_or_insert(Floor { now: latency, before: latency, began: now })
            .observe(latency, now);
        let allowed = floor + floor.min(QUEUEING);
        self.limited |= limited;
        self.samples.push(latency.as_secs_f64() / allowed.as_secs_f64().max(f64::MIN_POSITIVE));
        if self.samples.len() < FEWEST_SAMPLES.max(2 * self.limit()) {
            return;
        }
        // The median: a new connection's handshake makes single answers late.
        let middle = self.samples.len() / 2;
        let (_, median, _) = self.samples.select_nth_unstable_by(middle, f64::total_cmp);
        let gradient = (1.0 / median.max(f64::MIN_POSITIVE)).clamp(0.5, 1.0);
        self.samples.clear();
        self.searching &= gradient > 0.95;
        let wanted = if self.searching { self.limit * 1.5 } else { self.limit * gradient + 1.0 };
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

    /// Runs it against a server that answers so many at a time, each in `service`, behind a
    /// network of `network`; gives the limit in the end.
    fn settle(gradient: &mut Gradient, servers: f64, service: f64, network: f64) -> usize {
        let mut now = Instant::now();
        for _ in 0..20_000 {
            let queued = (to_f64(gradient.limit()) / servers).max(1.0);
            let latency = Duration::from_secs_f64(network + service * queued);
            now += latency / u32::try_from(gradient.limit()).unwrap();
            gradient.answered(Work::Write, latency, true, now);
        }
        gradient.limit()
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_never_slower_gets_all() {
        assert_eq!(settle(&mut Gradient::new(64), 1e9, 0.001, 0.02), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_gets_little_more_than_it_can_do_at_once() {
        for network in [0.0, 0.02] {
            let limit = settle(&mut Gradient::new(64), 2.0, 0.001, network);
            assert!((2..=14).contains(&limit), "{limit} with a network of {network} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_becomes_slower_gets_less_and_gets_more_when_that_is_over() {
        let mut gradient = Gradient::new(64);
        assert_eq!(settle(&mut gradient, 32.0, 0.004, 0.0), 64);
        let mut now = Instant::now();
        for _ in 0..400 {
            now += Duration::from_millis(1);
            gradient.answered(Work::Write, Duration::from_millis(40), true, now);
        }
        assert!(gradient.limit() <= 4, "{gradient:?}");
        assert_eq!(settle(&mut gradient, 32.0, 0.004, 0.0), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_are_each_compared_with_their_own() {
        let mut gradient = Gradient::new(64);
        let now = Instant::now();
        for _ in 0..5_000 {
            gradient.answered(Work::Read, Duration::from_millis(1), true, now);
            gradient.answered(Work::Write, Duration::from_millis(9), true, now);
        }
        assert_eq!(gradient.limit(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_capacity_is_no_reason_to_grow() {
        let mut gradient = Gradient::new(64);
        for _ in 0..1_000 {
            gradient.answered(Work::Read, Duration::from_millis(1), false, Instant::now());
        }
        assert_eq!(gradient.limit(), 2);
    }
}
