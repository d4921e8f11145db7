//! Long-running operations: how one is followed, and how it is told that it ended.
//!
//! - The state of an operation is decided by its `status` alone, in any case of letters: Succeeded,
//!   Failed and Canceled (or Cancelled) end it, everything else goes on. Azure sends errors inside
//!   succeeded operations, and end times inside running ones.
//! - An error of a poll is not an error of the operation: throttling, time-outs, bad gateways, broken
//!   connections, pages of proxies and a token that cannot be had for a moment are met by asking
//!   again until the time limit. Where the operation cannot be read at all, the cluster is read until
//!   its provisioning state is terminal; whose doing that state is, nobody can tell then.
//! - A poll address is signed: it is used as it was given, on Resource Manager's host only, and it
//!   is never stored or printed.
//! - Success is followed by a read of the cluster, for the caller to compare with what it asked for.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use azure_core::{
    http::{Method, headers::RETRY_AFTER, policies::get_retry_after},
    time::OffsetDateTime,
};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use super::ManagedCluster;
use crate::{
    azure::{
        action::AzureAction,
        call::{Call, CallTarget, Response},
        client::Azure,
        cloud::CloudEndpoints,
        error::{ServiceError, unreadable},
        refusal::refused,
    },
    error::{Error, ErrorKind, Result},
    ids::ClusterId,
    options::Timing,
    text::{LONGEST_NAME, one_line},
};

/// Azure may ask for minutes between two polls, not for days.
const LONGEST_ASKED: Duration = Duration::from_secs(600);
/// So many polls without a token that is accepted are a moment; after more, the cluster is read.
const REJECTED: u32 = 5;
/// What the library gives up, Azure does not.
const STILL_AT_WORK: &str = "Azure may still be at work on it; the same call goes on with it";
const READ_STATUS: AzureAction = AzureAction::ReadOperation;

/// An operation on a managed cluster that Azure has accepted.
pub(crate) struct Operation {
    cluster: ClusterId,
    /// Completes "could not …".
    what: String,
    source: Source,
    /// What the response that accepted it asks to wait before the first poll.
    first_pause: Option<Duration>,
    accepted_at: LastInProgress,
}

/// The end of an operation that succeeded.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The cluster, read after it.
    pub(crate) cluster: ManagedCluster,
    /// Nobody had the time to change the cluster's key there and back since it ended.
    pub(crate) seen_at_once: bool,
}

/// When the operation was last known to go on. Both clocks are asked: one stands still while the
/// machine sleeps, the other one is set by people.
struct LastInProgress {
    at: Instant,
    at_by_the_wall: SystemTime,
}

impl LastInProgress {
    fn now() -> Self {
        Self { at: Instant::now(), at_by_the_wall: SystemTime::now() }
    }

    fn is_within(&self, time: Duration) -> bool {
        let by_the_wall = self.at_by_the_wall.elapsed();
        self.at.elapsed() <= time && by_the_wall.is_ok_and(|elapsed| elapsed <= time)
    }
}

/// Where its state is read.
#[derive(Clone, Eq, PartialEq)]
enum Source {
    /// `Azure-AsyncOperation`: a body with a `status`.
    Status(Url),
    /// `Location`: 202 until it ends.
    Location(Url),
    /// The cluster itself.
    Cluster(Until),
}

/// When a cluster that is read says that the operation has ended.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Until {
    /// Whatever it says: the operation is known to have succeeded.
    Read,
    /// Its provisioning state is terminal.
    Ended,
    /// The same, of an operation that cannot be read: others may have changed it meanwhile.
    AtRest,
}

/// What one response says about the operation.
#[derive(Debug)]
enum Verdict {
    InProgress(String),
    Succeeded,
    /// It was the cluster that was read, and it is what it is to be.
    Read(Box<ManagedCluster>),
    /// The operation ended otherwise: the error to report.
    Ended(Error),
    /// The poll failed, which says nothing about the operation: ask again.
    PollFailed(Error),
    /// The operation cannot be read: the cluster knows.
    NotRead,
}

impl Operation {
    /// Reads from the response to a change where the operation can be followed.
    pub(super) fn accepted(
        cluster: &ClusterId,
        what: &str,
        response: &Response,
        endpoints: &CloudEndpoints,
    ) -> Result<Self> {
        let source = if let Some(url) = response.header("azure-asyncoperation") {
            Source::Status(endpoints.continuation(url)?)
        } else if let Some(url) = response.header("location") {
            Source::Location(endpoints.continuation(url)?)
        } else {
            // The response's own provisioning state may be stale by now: the first look tells.
            Source::Cluster(Until::Ended)
        };
        let (first_pause, accepted_at) = (retry_after(response), LastInProgress::now());
        Ok(Self {
            cluster: cluster.clone(),
            what: what.to_owned(),
            source,
            first_pause,
            accepted_at,
        })
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Operation {
    /// Follows the operation to its end and reads the cluster as it is then. `on_poll` is told
    /// the operation's state, or what went wrong with a poll.
    ///
    /// # Errors
    /// [`ErrorKind::OperationFailed`] when Azure ends it as failed or cancelled;
    /// [`ErrorKind::Timeout`] when it still goes on at the deadline.
    pub(crate) async fn wait(
        self,
        azure: &Azure,
        deadline: Instant,
        on_poll: impl Fn(&str) + Send + Sync,
    ) -> Result<Ended> {
        let Self { cluster, what, mut source, first_pause, accepted_at } = self;
        let mut in_progress = accepted_at;
        let mut rejected = 0;
        let mut pace = PollInterval::new(&azure.timing);
        let mut state = "not known".to_owned();
        if let Some(pause) = first_pause {
            sleep_until(deadline.min(Instant::now() + pause)).await;
        }
        loop {
            let asked = LastInProgress::now();
            let look = timeout_at(deadline, azure.look(&cluster, &source, &what)).await;
            let Ok((verdict, retry_after)) = look else { return Err(timed_out(&what, &state)) };
            state = match verdict {
                Verdict::Read(cluster) => {
                    let seen_at_once = in_progress.is_within(azure.timing.others_need);
                    return Ok(Ended { cluster: *cluster, seen_at_once });
                }
                Verdict::Ended(error) => return Err(error),
                Verdict::Succeeded => {
                    on_poll("Succeeded");
                    source = Source::Cluster(Until::Read);
                    continue;
                }
                Verdict::NotRead => {
                    source = Source::Cluster(Until::AtRest);
                    continue;
                }
                Verdict::InProgress(status) => {
                    in_progress = asked;
                    status
                }
                Verdict::PollFailed(error) => {
                    rejected += u32::from(error.kind() == ErrorKind::Unauthenticated);
                    if rejected >= REJECTED && !matches!(source, Source::Cluster(_)) {
                        source = Source::Cluster(Until::AtRest);
                    }
                    error.to_string()
                }
            };
            on_poll(&state);
            if Instant::now() >= deadline {
                return Err(timed_out(&what, &state));
            }
            sleep_until(deadline.min(Instant::now() + pace.next(retry_after))).await;
        }
    }
}

impl Azure {
    /// Looks at the operation once.
    async fn look(
        &self,
        cluster: &ClusterId,
        source: &Source,
        what: &str,
    ) -> (Verdict, Option<Duration>) {
        let call = match source {
            Source::Status(url) | Source::Location(url) => {
                Call::new(Method::Get, CallTarget::Poll(url.clone()), what, READ_STATUS)
            }
            Source::Cluster(_) => self.managed_cluster_read(cluster),
        };
        match self.ask(&call).await {
            Ok(response) => (judge(cluster, source, &call, &response), retry_after(&response)),
            Err(error) => (judge_error(source, error), None),
        }
    }
}

/// Decides what a response means. Pure.
fn judge(cluster: &ClusterId, source: &Source, call: &Call, response: &Response) -> Verdict {
    let what = &call.what;
    if !(200..300).contains(&response.status) {
        let service = ServiceError::parse(&response.body);
        let error = refused(what, call.permission(), false, response.status, &service);
        return judge_error(source, error);
    }
    match source {
        Source::Location(_) if response.status == 202 => Verdict::InProgress("Accepted".to_owned()),
        Source::Location(_) if response.body.is_empty() => Verdict::Succeeded,
        Source::Status(_) | Source::Location(_) => match response.json(what) {
            Ok(body) => judge_body(what, source, &body),
            // A proxy's page, or a response that was cut off.
            Err(error) => Verdict::PollFailed(error),
        },
        Source::Cluster(until) => match response.json(what) {
            Ok(body) => judge_cluster(what, cluster, *until, body),
            Err(error) => Verdict::PollFailed(error),
        },
    }
}

/// What a request that failed says: of the operation, nothing.
fn judge_error(source: &Source, error: Error) -> Verdict {
    match (error.kind(), source) {
        // Without a token nothing else can be read either.
        (ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Unauthenticated, _) => {
            Verdict::PollFailed(error)
        }
        (_, Source::Status(_) | Source::Location(_)) => Verdict::NotRead,
        (_, Source::Cluster(_)) => Verdict::Ended(error.with_context(STILL_AT_WORK)),
    }
}

fn judge_body(what: &str, source: &Source, body: &Value) -> Verdict {
    let status = body.get("status").and_then(Value::as_str);
    // A Location ends with the resource itself.
    let state = match source {
        Source::Location(_) => {
            status.or_else(|| body.pointer("/properties/provisioningState").and_then(Value::as_str))
        }
        _ => status,
    };
    match state {
        Some(status) => match End::of(status) {
            // Free text.
            None => Verdict::InProgress(one_line(status, LONGEST_NAME)),
            Some(End::Succeeded) => Verdict::Succeeded,
            Some(End::Failed | End::Canceled) => {
                Verdict::Ended(ServiceError::from_json(body).ended(what, status))
            }
        },
        None if matches!(source, Source::Location(_)) => Verdict::Succeeded,
        None => Verdict::PollFailed(unreadable(what, "it is an operation without a status")),
    }
}

fn judge_cluster(what: &str, id: &ClusterId, until: Until, body: Value) -> Verdict {
    // Its code may be that of an earlier operation, or of somebody else's.
    let why = body.pointer("/properties/status/provisioningError").map(ServiceError::from_json);
    let why = ServiceError { code: None, ..why.unwrap_or_default() };
    let cluster = match ManagedCluster::parse(id, body) {
        Ok(cluster) => cluster,
        Err(error) => return Verdict::Ended(error),
    };
    let state = cluster.facts.provisioning_state.clone();
    match (until, End::of(&state)) {
        (Until::Read, _) | (Until::Ended, Some(End::Succeeded)) => Verdict::Read(Box::new(cluster)),
        (Until::AtRest, Some(End::Succeeded)) => Verdict::Ended(not_followed(what)),
        (_, Some(End::Failed | End::Canceled)) => Verdict::Ended(why.ended(what, &state)),
        (_, None) => Verdict::InProgress(state),
    }
}

/// Stands for a code of the service.
const NOT_FOLLOWED: &str = "OperationNotFollowed";

/// Nobody saw the operation end: only a new look at everything tells what came of it.
fn not_followed(what: &str) -> Error {
    let action = READ_STATUS.name();
    let message = format!(
        "could not follow \"{what}\": the operation cannot be read ({action}), and the cluster is at rest; run this \
         again, which looks at what came of it"
    );
    Error::new(ErrorKind::Conflict, message).with_service_code(NOT_FOLLOWED)
}

/// Whether an operation was accepted, and nobody saw it end.
pub(crate) fn is_not_followed(error: &Error) -> bool {
    error.service_code() == Some(NOT_FOLLOWED)
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Succeeded,
    Failed,
    Canceled,
}

impl End {
    /// `None`: it goes on.
    fn of(status: &str) -> Option<Self> {
        match status.to_ascii_lowercase().as_str() {
            "succeeded" => Some(Self::Succeeded),
            "failed" => Some(Self::Failed),
            "canceled" | "cancelled" => Some(Self::Canceled),
            _ => None,
        }
    }
}

fn timed_out(what: &str, last: &str) -> Error {
    let message = format!(
        "could not {what}: the operation still goes on at the time limit (last seen: {last}); {STILL_AT_WORK}"
    );
    Error::new(ErrorKind::Timeout, message)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let asked = get_retry_after(&response.headers, OffsetDateTime::now_utc, &[RETRY_AFTER])?;
    Duration::try_from(asked).ok().map(|asked| asked.min(LONGEST_ASKED))
}

/// The pauses between polls: what Azure asks for, else growing ones.
struct PollInterval {
    next: Duration,
    longest: Duration,
    shortest: Duration,
}

impl PollInterval {
    fn new(timing: &Timing) -> Self {
        Self {
            next: timing.operation_poll_first,
            longest: timing.operation_poll_longest,
            shortest: timing.backoff_first,
        }
    }

    fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        if let Some(asked) = retry_after {
            return asked.max(self.shortest);
        }
        let pause = self.next;
        self.next = pause.mul_f64(1.5).min(self.longest);
        pause
    }
}

#[cfg(test)]
mod tests;
