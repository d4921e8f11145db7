//! What goes wrong in a case on the Azure side, counted as it happens.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::{
    given::{AzureFault, Faults, OperationFault},
    http::Answer,
};

/// The faults of one case.
#[derive(Debug, Default)]
pub(crate) struct FaultBook(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    faults: Faults,
    operations: VecDeque<OperationFault>,
    azure: Vec<Counted>,
}

#[derive(Debug)]
struct Counted {
    fault: AzureFault,
    /// How many requests have matched.
    seen: usize,
}

impl FaultBook {
    pub(crate) fn new(faults: &Faults) -> Self {
        let book = Self::default();
        book.replace(faults);
        book
    }

    /// Forgets the faults there were, counts included.
    pub(crate) fn replace(&self, faults: &Faults) {
        *self.pages() = Pages {
            operations: faults.operations.iter().cloned().collect(),
            azure: faults
                .azure
                .iter()
                .map(|fault| Counted { fault: fault.clone(), seen: 0 })
                .collect(),
            faults: faults.clone(),
        };
    }

    /// The faults as they were given.
    pub(crate) fn all(&self) -> Faults {
        self.pages().faults.clone()
    }

    /// How the next operation on a cluster ends.
    pub(crate) fn next_operation(&self) -> Option<OperationFault> {
        self.pages().operations.pop_front()
    }

    /// How long an operation on a cluster takes, before the time scale.
    pub(crate) fn operation_seconds(&self) -> f64 {
        self.pages().faults.operation_seconds.unwrap_or_default()
    }

    /// `Retry-After` of the answers about an operation that goes on.
    pub(crate) fn operation_retry_after(&self) -> Option<u64> {
        self.pages().faults.operation_retry_after
    }

    /// Whether who starts an operation is not told where to poll.
    pub(crate) fn no_poll_header(&self) -> bool {
        self.pages().faults.no_poll_header
    }

    /// Latency of each request.
    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.pages().faults.azure_latency_ms)
    }

    /// How many entries a page of a list has.
    pub(crate) fn page_size(&self) -> Option<usize> {
        self.pages().faults.page_size
    }

    /// How long a new role assignment grants nothing, before the time scale.
    pub(crate) fn role_propagation_seconds(&self) -> f64 {
        self.pages().faults.role_propagation_seconds.unwrap_or_default()
    }

    /// How long a new identity is unknown, before the time scale.
    pub(crate) fn principal_propagation_seconds(&self) -> f64 {
        self.pages().faults.principal_propagation_seconds.unwrap_or_default()
    }

    /// What the service takes for now.
    pub(crate) fn now(&self) -> OffsetDateTime {
        let shift = time::Duration::seconds(self.pages().faults.clock_shift_seconds);
        let now = OffsetDateTime::now_utc();
        now.checked_add(shift).unwrap_or(now)
    }

    /// The answer that takes the place of a request's, which has no effect.
    pub(crate) fn answer(&self, method: &str, path: &str) -> Option<Answer> {
        self.first(method, path, false)
    }

    /// The answer that takes the place of the answer to a request that has had its effect.
    pub(crate) fn answer_after_effect(&self, method: &str, path: &str) -> Option<Answer> {
        self.first(method, path, true)
    }

    fn first(&self, method: &str, path: &str, takes_effect: bool) -> Option<Answer> {
        let path = path.to_ascii_lowercase();
        let mut pages = self.pages();
        for Counted { fault, seen } in &mut pages.azure {
            let other_method =
                fault.method.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(method));
            if fault.takes_effect != takes_effect
                || other_method
                || !path.contains(&fault.path.to_ascii_lowercase())
            {
                continue;
            }
            *seen += 1;
            let nth = seen.saturating_sub(fault.after);
            if nth > 0 && fault.times.is_none_or(|times| nth <= times) {
                return Some(answer(fault).delayed(Duration::from_millis(fault.latency_ms)));
            }
        }
        None
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(fault: &AzureFault) -> Answer {
    if fault.status == 0 {
        return Answer::Dropped;
    }
    let code = match (&fault.code, fault.status) {
        (Some(code), _) => code.as_str(),
        // These come from a gateway, which knows nothing of Azure's errors.
        (None, 502 | 504) => {
            return Answer::Gateway { status: fault.status, retry_after: fault.retry_after };
        }
        (None, 401) => "AuthenticationFailed",
        (None, 403) => "AuthorizationFailed",
        (None, 404) => "ResourceNotFound",
        (None, 408) => "RequestTimeout",
        (None, 409) => "Conflict",
        (None, 412) => "EtagMismatch",
        (None, 429) => "TooManyRequests",
        (None, 503) => "ServiceUnavailable",
        (None, 400..500) => "BadRequest",
        (None, _) => "InternalServerError",
    };
    let answer = Answer::error(fault.status, code, "The simulator was asked to answer this.");
    match fault.retry_after {
        Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(faults: serde_json::Value) -> FaultBook {
        FaultBook::new(&serde_json::from_value(faults).unwrap())
    }

    fn statuses(book: &FaultBook, method: &str, count: usize) -> Vec<Option<u16>> {
        (0..count)
            .map(|_| match book.answer(method, "/A/managedClusters/b")? {
                Answer::Reply { status, .. } | Answer::Gateway { status, .. } => Some(status),
                Answer::Dropped => Some(0),
                Answer::Delayed { .. } => None,
            })
            .collect()
    }

    #[test]
    fn a_fault_lets_some_requests_through_then_answers_so_often() {
        let book = book(serde_json::json!({
            "azure": [{"method": "get", "path": "managedclusters", "status": 503, "after": 1, "times": 2}]
        }));
        assert_eq!(statuses(&book, "PUT", 1), [None]);
        assert_eq!(statuses(&book, "GET", 4), [None, Some(503), Some(503), None]);
    }

    #[test]
    fn the_first_fault_that_answers_wins_and_used_up_ones_make_room() {
        let book = book(serde_json::json!({
            "azure": [{"path": "managed", "status": 0, "times": 1}, {"path": "managed", "status": 504}]
        }));
        assert_eq!(statuses(&book, "GET", 2), [Some(0), Some(504)]);
    }
}
