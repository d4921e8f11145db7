//! A call that runs, and where.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aks_kms::{
    Error, ErrorKind, Fleet, FleetReport, KmsManager, OperationReport, Provisioned, Timing,
};
use aks_kms_bindings::error_document;
use azure_core::credentials::TokenCredential;
use napi::{
    Env, Result, Status,
    bindgen_prelude::FnArgs,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

type Told = FnArgs<(&'static str, String)>;

/// Is called with pairs: `progress` and JSON, as often as there is any; at last `done` and the result, `failed` and the
/// error, or `cancelled` and nothing. The process stays alive while there is one.
pub(crate) type Receiver = ThreadsafeFunction<Told, (), Told, Status, false>;

/// How long a process stays alive for a Lease to be given back.
const RELEASE: Duration = Duration::from_secs(2);

thread_local! {
    /// The calls of this thread's JavaScript.
    static CALLS: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
}

/// A token for a call, which ends with the JavaScript that made it: when a worker thread is terminated.
fn token(env: Env) -> Result<CancellationToken> {
    if let Some(calls) = CALLS.with_borrow(Clone::clone) {
        return Ok(calls.child_token());
    }
    let calls = CancellationToken::new();
    env.add_env_cleanup_hook((), |()| {
        if let Some(calls) = CALLS.take() {
            calls.cancel();
        }
    })?;
    CALLS.set(Some(calls.clone()));
    Ok(calls.child_token())
}

fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("aks-kms")
        .enable_all()
        .build()
        .map_err(|error| {
            napi::Error::from_reason(format!(
                "the threads of aks-kms could not be started: {error}"
            ))
        })?;
    // another thread of JavaScript may have been faster
    Ok(RUNTIME.get_or_init(|| made))
}

/// A call that runs.
#[napi]
pub struct Call(CancellationToken);

#[napi]
impl Call {
    /// Drops its work, which may be gone on with later.
    #[napi]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// What a receiver is told at last.
type Last = (&'static str, String);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is to be done, which gives JSON. In a box, as it is large.
type Work = Boxed<std::result::Result<String, Error>>;

/// Ends when the Leases of what was dropped are given back.
type Released = Boxed<()>;

/// Begins a verb.
pub(crate) fn start(
    env: Env,
    manager: KmsManager,
    verb: String,
    arguments: Map<String, Value>,
    progress: bool,
    receiver: Receiver,
) -> Result<Call> {
    let receiver = Arc::new(receiver);
    let teller = Arc::clone(&receiver);
    let on_progress = progress.then(|| Arc::new(move |now| progressed(&teller, &now)) as _);
    let called = manager.clone();
    let work = async move {
        aks_kms_bindings::call(&called, &verb, arguments, on_progress).await.map(judged)
    };
    let released = Box::pin(async move { manager.leases_released().await });
    begin(env, receiver, Some(released), Box::pin(work))
}

/// Begins a verb of many clusters.
pub(crate) fn start_fleet(
    env: Env,
    fleet: Fleet,
    verb: String,
    arguments: Map<String, Value>,
    progress: bool,
    receiver: Receiver,
) -> Result<Call> {
    let receiver = Arc::new(receiver);
    let teller = Arc::clone(&receiver);
    let on_progress = progress.then(|| Arc::new(move |now| progressed(&teller, &now)) as _);
    let called = fleet.clone();
    let work = async move {
        let result = aks_kms_bindings::call_fleet(&called, &verb, arguments, on_progress).await;
        result.map(judged_fleet)
    };
    let released = Box::pin(async move { fleet.leases_released().await });
    begin(env, receiver, Some(released), Box::pin(work))
}

/// Begins a list of clusters.
pub(crate) fn start_list(
    env: Env,
    credential: Arc<dyn TokenCredential>,
    arguments: Map<String, Value>,
    timing: Option<Timing>,
    receiver: Receiver,
) -> Result<Call> {
    let work = aks_kms_bindings::list_clusters(credential, arguments, timing);
    begin(env, Arc::new(receiver), None, Box::pin(work))
}

/// Dropped, a call may have a Lease to give back: its promise does not wait for that, its process does.
fn begin(
    env: Env,
    receiver: Arc<Receiver>,
    released: Option<Released>,
    work: Work,
) -> Result<Call> {
    let token = token(env)?;
    let work = ended(work);
    let runtime = runtime()?;
    let task = runtime.spawn(token.clone().run_until_cancelled_owned(work));
    runtime.spawn(async move {
        let (kind, payload) = match task.await {
            Ok(Some(told)) => told,
            Ok(None) => ("cancelled", String::new()),
            Err(error) => ("failed", fault(&error.to_string())),
        };
        tell(&receiver, kind, payload);
        if let Some(released) = released {
            let _ = timeout(RELEASE, released).await;
        }
        drop(receiver);
    });
    Ok(Call(token))
}

/// Nobody is told once the JavaScript has ended.
fn tell(receiver: &Receiver, kind: &'static str, payload: String) {
    let _ = receiver.call((kind, payload).into(), ThreadsafeFunctionCallMode::NonBlocking);
}

fn progressed(receiver: &Receiver, now: &impl Serialize) {
    tell(receiver, "progress", serde_json::to_string(now).unwrap_or_default());
}

async fn ended(work: Work) -> Last {
    match work.await {
        Ok(result) => ("done", result),
        Err(error) => ("failed", failed(&error)),
    }
}

/// A report with what the crate's methods say of it.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    report: &'a OperationReport,
    is_proven: bool,
    is_refused: bool,
}

impl<'a> Judged<'a> {
    fn new(report: &'a OperationReport) -> Self {
        Self { report, is_proven: report.is_proven(), is_refused: report.is_refused() }
    }
}

/// What `provision` gave, with what the crate's method says of it.
#[derive(Serialize)]
struct JudgedProvisioned<'a> {
    #[serde(flatten)]
    provisioned: &'a Provisioned,
    is_refused: bool,
}

/// A fleet's report, with what the crate's method says of it.
#[derive(Serialize)]
struct JudgedFleet<'a> {
    #[serde(flatten)]
    report: &'a FleetReport,
    is_complete: bool,
}

fn judged_fleet(result: String) -> String {
    let Ok(report) = serde_json::from_str::<FleetReport>(&result) else { return result };
    let judged = JudgedFleet { report: &report, is_complete: report.is_complete() };
    serde_json::to_string(&judged).unwrap_or(result)
}

/// A result; with what the crate's methods say of it, where there are any.
fn judged(result: String) -> String {
    let told = if let Ok(report) = serde_json::from_str::<OperationReport>(&result) {
        serde_json::to_string(&Judged::new(&report))
    } else if let Ok(provisioned) = serde_json::from_str::<Provisioned>(&result) {
        let (provisioned, is_refused) = (&provisioned, provisioned.is_refused());
        serde_json::to_string(&JudgedProvisioned { provisioned, is_refused })
    } else {
        return result;
    };
    told.unwrap_or(result)
}

fn failed(error: &Error) -> String {
    let mut document = error_document(error);
    document["report"] = json!(error.report().map(Judged::new));
    document.to_string()
}

/// The error of a call that ended by a fault of the library.
fn fault(why: &str) -> String {
    json!({
        "code": ErrorKind::Unexpected.code(),
        "message": format!("{why}: this is a fault of aks-kms, please report it"),
        "retryable": false,
        "service_code": null,
        "findings": [],
        "report": null,
    })
    .to_string()
}
