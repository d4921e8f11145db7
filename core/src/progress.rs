//! What an operation tells its caller while it runs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    ids::{Verb, text_enum},
    text::shown,
};

/// Receives progress. Calls never overlap. It runs on the operation's own task: keep it short.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// A snapshot of a running operation: sent at most ten times a second, at each change of phase,
/// and once more at the end with [`finished`](Self::finished) true.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
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

text_enum! {
    /// What an operation is doing.
    #[non_exhaustive]
    pub enum Phase("phase") {
        /// Reading cluster, vault, key, access and Kubernetes.
        Observe = "observe",
        /// Judging the rules and ordering the steps.
        Plan = "plan",
        /// Changing the managed cluster.
        Cluster = "cluster",
        /// Changing the vault.
        Vault = "vault",
        /// Upgrading Kubernetes.
        Upgrade = "upgrade",
        /// Waiting until every API server writes with the expected key.
        Converge = "converge",
        /// Rewriting secrets.
        Reencrypt = "reencrypt",
        /// Proving that nothing is left under another key.
        Verify = "verify",
        /// Keeping the operation's record.
        Record = "record",
    }
}

/// Sends progress for one run: throttled, in order, ended by exactly one finished snapshot.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Mutex<State>>);

struct State {
    receiver: Option<OnProgress>,
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
        Self(Arc::new(Mutex::new(State {
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
        })))
    }

    /// What was told last.
    pub(crate) fn last_message(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).snapshot.message.clone()
    }

    /// A new phase begins: sent at once, after what the one before came to.
    pub(crate) fn phase(&self, phase: Phase, total: Option<u64>, message: impl Into<String>) {
        self.change(|state| state.unsent);
        self.change(|state| {
            state.begin(phase, total, shown(&message.into()));
            true
        });
    }

    /// A step begins, of so many.
    pub(crate) fn step(&self, step: usize, steps: usize, phase: Phase, message: impl Into<String>) {
        self.change(|state| state.unsent);
        self.change(|state| {
            (state.snapshot.step, state.snapshot.steps) = (step, steps);
            state.begin(phase, None, shown(&message.into()));
            true
        });
    }

    /// What is being waited for: sent at once, because nothing may follow for a long time.
    pub(crate) fn message(&self, message: impl Into<String>) {
        self.change(|state| {
            state.snapshot.message = shown(&message.into());
            true
        });
    }

    /// So many are done.
    pub(crate) fn done(&self, done: u64) {
        self.change(|state| {
            if state.receiver.is_none() {
                return false;
            }
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
            state.snapshot.message = shown(&message.into());
            true
        });
    }

    /// Changes the snapshot and sends it if `change` says so. The lock is held while the receiver
    /// runs: that is what keeps calls from overlapping.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.unsent = !change(&mut state);
        if !state.unsent {
            state.sent_at = Some(Instant::now());
            if let Some(receiver) = &state.receiver {
                receiver(state.snapshot.clone());
            }
        }
    }
}

impl State {
    fn begin(&mut self, phase: Phase, total: Option<u64>, message: String) {
        self.recent = Recent::new();
        self.snapshot.phase = phase;
        self.snapshot.done = 0;
        self.snapshot.total = total;
        self.snapshot.rate = None;
        self.snapshot.eta_seconds = None;
        self.snapshot.message = message;
    }

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
    fn a_step_begins_with_its_own_words() {
        let (reporter, receiver) = reporter();
        reporter.step(1, 2, Phase::Reencrypt, "rewriting");
        reporter.done(5);
        reporter.step(2, 2, Phase::Record, "recording");
        let seen: Vec<_> =
            receiver.try_iter().map(|now| (now.step, now.phase, now.message)).collect();
        let (first, last) = (seen.first().unwrap(), seen.last().unwrap());
        assert_eq!(*first, (1, Phase::Reencrypt, "rewriting".to_owned()));
        assert_eq!(*last, (2, Phase::Record, "recording".to_owned()));
        assert!(seen.iter().all(|(step, phase, _)| (*step == 1) == (*phase == Phase::Reencrypt)));
    }

    #[test]
    fn what_was_told_last_is_known_without_a_receiver() {
        let reporter = Reporter::new(Verb::Enable, None);
        reporter.phase(Phase::Converge, None, "waiting");
        reporter.done(5);
        assert_eq!(reporter.last_message(), "waiting");
        reporter.message("waiting for 2 of 2");
        assert_eq!(reporter.last_message(), "waiting for 2 of 2");
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
