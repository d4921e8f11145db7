//! What belongs to this process: the runtime, and the thread that talks to Python.
//!
//! A child made by `fork` has neither thread of its parent, so it makes its own at its first call.

use std::{
    cell::RefCell,
    process,
    sync::{Arc, Mutex, PoisonError, mpsc::Sender},
};

use pyo3::{PyResult, Python, exceptions::PyRuntimeError};
use tokio::runtime::{Builder, Runtime};

use crate::relay::{self, Message};

pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) runtime: Runtime,
    pub(crate) relay: Sender<Message>,
}

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
    let process = Arc::new(Process { id, runtime, relay });
    // The parent's threads are not here: waiting for them, as dropping it would, has no end.
    std::mem::forget(current.replace(Arc::clone(&process)));
    Ok(process)
}

/// Where messages to Python go from this thread, if it is one of the runtime's.
pub(crate) fn relay() -> Option<Sender<Message>> {
    RELAY.with_borrow(Clone::clone)
}
