//! The one thread that brings progress, results and logs to Python, in their order.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use pyo3::prelude::*;

use crate::{credential::Reply, logging::Event};

/// What goes to Python.
pub(crate) enum Message {
    /// To whoever waits for a call: what it is, and the JSON.
    Deliver { receiver: Py<PyAny>, kind: &'static str, payload: String },
    /// The same, of a call's progress.
    Progress { receiver: Arc<Py<PyAny>>, payload: String },
    /// To a credential.
    Token { source: Arc<Py<PyAny>>, scopes: Vec<String>, reply: Reply },
    /// To `logging`.
    Log(Event),
    /// To nobody from here on; says so.
    Stop(Sender<()>),
}

/// Starts the thread. It ends with the process.
pub(crate) fn start() -> io::Result<Sender<Message>> {
    let (sender, messages) = channel();
    thread::Builder::new().name("aks-kms-relay".to_owned()).spawn(move || run(&messages))?;
    Ok(sender)
}

fn run(messages: &Receiver<Message>) {
    for message in messages {
        if let Message::Stop(stopped) = message {
            let _ = stopped.send(());
            return;
        }
        let attached = Python::try_attach(|py| {
            if let Err(error) = bring(py, message) {
                error.write_unraisable(py, None);
            }
        });
        // the interpreter is ending
        if attached.is_none() {
            return;
        }
    }
}

fn bring(py: Python<'_>, message: Message) -> PyResult<()> {
    match message {
        Message::Deliver { receiver, kind, payload } => {
            receiver.call1(py, ((kind, payload),))?;
        }
        Message::Progress { receiver, payload } => {
            receiver.call1(py, (("progress", payload),))?;
        }
        Message::Token { source, scopes, reply } => {
            source.call1(py, (scopes, reply))?;
        }
        Message::Log(event) => {
            let logging = py.import("logging")?;
            let logger = logging.call_method1("getLogger", (event.logger,))?;
            logger.call_method1("log", (event.level, "%s", event.text))?;
        }
        Message::Stop(_) => {}
    }
    Ok(())
}
