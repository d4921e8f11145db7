//! What goes wrong, by script.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicBool, Ordering},
};

use http::Method;

use crate::given::{ApiServerFault, ApiServerFaultKind, Faults, KubernetesFault};

/// A fault of an API server, which may come to an end.
#[derive(Clone)]
pub(super) struct ServerFault {
    pub(super) fault: ApiServerFault,
    over: Arc<AtomicBool>,
    armed: Arc<AtomicBool>,
}

impl ServerFault {
    fn new(fault: ApiServerFault) -> Self {
        Self { fault, over: Arc::default(), armed: Arc::default() }
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether it lasts.
    pub(super) fn lasts(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Whether it is this very fault, and not only one like it.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.over, &other.over)
    }

    /// How long it lasts, said once: to whoever will end it.
    pub(super) fn arm(&self) -> Option<f64> {
        let seconds = self.fault.seconds?;
        (!self.armed.swap(true, Ordering::Relaxed)).then_some(seconds)
    }
}

/// The faults of a cluster's Kubernetes side.
pub(super) struct Script {
    faults: RwLock<Faults>,
    servers: Mutex<Vec<ServerFault>>,
    /// How many requests each of `faults.kubernetes` has matched.
    matched: Mutex<Vec<usize>>,
    paging: Mutex<Vec<Paging>>,
    broken_streams: Mutex<Vec<String>>,
}

/// The lists of one namespace, for `continue_expires_after`.
struct Paging {
    namespace: String,
    pages: usize,
    /// Tokens of lists that began at this revision or before it have expired.
    expired: Option<i64>,
}

impl Script {
    pub(super) fn new(faults: Faults) -> Self {
        let servers = faults.api_servers.iter().cloned().map(ServerFault::new).collect();
        let matched = vec![0; faults.kubernetes.len()];
        Self {
            faults: RwLock::new(faults),
            servers: Mutex::new(servers),
            matched: Mutex::new(matched),
            paging: Mutex::default(),
            broken_streams: Mutex::default(),
        }
    }

    /// Replaces the faults.
    pub(super) fn replace(&self, faults: Faults) {
        let fresh = Self::new(faults);
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) =
            fresh.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        *lock(&self.servers) = fresh.servers.into_inner().unwrap_or_else(PoisonError::into_inner);
        *lock(&self.matched) = fresh.matched.into_inner().unwrap_or_else(PoisonError::into_inner);
        lock(&self.paging).clear();
        lock(&self.broken_streams).clear();
    }

    /// The faults as given.
    pub(super) fn faults(&self) -> RwLockReadGuard<'_, Faults> {
        self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults of API servers.
    pub(super) fn servers(&self) -> Vec<ServerFault> {
        lock(&self.servers).clone()
    }

    /// What is wrong with an API server now.
    pub(super) fn of_server(&self, number: usize) -> Vec<ApiServerFaultKind> {
        let servers = lock(&self.servers);
        let lasting = servers.iter().filter(|it| it.fault.server == number && it.lasts());
        lasting.map(|it| it.fault.kind).collect()
    }

    /// The fault that a request meets, if any.
    pub(super) fn meet(&self, method: &Method, path_and_query: &str) -> Option<KubernetesFault> {
        let faults = self.faults();
        if faults.kubernetes.is_empty() {
            return None;
        }
        let mut matched = lock(&self.matched);
        for (fault, matched) in faults.kubernetes.iter().zip(matched.iter_mut()) {
            let method_fits =
                fault.method.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(method.as_str()));
            if !method_fits || !path_and_query.contains(&fault.path) {
                continue;
            }
            *matched += 1;
            let used_up = fault.times.is_some_and(|times| *matched > fault.after + times);
            if *matched > fault.after && !used_up {
                return Some(fault.clone());
            }
        }
        None
    }

    /// Whether a page can still be had. `revision` is that of its token; `None`: a first page.
    /// `newest`: the store's revision, beyond which a new list begins.
    pub(super) fn page_expired(&self, namespace: &str, revision: Option<i64>, newest: u64) -> bool {
        let Some(limit) = self.faults().continue_expires_after else {
            return false;
        };
        let mut paging = lock(&self.paging);
        let index = paging.iter().position(|it| it.namespace == namespace).unwrap_or_else(|| {
            paging.push(Paging { namespace: namespace.to_owned(), pages: 0, expired: None });
            paging.len() - 1
        });
        let list = &mut paging[index];
        if let (Some(revision), None) = (revision, list.expired)
            && list.pages >= limit
        {
            let newest = i64::try_from(newest).unwrap_or(i64::MAX);
            list.expired = Some(newest.max(revision));
        }
        let expired = match (revision, list.expired) {
            // -1 is the token of a list that goes on at the newest revision
            (Some(revision), Some(expired)) => revision >= 0 && revision <= expired,
            _ => false,
        };
        if !expired {
            list.pages += 1;
        }
        expired
    }

    /// After how many events a streaming list of this namespace breaks off, said once.
    pub(super) fn stream_breaks_after(&self, namespace: &str) -> Option<usize> {
        let events = self.faults().streaming_breaks_after?;
        let mut broken = lock(&self.broken_streams);
        if broken.iter().any(|it| it == namespace) {
            return None;
        }
        broken.push(namespace.to_owned());
        Some(events)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
