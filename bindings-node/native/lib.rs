//! The native module: calls verbs by name, with JSON for what goes in and comes out. Everything that a user of the
//! npm package sees is in `src`.
//!
//! Work runs on a tokio runtime of its own, never on the thread of JavaScript: progress and results go there
//! through the queue that Node.js keeps for each function that other threads call.
#![allow(
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "JavaScript calls these functions, with strings that are made for the call"
)]

mod call;
mod credential;
mod fleet;
mod logging;
mod manager;

use napi::{Env, Result};
use napi_derive::napi;
use serde_json::{Map, Value};

use crate::{
    call::{Call, Receiver},
    credential::Source,
};

/// The catalogue of rules, as JSON.
#[napi]
pub fn rules() -> Result<String> {
    aks_kms_bindings::rules().map_err(|error| failure(&error))
}

/// A report in JSON as one HTML file.
#[napi]
pub fn to_html(report: String) -> Result<String> {
    aks_kms_bindings::to_html(parsed(&report)?).map_err(|error| failure(&error))
}

/// A report in JSON as Markdown.
#[napi]
pub fn to_markdown(report: String) -> Result<String> {
    aks_kms_bindings::to_markdown(parsed(&report)?).map_err(|error| failure(&error))
}

/// A result in JSON as text for people.
#[napi]
pub fn to_text(result: String) -> Result<String> {
    aks_kms_bindings::to_text(parsed(&result)?).map_err(|error| failure(&error))
}

/// Begins to list clusters, with the arguments in JSON. The function gives tokens; none: the credential is looked for.
#[napi]
pub fn list_clusters(
    env: Env,
    arguments: String,
    source: Option<Source>,
    receiver: Receiver,
) -> Result<Call> {
    let credential = credential::of(source)?;
    call::start_list(env, credential, members(&arguments)?, manager::timing(), receiver)
}

/// The version of the library.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Begins to log what `AKS_KMS_LOG` asks for, once in a process; tells what is wrong with it.
#[napi]
pub fn start_log() -> Option<String> {
    logging::install()
}

/// Makes every wait of managers that are made, and of lists that are begun, from here on so much shorter: for tests
/// against a simulator that is as much faster. On Azure, it would make wrong what is proven.
#[napi]
pub fn scale_time(factor: f64) {
    manager::set_scale(factor);
}

/// An error of the library, as the package's own part expects it.
fn failure(error: &aks_kms::Error) -> napi::Error {
    napi::Error::from_reason(aks_kms_bindings::error_document(error).to_string())
}

/// JSON that the package's own part wrote.
fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| napi::Error::from_reason(error.to_string()))
}

/// Arguments that the package's own part wrote.
fn members(text: &str) -> Result<Map<String, Value>> {
    match parsed(text)? {
        Value::Object(members) => Ok(members),
        _ => Err(napi::Error::from_reason("arguments are an object")),
    }
}
