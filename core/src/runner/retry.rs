//! Whether a write to the cluster or its vault that did not succeed is tried again.

use tokio::time::{Instant, sleep};

use crate::{
    azure::is_key_permission_error,
    error::{Error, ErrorKind},
    operation::Failure,
    options::Timing,
    progress::Reporter,
};

/// What was tried so far.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    /// How many requests had no outcome that is known.
    unknown: u32,
    /// When the identity was refused the key for the first time.
    denied_since: Option<Instant>,
}

impl Retry {
    /// How a change of the cluster that did not succeed is gone on with, once a moment has passed. `None`: not at all.
    pub(crate) async fn after(
        &mut self,
        error: &Error,
        timing: &Timing,
        reporter: &Reporter,
    ) -> Option<Failure> {
        if is_key_permission_error(error) && self.is_new_role(timing) {
            reporter.message(
                "The identity may not use the key yet; a new role assignment takes minutes: trying again",
            );
            sleep(timing.operation_poll_longest).await;
            return Some(Failure::KeyPermission);
        }
        self.after_unknown(error, timing).await.then_some(Failure::NoOutcome)
    }

    /// Whether the outcome of a request that writes is not known, and there are tries left to look at what came of
    /// it: then a moment has passed.
    pub(crate) async fn after_unknown(&mut self, error: &Error, timing: &Timing) -> bool {
        let is_unknown = matches!(
            error.kind(),
            ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::Throttled
        );
        if !is_unknown || self.unknown >= Timing::TRIES {
            return false;
        }
        self.unknown += 1;
        sleep(timing.pause(self.unknown)).await;
        true
    }

    /// Whether a role may be on its way to the vault still. The time for that begins with the first refusal, however
    /// long the change took that met it.
    fn is_new_role(&mut self, timing: &Timing) -> bool {
        self.denied_since.get_or_insert_with(Instant::now).elapsed() <= timing.role_propagation
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ids::Verb;

    fn denied() -> Error {
        Error::new(ErrorKind::OperationFailed, "denied")
            .with_service_code("AzureKeyVaultKmsValidateIdentityPermissionCustomerError")
    }

    async fn after(retry: &mut Retry, error: &Error) -> Option<Failure> {
        retry.after(error, &Timing::default(), &Reporter::new(Verb::Rotate, None)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_role_is_waited_for_from_the_first_refusal_on() {
        let mut retry = Retry::default();
        sleep(Duration::from_secs(3_600)).await;
        let began = Instant::now();
        while after(&mut retry, &denied()).await == Some(Failure::KeyPermission) {}
        let waited = began.elapsed();
        let window = Timing::default().role_propagation;
        assert!((window..=window + Duration::from_secs(16)).contains(&waited), "{waited:?}");
        // It is one window, whatever else fails in between.
        let lost = Error::new(ErrorKind::Unavailable, "lost");
        assert_eq!(after(&mut retry, &lost).await, Some(Failure::NoOutcome));
        assert_eq!(after(&mut retry, &denied()).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_is_looked_at_so_many_times() {
        for kind in [ErrorKind::Conflict, ErrorKind::Unavailable, ErrorKind::Throttled] {
            let (mut retry, error) = (Retry::default(), Error::new(kind, "lost"));
            for _ in 0..Timing::TRIES {
                assert_eq!(after(&mut retry, &error).await, Some(Failure::NoOutcome));
            }
            assert_eq!(after(&mut retry, &error).await, None);
            assert!(!retry.after_unknown(&error, &Timing::default()).await);
        }
        let (mut retry, began) = (Retry::default(), Instant::now());
        for kind in [ErrorKind::Forbidden, ErrorKind::OperationFailed, ErrorKind::NotFound] {
            assert_eq!(after(&mut retry, &Error::new(kind, "refused")).await, None);
        }
        assert!(began.elapsed().is_zero());
    }
}
