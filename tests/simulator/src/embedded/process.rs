//! One API server process: its encryption configuration, counters and identity.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio_util::sync::CancellationToken;

use super::{
    identity::Identity,
    transform::{KmsProvider, Seal, Transformers},
};
use crate::clock::TimeScale;

/// A healthy plugin is asked for its key this often, an unhealthy one more often.
const POLL_SECONDS: f64 = 60.0;
const UNHEALTHY_POLL_SECONDS: f64 = 10.0;

/// Seconds since 1970 on this machine's clock.
pub(super) fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `transformation_type` of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Direction {
    FromStorage,
    ToStorage,
}

/// A counter: transformations in one direction of values stored in one way.
#[derive(Clone)]
pub(super) struct Counted {
    pub(super) direction: Direction,
    pub(super) seal: Arc<Seal>,
    pub(super) count: u64,
    /// Unix seconds of the last.
    pub(super) last: f64,
}

/// An API server process. Connections are pinned to one.
pub(super) struct Process {
    pub(super) identity: Arc<Identity>,
    /// `process_start_time_seconds`.
    pub(super) started: f64,
    pub(super) transformers: Transformers,
    counters: Mutex<Vec<Counted>>,
    /// Whether it has read every secret once: until then it is not ready.
    synced: AtomicBool,
    /// Ends its connections and its polling.
    pub(super) stop: CancellationToken,
}

impl Process {
    pub(super) fn new(
        identity: Arc<Identity>,
        started: f64,
        transformers: Transformers,
        synced: bool,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            identity,
            started,
            transformers,
            counters: Mutex::default(),
            synced: AtomicBool::new(synced),
            stop,
        })
    }

    /// Whether it has an encryption configuration.
    pub(super) fn encrypts(&self) -> bool {
        !self.transformers.0.is_empty()
    }

    /// Reads a stored value, counts that, and says whether it is stale.
    pub(super) async fn read(&self, seal: &Arc<Seal>) -> Result<bool, String> {
        let stale = self.transformers.read(seal).await?;
        self.count(Direction::FromStorage, seal, 1);
        Ok(stale)
    }

    /// What a value is written with now; counts that.
    pub(super) async fn write(&self) -> Result<Arc<Seal>, String> {
        let seal = self.transformers.write().await?;
        self.count(Direction::ToStorage, &seal, 1);
        Ok(seal)
    }

    /// Its watch cache is told of a write, and reads what was written.
    pub(super) async fn cache(&self, seal: &Arc<Seal>) {
        if self.transformers.read(seal).await.is_ok() {
            self.count(Direction::FromStorage, seal, 1);
        }
    }

    fn count(&self, direction: Direction, seal: &Arc<Seal>, times: u64) {
        if !self.encrypts() {
            return;
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counters.iter_mut().find(|counted| {
            counted.direction == direction
                && (Arc::ptr_eq(&counted.seal, seal) || counted.seal == *seal)
        });
        let last = unix_now();
        match known {
            Some(counted) => {
                counted.count += times;
                counted.last = last;
            }
            None => {
                counters.push(Counted { direction, seal: Arc::clone(seal), count: times, last });
            }
        }
    }

    /// The counters.
    pub(super) fn counters(&self) -> Vec<Counted> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it has read every secret once. `seals`: in which ways they are stored now.
    pub(super) async fn synced(&self, seals: &[(Arc<Seal>, usize)]) -> bool {
        if self.synced.load(Ordering::Relaxed) {
            return true;
        }
        for (seal, _) in seals {
            if self.transformers.read(seal).await.is_err() {
                return false;
            }
        }
        if !self.synced.swap(true, Ordering::Relaxed) {
            for (seal, times) in seals {
                self.count(Direction::FromStorage, seal, *times as u64);
            }
        }
        true
    }

    /// Asks every plugin for its status.
    pub(super) async fn ask_plugins(&self) {
        for provider in self.transformers.kms() {
            // the provider remembers what it was told
            let _ = provider.ask().await;
        }
    }

    /// The health check of the KMS providers.
    pub(super) async fn check_plugins(&self) -> Result<(), String> {
        for provider in self.transformers.kms() {
            provider.check().await?;
        }
        Ok(())
    }

    /// Asks the plugins once a minute, and more often while one is unhealthy, until the process
    /// ends. `first`: seconds to the first time, if all are well.
    pub(super) async fn poll_plugins(self: Arc<Self>, scale: TimeScale, first: f64) {
        let mut healthy_wait = first;
        loop {
            let healthy = self.transformers.kms().all(KmsProvider::healthy);
            let seconds = if healthy { healthy_wait } else { UNHEALTHY_POLL_SECONDS };
            healthy_wait = POLL_SECONDS;
            // never a busy loop, whatever the scale
            let wait = scale.seconds(seconds).max(Duration::from_millis(1));
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => self.ask_plugins().await,
            }
        }
    }
}
