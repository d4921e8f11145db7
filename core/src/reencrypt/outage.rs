//! The API servers' KMS fails: everybody waits until it works again.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::{
    sync::RwLock,
    time::{Instant, sleep},
};

use super::{Engine, canary::CanaryWrite};
use crate::error::{Error, ErrorKind, Result};

/// So many failures in a row are not about single secrets.
const IN_A_ROW: u32 = 10;
/// A load balancer spreads connections: each of so many must lead to a server that can write.
const PROBES: usize = 3;

/// What is known of an outage.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures_in_a_row: AtomicU32,
    /// How many were waited for. Held for writing while one is.
    ended: RwLock<u64>,
}

impl Outage {
    /// Waits as long as an outage is waited for; gives how many there have been.
    pub(super) async fn over(&self) -> u64 {
        *self.ended.read().await
    }

    /// An API server responded as it should.
    pub(super) fn answered(&self) {
        self.failures_in_a_row.store(0, Ordering::Relaxed);
    }

    /// An API server failed. True: it fails again and again.
    pub(super) fn failed(&self) -> bool {
        self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= IN_A_ROW
    }
}

impl Engine {
    /// Whether a failure was an outage, which then has passed: the canary could not be written
    /// either, and now it can. `known`: how many outages there had been when the request that
    /// failed was sent.
    ///
    /// # Errors
    /// `kms_unavailable` if it does not pass in time.
    pub(super) async fn wait_out_outage(&self, known: u64) -> Result<bool> {
        let mut ended = self.outage.ended.write().await;
        if *ended != known {
            return Ok(true);
        }
        let began = Instant::now();
        let mut tries = 0;
        while let Some(why) = self.cannot_write().await? {
            if began.elapsed() >= self.timing.convergence_limit {
                let message = format!(
                    "the API servers cannot write secrets for {} s: {why}; look at the vault and at what the \
                     cluster's identity may do there, then run this again",
                    began.elapsed().as_secs()
                );
                return Err(Error::new(ErrorKind::KmsUnavailable, message));
            }
            tries += 1;
            self.reporter.message(format!("Waiting until secrets can be written again: {why}"));
            sleep(self.timing.pause(tries)).await;
        }
        self.outage.answered();
        *ended += u64::from(tries > 0);
        Ok(tries > 0)
    }

    /// Why the canary cannot be written, if it cannot.
    async fn cannot_write(&self) -> Result<Option<String>> {
        for _ in 0..PROBES {
            match self.canary.write(&self.api.fresh()).await {
                Ok(CanaryWrite::Written) => {}
                Ok(CanaryWrite::Failed(why)) => return Ok(Some(why)),
                // without the right to it, nothing can be learned from it
                Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
