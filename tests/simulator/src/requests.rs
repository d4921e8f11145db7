//! The requests that a case saw: how many, and, where somebody asks for it, each with its moment, in which shows what
//! waits for what. A long run has millions.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::{Deserialize, Serialize};

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

/// How many requests a case saw, whatever came of them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RequestCounts {
    /// For tokens.
    pub entra: u64,
    /// To Resource Manager and Resource Graph.
    pub arm: u64,
    /// To vaults.
    pub vault: u64,
    /// To the Kubernetes API (embedded backend).
    pub kubernetes: u64,
}

/// What requests are counted by.
const TARGETS: [&str; 4] = ["entra", "arm", "vault", "kubernetes"];

/// The requests of one case.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    counts: [AtomicU64; TARGETS.len()],
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
        let counted = TARGETS.iter().zip(&self.counts).find(|(name, _)| **name == target);
        if let Some((_, count)) = counted {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if self.is_kept.load(Ordering::Relaxed) {
            let (method, path) = (method.to_owned(), path.to_owned());
            let seen = Seen { at: Instant::now(), target, method, path };
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
    }

    /// How many came since the case began.
    pub(crate) fn counts(&self) -> RequestCounts {
        let [entra, arm, vault, kubernetes] =
            self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        RequestCounts { entra, arm, vault, kubernetes }
    }

    /// What came since it began, in order.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
