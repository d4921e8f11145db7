//! Calls that are not the engine's: a few attempts, then one clear error.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{
    error::SendError,
    request::Request,
    response::Response,
    status::{not_kubernetes, response_error, send_error},
    transport::KubernetesApi,
};
use crate::error::{Error, Result};

const ATTEMPTS: u32 = 3;
/// A connection that took longer than this to fail is not tried again: nobody is there.
const QUICK: Duration = Duration::from_secs(3);

impl KubernetesApi {
    /// Sends until there is a response that is not "try again", a few times at most. Only for
    /// requests that may be sent twice.
    pub(in crate::kubernetes) async fn ask(
        &self,
        request: &Request,
    ) -> Result<Response, SendError> {
        let timing = self.timing();
        for tries in 1..ATTEMPTS {
            let pause = timing.pause(tries);
            let started = Instant::now();
            let wait = match self.send(request).await {
                Ok(response) if is_transient(&response) => {
                    response.retry_after.unwrap_or(pause).min(timing.backoff_longest)
                }
                Err(SendError::Connection(_)) if started.elapsed() < QUICK => pause,
                outcome => return outcome,
            };
            tokio::time::sleep(wait).await;
        }
        self.send(request).await
    }

    /// [`ask`](Self::ask), with anything but a success as an error. `doing` completes
    /// "could not …".
    pub(in crate::kubernetes) async fn call(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<Response> {
        let host = self.host();
        let response = self.ask(request).await.map_err(|error| send_error(error, doing, host))?;
        if (200..300).contains(&response.status) {
            Ok(response)
        } else {
            Err(response_error(&response, doing, host))
        }
    }

    /// [`call`](Self::call), with the response read as JSON.
    pub(in crate::kubernetes) async fn read<T: DeserializeOwned>(
        &self,
        request: &Request,
        doing: &str,
    ) -> Result<T> {
        let response = self.call(request, doing).await?;
        serde_json::from_slice(&response.body).map_err(|_| not_kubernetes(doing, self.host()))
    }
}

impl KubernetesApi {
    /// The error for a response that is not a success. `doing` completes "could not …".
    pub(crate) fn refused(&self, response: &Response, doing: &str) -> Error {
        response_error(response, doing, self.host())
    }

    /// The error for no response at all.
    pub(crate) fn no_response(&self, error: SendError, doing: &str) -> Error {
        send_error(error, doing, self.host())
    }

    /// The error for a response that is not what a Kubernetes API server gives.
    pub(crate) fn unexpected_response(&self, doing: &str) -> Error {
        not_kubernetes(doing, self.host())
    }
}

fn is_transient(response: &Response) -> bool {
    matches!(response.status, 429 | 502 | 503 | 504)
}
