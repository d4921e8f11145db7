//! Calls that are not the engine's: a few attempts, then one clear error.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{
    status_answer::{answer_error, not_kubernetes, send_error},
    transport::{Answer, KubernetesApi, Request, SendError},
};
use crate::error::{Error, Result};

const ATTEMPTS: u32 = 3;
/// A connection that took longer than this to fail is not tried again: nobody is there.
const QUICK: Duration = Duration::from_secs(3);

impl KubernetesApi {
    /// Sends until there is an answer that is not "try again", a few times at most. Only for
    /// requests that may be sent twice.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, SendError> {
        let timing = self.timing();
        let mut pause = timing.backoff_first;
        for _ in 1..ATTEMPTS {
            let started = Instant::now();
            let wait = match self.send(request).await {
                Ok(answer) if is_transient(&answer) => {
                    answer.retry_after.unwrap_or(pause).min(timing.backoff_longest)
                }
                Err(SendError::Connection(_)) if started.elapsed() < QUICK => pause,
                outcome => return outcome,
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(timing.backoff_longest);
        }
        self.send(request).await
    }

    /// [`ask`](Self::ask), with anything but a success as an error. `doing` completes
    /// "could not …".
    pub(super) async fn call(&self, request: &Request, doing: &str) -> Result<Answer> {
        let host = self.host();
        let answer = self.ask(request).await.map_err(|error| send_error(error, doing, host))?;
        if (200..300).contains(&answer.status) {
            Ok(answer)
        } else {
            Err(answer_error(&answer, doing, host))
        }
    }

    /// [`call`](Self::call), with the answer read as JSON.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<T> {
        let answer = self.call(request, doing).await?;
        serde_json::from_slice(&answer.body).map_err(|_| not_kubernetes(doing, self.host()))
    }
}

impl KubernetesApi {
    /// The error for an answer that is not a success. `doing` completes "could not …".
    pub(crate) fn refused(&self, answer: &Answer, doing: &str) -> Error {
        answer_error(answer, doing, self.host())
    }

    /// The error for no answer at all.
    pub(crate) fn unanswered(&self, error: SendError, doing: &str) -> Error {
        send_error(error, doing, self.host())
    }

    /// The error for an answer that is not what a Kubernetes API server gives.
    pub(crate) fn nonsense(&self, doing: &str) -> Error {
        not_kubernetes(doing, self.host())
    }
}

fn is_transient(answer: &Answer) -> bool {
    matches!(answer.status, 429 | 502 | 503 | 504)
}
