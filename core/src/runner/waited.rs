//! Time that is not part of a call's time limit.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long a call has waited for what AKS does in its own time, such as taking up a new version of a
/// customer-managed key.
#[derive(Debug, Default)]
pub(crate) struct Waited(Mutex<Spans>);

#[derive(Debug, Default)]
struct Spans {
    ended: Duration,
    /// Since when the call waits now.
    since: Option<Instant>,
}

impl Waited {
    /// The whole time until now.
    pub(crate) fn total(&self) -> Duration {
        let spans = self.spans();
        spans.ended + spans.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Waits for `work`, which is not part of the time limit.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        self.spans().since = Some(Instant::now());
        let outcome = work.await;
        let mut spans = self.spans();
        let ended = spans.since.take().map(|since| since.elapsed()).unwrap_or_default();
        spans.ended += ended;
        drop(spans);
        outcome
    }

    fn spans(&self) -> MutexGuard<'_, Spans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_waited_for_counts() {
        let waited = Waited::default();
        let second = Duration::from_secs(1);
        tokio::time::sleep(second).await;
        assert_eq!(waited.total(), Duration::ZERO);
        let wait = async {
            tokio::time::sleep(2 * second).await;
            waited.total()
        };
        assert_eq!(waited.during(wait).await, 2 * second, "it counts while it lasts");
        tokio::time::sleep(second).await;
        assert_eq!(waited.total(), 2 * second);
        waited.during(tokio::time::sleep(second)).await;
        assert_eq!(waited.total(), 3 * second);
    }
}
