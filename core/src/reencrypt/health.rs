//! Whether the API servers' KMS plugins are healthy.

use tokio::time::{Instant, sleep};

use super::{Engine, requests};
use crate::error::{Error, ErrorKind, Result};

/// A load balancer spreads connections: so many lead to every API server.
const CONNECTIONS: usize = 8;

impl Engine {
    /// Watches the health of KMS for as long as an API server's response can be old, and a moment
    /// more if it is bad.
    ///
    /// # Errors
    /// `kms_unavailable` if it is unhealthy at the end.
    pub(crate) async fn kms_stays_healthy(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let trouble = self.unhealthy_reason().await;
            let watched = began.elapsed() >= self.timing.kms_health;
            match trouble {
                None if watched => return Ok(()),
                Some(why) if began.elapsed() >= self.timing.kms_health * 2 => {
                    let message = format!(
                        "the API servers' KMS is unhealthy: {why}; look at the vault and at what the cluster's identity may do there, then run this again"
                    );
                    return Err(Error::new(ErrorKind::KmsUnavailable, message));
                }
                _ => {}
            }
            self.reporter.message("Watching whether the API servers' KMS stays healthy");
            sleep(self.timing.convergence_poll).await;
        }
    }

    /// What an API server says is wrong with its KMS plugins, if one of those asked does.
    async fn unhealthy_reason(&self) -> Option<String> {
        let answers =
            (0..CONNECTIONS).map(|_| async { requests::unhealthy_reason(&self.api.fresh()).await });
        futures::future::join_all(answers).await.into_iter().flatten().next()
    }
}
