//! What belongs to this process: the runtime, and the thread that talks to Python.
//!
//! A child made by `fork` has neither thread of its parent, so it makes its own at its first call.

use std::{
    cell::RefCell,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use pyo3::{PyResult, Python, exceptions::PyRuntimeError};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::relay::{self, Message};

pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) runtime: Runtime,
    pub(crate) relay: Sender<Message>,
    /// What runs, and what of it still gives its Lease back.
    pub(crate) calls: TaskTracker,
    /// Drops what runs.
    pub(crate) end: CancellationToken,
    /// Nothing is brought to Python any more.
    ended: AtomicBool,
}

/// How long the thread that talks to Python may take for what it is at, when the interpreter ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the end of the interpreter may take for Leases to be given back: who has interrupted it does not wait.
const RELEASE: Duration = Duration::from_millis(500);

static PROCESS: Mutex<Option<Arc<Process>>> = Mutex::new(None);

thread_local! {
    // no lock: one that another thread holds while this process forks is held for good in the child
    static RELAY: RefCell<Option<Sender<Message>>> = const { RefCell::new(None) };
}

/// That of this process. Nobody forks while it is looked up: Python forks with the interpreter's lock held,
/// which is held here.
pub(crate) fn current(_: Python<'_>) -> PyResult<Arc<Process>> {
    let mut current = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    let id = process::id();
    if let Some(process) = current.as_ref().filter(|process| process.id == id) {
        if process.ended.load(Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("the interpreter is ending: nothing can be begun"));
        }
        return Ok(Arc::clone(process));
    }
    let failed = |error: std::io::Error| {
        PyRuntimeError::new_err(format!("the threads of aks-kms could not be started: {error}"))
    };
    let relay = relay::start().map_err(failed)?;
    // a sender is not for several threads at once
    let of_threads = Mutex::new(relay.clone());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("aks-kms")
        .on_thread_start(move || {
            let relay = of_threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
            RELAY.set(Some(relay));
        })
        .enable_all()
        .build()
        .map_err(failed)?;
    let calls = TaskTracker::new();
    calls.close();
    let (end, ended) = (CancellationToken::new(), AtomicBool::new(false));
    let process = Arc::new(Process { id, runtime, relay, calls, end, ended });
    // The parent's threads are not here: waiting for them, as dropping it would, has no end.
    std::mem::forget(current.replace(Arc::clone(&process)));
    Ok(process)
}

/// The interpreter is about to end. Work that goes on is dropped, and gives its Lease back. A thread that Python did
/// not make must not be in the interpreter then: what is still to be told is told to nobody.
pub(crate) fn end(py: Python<'_>) {
    let process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(process) = process.filter(|it| it.id == process::id()) else { return };
    process.ended.store(true, Ordering::Relaxed);
    process.end.cancel();
    // a credential may be asked meanwhile, which needs the interpreter
    py.detach(|| process.runtime.block_on(async { timeout(RELEASE, process.calls.wait()).await }))
        .ok();
    let (sender, stopped) = channel();
    if process.relay.send(Message::Stop(sender)).is_ok() {
        // it may need the interpreter for what it is at
        py.detach(move || stopped.recv_timeout(PATIENCE)).ok();
    }
}

/// Where messages to Python go from this thread, if it is one of the runtime's.
pub(crate) fn relay() -> Option<Sender<Message>> {
    RELAY.with_borrow(Clone::clone)
}
