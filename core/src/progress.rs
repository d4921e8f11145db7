//! What an operation tells its caller while it runs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::model::{Verb, text_enum};

/// Receives progress. Calls never overlap. It runs on the operation's own task: keep it short.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// A snapshot of a running operation: sent at most ten times a second, at each change of phase,
/// and once more at the end with [`finished`](Self::finished) true.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// The verb.
    pub operation: Verb,
    /// What is being done.
    pub phase: Phase,
    /// Number of the present step, from 1; 0 before the first.
    pub step: usize,
    /// Number of steps in the plan; 0 before it is made.
    pub steps: usize,
    /// Secrets answered so far in this phase.
    pub done: u64,
    /// Secrets to do in this phase, as far as known.
    pub total: Option<u64>,
    /// Secrets a second, over the last few seconds.
    pub rate: Option<f64>,
    /// Seconds to the end of this phase at that rate.
    pub eta_seconds: Option<f64>,
    /// One line for people.
    pub message: String,
    /// True for the last snapshot of a run.
    pub finished: bool,
}

/// What an operation is doing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading cluster, vault, key, access and Kubernetes.
    Observe,
    /// Judging the rules and ordering the steps.
    Plan,
    /// Changing the managed cluster.
    Cluster,
    /// Changing the vault.
    Vault,
    /// Upgrading Kubernetes.
    Upgrade,
    /// Waiting until every API server writes with the expected key.
    Converge,
    /// Rewriting secrets.
    Reencrypt,
    /// Proving that nothing is left under another key.
    Verify,
    /// Keeping the operation's record.
    Record,
}

text_enum!(Phase, "phase":
    Observe = "observe",
    Plan = "plan",
    Cluster = "cluster",
    Vault = "vault",
    Upgrade = "upgrade",
    Converge = "converge",
    Reencrypt = "reencrypt",
    Verify = "verify",
    Record = "record",
);

/// Sends progress for one run: throttled, in order, ended by exactly one finished snapshot.
#[derive(Clone)]
pub(crate) struct Reporter(Option<Arc<Mutex<State>>>);

struct State {
    receiver: OnProgress,
    snapshot: Progress,
    sent_at: Option<Instant>,
    /// The snapshot has changed since it was last sent.
    unsent: bool,
    recent: Recent,
}

/// At most ten snapshots a second.
const INTERVAL: Duration = Duration::from_millis(100);
/// The rate is that of so long, or of the second half of a shorter phase: a gentle pace begins
/// slowly.
const RATE_SPAN: Duration = Duration::from_secs(20);

/// How much was done when, lately.
struct Recent {
    began: Instant,
    marks: VecDeque<(Instant, u64)>,
}

impl Recent {
    fn new() -> Self {
        let began = Instant::now();
        Self { began, marks: VecDeque::from([(began, 0)]) }
    }

    /// So many are done now; gives how many a second lately.
    fn rate(&mut self, done: u64) -> Option<f64> {
        let now = Instant::now();
        let span = RATE_SPAN.min(now.duration_since(self.began) / 2);
        // one mark stays that is older than the span, so that the span is covered
        while self.marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= span) {
            self.marks.pop_front();
        }
        if self.marks.back().is_some_and(|(at, _)| now.duration_since(*at) >= INTERVAL) {
            self.marks.push_back((now, done));
        }
        let &(at, before) = self.marks.front()?;
        let seconds = now.duration_since(at).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = done.saturating_sub(before) as f64 / seconds;
        (seconds > 0.0 && rate > 0.0).then_some(rate)
    }
}

impl Reporter {
    pub(crate) fn new(operation: Verb, receiver: Option<OnProgress>) -> Self {
        Self(receiver.map(|receiver| {
            Arc::new(Mutex::new(State {
                receiver,
                snapshot: Progress {
                    operation,
                    phase: Phase::Observe,
                    step: 0,
                    steps: 0,
                    done: 0,
                    total: None,
                    rate: None,
                    eta_seconds: None,
                    message: String::new(),
                    finished: false,
                },
                sent_at: None,
                unsent: false,
                recent: Recent::new(),
            }))
        }))
    }

    /// A new phase begins: sent at once, after what the one before came to.
    pub(crate) fn phase(&self, phase: Phase, total: Option<u64>, message: impl Into<String>) {
        self.change(|state| state.unsent);
        self.change(|state| {
            state.recent = Recent::new();
            state.snapshot.phase = phase;
            state.snapshot.done = 0;
            state.snapshot.total = total;
            state.snapshot.rate = None;
            state.snapshot.eta_seconds = None;
            state.snapshot.message = message.into();
            true
        });
    }

    /// The plan is made, or a step begins.
    pub(crate) fn step(&self, step: usize, steps: usize) {
        self.change(|state| {
            state.snapshot.step = step;
            state.snapshot.steps = steps;
            false
        });
    }

    /// What is being waited for: sent at once, because nothing may follow for a long time.
    pub(crate) fn message(&self, message: impl Into<String>) {
        self.change(|state| {
            state.snapshot.message = message.into();
            true
        });
    }

    /// So many are done.
    pub(crate) fn done(&self, done: u64) {
        self.change(|state| {
            // those who count are many, and may come here in another order
            let done = done.max(state.snapshot.done);
            state.snapshot.done = done;
            state.snapshot.total = state.snapshot.total.map(|total| total.max(done));
            if let Some(rate) = state.recent.rate(done) {
                #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
                let left = state.snapshot.total.map(|total| (total - done) as f64 / rate);
                state.snapshot.rate = Some(rate);
                state.snapshot.eta_seconds = left;
            }
            state.due()
        });
    }

    /// The run is over.
    pub(crate) fn finish(&self, message: impl Into<String>) {
        self.change(|state| {
            if state.snapshot.finished {
                return false;
            }
            state.snapshot.finished = true;
            state.snapshot.message = message.into();
            true
        });
    }

    /// Changes the snapshot and sends it if `change` says so. The lock is held while the receiver
    /// runs: that is what keeps calls from overlapping.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let Some(state) = &self.0 else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsent = !change(&mut state);
        if !state.unsent {
            state.sent_at = Some(Instant::now());
            (state.receiver)(state.snapshot.clone());
        }
    }
}

impl State {
    fn due(&self) -> bool {
        self.sent_at.is_none_or(|at| at.elapsed() >= INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn reporter() -> (Reporter, Receiver<Progress>) {
        let (sender, receiver) = channel();
        let on_progress: OnProgress = Arc::new(move |now| sender.send(now).unwrap());
        (Reporter::new(Verb::Enable, Some(on_progress)), receiver)
    }

    #[test]
    fn each_phase_is_told_and_counts_in_between_at_most_ten_times_a_second() {
        let (reporter, receiver) = reporter();
        let began = Instant::now();
        reporter.phase(Phase::Converge, None, "waiting");
        reporter.phase(Phase::Reencrypt, Some(100_000), "rewriting");
        for done in 1..=100_000 {
            reporter.done(done);
        }
        let tenths = began.elapsed().as_millis() / 100;
        let seen: Vec<Progress> = receiver.try_iter().collect();
        assert_eq!((seen[0].phase, seen[1].phase), (Phase::Converge, Phase::Reencrypt));
        assert!(seen.len() as u128 <= 3 + tenths, "{} in {tenths} tenths", seen.len());
    }

    #[test]
    fn the_last_snapshot_alone_is_finished() {
        let (reporter, receiver) = reporter();
        reporter.phase(Phase::Observe, None, "looking");
        reporter.finish("Done");
        reporter.finish("again");
        let finished: Vec<bool> = receiver.try_iter().map(|now| now.finished).collect();
        assert_eq!(finished, [false, true]);
    }

    #[test]
    fn the_rate_is_the_present_one() {
        let now = Instant::now();
        let ago = |milliseconds| now.checked_sub(Duration::from_millis(milliseconds)).unwrap();
        let mut recent = Recent { began: ago(6_000), marks: VecDeque::new() };
        for (milliseconds, done) in [(6_000, 0), (5_000, 10), (2_900, 100), (1_000, 2_000)] {
            recent.marks.push_back((ago(milliseconds), done));
        }
        let rate = recent.rate(3_010).unwrap();
        assert!((590.0..=600.0).contains(&rate), "{rate}: since the mark before half of the time");
        recent.marks.push_back((ago(0), 3_010));
        recent.marks.pop_front();
        let rate = recent.rate(3_010).unwrap();
        assert!((900.0..=1_003.5).contains(&rate), "{rate}: since the last mark");
    }

    #[test]
    fn rate_and_remaining_time_fit_what_was_done() {
        let (reporter, receiver) = reporter();
        reporter.phase(Phase::Reencrypt, Some(200), "rewriting");
        std::thread::sleep(INTERVAL * 2);
        reporter.done(100);
        let last = receiver.try_iter().last().unwrap();
        let (rate, remaining) = (last.rate.unwrap(), last.eta_seconds.unwrap());
        assert!((rate * remaining - 100.0).abs() < 1.0, "{rate} a second, {remaining} s");
        reporter.done(250);
        reporter.finish("Done");
        let last = receiver.try_iter().last().unwrap();
        assert_eq!((last.done, last.total), (250, Some(250)), "more than was counted beforehand");
    }
}
