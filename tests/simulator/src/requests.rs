//! The requests that a case saw, with the moment of each: what waits for what shows in them. Kept only where somebody
//! asks for it, as a long run has millions.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// `entra`, `arm`, `vault` or `kubernetes`.
    pub target: &'static str,
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
}

/// The requests of one case.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    is_kept: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

impl RequestLog {
    /// Begins anew: what comes from now on is kept.
    pub(crate) fn begin(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.is_kept.store(true, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, target: &'static str, method: &str, path: &str) {
        if self.is_kept.load(Ordering::Relaxed) {
            let (method, path) = (method.to_owned(), path.to_owned());
            let seen = Seen { at: Instant::now(), target, method, path };
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
    }

    /// What came since it began, in order.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
