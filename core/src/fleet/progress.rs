//! Tells how a fleet goes.

use std::sync::{Mutex, PoisonError};

use crate::{
    ids::{ClusterId, Verb},
    progress::Progress,
    report::{FleetProgress, FleetTotals, OnFleetProgress, OperationOutcome},
    text::shown,
};

/// So many of something.
fn some(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Sends progress of a fleet, one call after the other.
pub(super) struct FleetReporter {
    receiver: Option<OnFleetProgress>,
    snapshot: Mutex<FleetProgress>,
}

impl FleetReporter {
    pub(super) fn new(operation: Verb, receiver: Option<OnFleetProgress>) -> Self {
        let snapshot = FleetProgress {
            operation,
            wave: 0,
            waves: 0,
            at_work: 0,
            totals: FleetTotals::default(),
            cluster: None,
            progress: None,
            outcome: None,
            message: String::new(),
            finished: false,
        };
        Self { receiver, snapshot: Mutex::new(snapshot) }
    }

    /// The clusters are looked for.
    pub(super) fn looks(&self) {
        self.tell(|now| "Looking for the clusters".clone_into(&mut now.message));
    }

    /// So many clusters were found, to be gone through in so many waves.
    pub(super) fn found(&self, clusters: usize, waves: usize) {
        self.tell(|now| {
            now.waves = waves;
            now.totals = FleetTotals { clusters, not_started: clusters, ..FleetTotals::default() };
            now.message = format!("{} in {}", some(clusters, "cluster"), some(waves, "wave"));
        });
    }

    pub(super) fn wave(&self, wave: usize, clusters: usize) {
        self.tell(|now| {
            now.wave = wave;
            now.message = format!("Wave {wave} of {}: {}", now.waves, some(clusters, "cluster"));
        });
    }

    pub(super) fn began(&self, cluster: &ClusterId) {
        self.tell(|now| {
            now.at_work += 1;
            now.totals.not_started -= 1;
            now.cluster = Some(cluster.clone());
            now.message = format!("{}: begun", cluster.name());
        });
    }

    /// A cluster has progress of its own.
    pub(super) fn went_on(&self, cluster: &ClusterId, progress: Progress) {
        self.tell(|now| {
            now.cluster = Some(cluster.clone());
            now.message = format!("{}: {}", cluster.name(), progress.message);
            now.progress = Some(progress);
        });
    }

    pub(super) fn ended(&self, cluster: &ClusterId, outcome: OperationOutcome) {
        self.tell(|now| {
            now.at_work -= 1;
            now.totals.add(outcome);
            now.cluster = Some(cluster.clone());
            now.outcome = Some(outcome);
            now.message = format!("{}: {outcome}", cluster.name());
        });
    }

    pub(super) fn finish(&self, message: impl Into<String>) {
        self.tell(|now| {
            now.finished = true;
            now.message = message.into();
        });
    }

    /// The lock is held while the receiver runs: that is what keeps calls from overlapping.
    fn tell(&self, change: impl FnOnce(&mut FleetProgress)) {
        let mut now = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        (now.cluster, now.progress, now.outcome) = (None, None, None);
        change(&mut now);
        if let Some(receiver) = &self.receiver {
            now.message = shown(&now.message);
            receiver(now.clone());
        }
    }
}
