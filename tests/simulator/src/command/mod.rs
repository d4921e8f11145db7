//! Commands that are run in a cluster (`az aks command invoke`), and what came of them.
//!
//! A command is a shell command with kubectl. AKS runs it in a pod; here it runs on the machine that
//! the simulator runs on, as its user. So there are none but for clusters with a real API server.

mod context;
mod process;
mod request;
mod workplace;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::process::{Ended, Limits};
pub(crate) use self::{request::CommandRequest, workplace::Job};

/// The commands of one cluster. Dropping them ends those that run.
#[derive(Default)]
pub(crate) struct Commands {
    results: Mutex<BTreeMap<String, Arc<Mutex<CommandResult>>>>,
    running: Mutex<JoinSet<()>>,
}

/// A command as its result's URL shows it.
#[derive(Clone)]
pub(crate) struct CommandResult {
    id: String,
    started: OffsetDateTime,
    /// When and how it ended.
    ended: Option<(OffsetDateTime, Ended)>,
}

impl Commands {
    /// Starts a command and gives its id.
    pub(crate) fn start(&self, job: Job, now: OffsetDateTime) -> String {
        // First: who ends all ends this one too, or comes before it.
        let mut running = lock(&self.running);
        // Letters and digits only: `az` looks for that in the URL.
        let id = Uuid::new_v4().simple().to_string();
        let result = CommandResult { id: id.clone(), started: now, ended: None };
        let result = Arc::new(Mutex::new(result));
        lock(&self.results).insert(id.clone(), Arc::clone(&result));
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let began = Instant::now();
            let ended = process::run(job, Limits::default()).await;
            lock(&result).end(now + began.elapsed(), ended);
        });
        id
    }

    /// A command by its id.
    pub(crate) fn result(&self, id: &str) -> Option<CommandResult> {
        let result = lock(&self.results).get(id).cloned()?;
        let result = lock(&result).clone();
        Some(result)
    }

    /// Ends the commands that run: what they ran in is gone.
    pub(crate) fn end_all(&self, now: OffsetDateTime, reason: &str) {
        let mut running = lock(&self.running);
        running.abort_all();
        for result in lock(&self.results).values() {
            let ended = Ended::Failed { reason: reason.to_owned(), logs: String::new() };
            lock(result).end(now, ended);
        }
    }
}

impl CommandResult {
    /// What it ended with first stays.
    fn end(&mut self, now: OffsetDateTime, ended: Ended) {
        self.ended.get_or_insert((now, ended));
    }

    /// Whether it has not ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.ended.is_none()
    }

    /// The body of its answer. A command that failed by itself has succeeded in being run.
    pub(crate) fn document(&self) -> Value {
        let mut properties = json!({ "startedAt": text(self.started) });
        match &self.ended {
            None => properties["provisioningState"] = json!("Running"),
            Some((finished, ended)) => {
                properties["finishedAt"] = json!(text(*finished));
                match ended {
                    Ended::Exited { code, logs } => {
                        properties["provisioningState"] = json!("Succeeded");
                        properties["exitCode"] = json!(code);
                        properties["logs"] = json!(logs);
                    }
                    Ended::Failed { reason, logs } => {
                        properties["provisioningState"] = json!("Failed");
                        properties["reason"] = json!(reason);
                        properties["logs"] = json!(logs);
                    }
                }
            }
        }
        json!({ "id": self.id, "properties": properties })
    }
}

fn text(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
