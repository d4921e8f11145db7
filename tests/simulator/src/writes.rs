//! The writes that a case saw, in order: the `then.writes` of a conformance case.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;
use serde_json::Value;

use crate::{http::Request, requests::RequestLog};

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Write {
    /// A run of secret patches (dry runs and the library's own left out).
    PatchSecrets {
        /// How many.
        patch_secrets: u64,
    },
    /// Any other write.
    Request {
        /// `arm`, `vault` or `kubernetes`.
        target: &'static str,
        /// HTTP method.
        method: String,
        /// Path without query.
        path: String,
        /// `api-version`, where it is a request to Azure.
        #[serde(skip_serializing_if = "Option::is_none")]
        api_version: Option<String>,
        /// The `if-match` header, where it is a request to Azure.
        #[serde(skip_serializing_if = "Option::is_none")]
        if_match: Option<String>,
        /// JSON body, if any.
        #[serde(skip_serializing_if = "Value::is_null")]
        body: Value,
    },
}

/// Records the writes of one case. Left out, here and by whoever records: token, credential,
/// access-review and dry-run requests, and those to the Lease, the `ConfigMap` and the library's own
/// Secrets.
#[derive(Debug, Default)]
pub struct Recorder {
    writes: Mutex<Vec<Write>>,
    uses: Mutex<BTreeSet<Use>>,
    pub(crate) requests: RequestLog,
}

/// A right that the caller used.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Use {
    /// An action of Resource Manager.
    Action(String),
    /// An action in a vault.
    DataAction(String),
    /// In Kubernetes, on one object or, without a name, on those of a namespace or of all.
    Kubernetes {
        /// Such as `get`.
        verb: String,
        /// A resource, such as `secrets`, or a path.
        resource: String,
        /// The namespace; `None`: all, or there is none.
        namespace: Option<String>,
        /// The object's name; `None`: it is not about a single one.
        name: Option<String>,
    },
}

impl Recorder {
    /// A patch of a secret, whatever came of it.
    pub fn patch_secret(&self) {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Write::PatchSecrets { patch_secrets }) = writes.last_mut() {
            *patch_secrets += 1;
        } else {
            writes.push(Write::PatchSecrets { patch_secrets: 1 });
        }
    }

    /// A write to Kubernetes.
    pub fn kubernetes(&self, method: &str, path: &str, body: Value) {
        self.push(Write::Request {
            target: "kubernetes",
            method: method.to_owned(),
            path: path.to_owned(),
            api_version: None,
            if_match: None,
            body,
        });
    }

    /// A write to `arm` or to a `vault`.
    pub(crate) fn azure(&self, target: &'static str, request: &Request) {
        self.push(Write::Request {
            target,
            method: request.method.to_string(),
            path: request.path.clone(),
            api_version: request.query("api-version").map(str::to_owned),
            if_match: request.header("if-match").map(str::to_owned),
            body: without_token(request.json_or_null()),
        });
    }

    fn push(&self, write: Write) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(write);
    }

    /// All writes so far.
    #[must_use]
    pub fn all(&self) -> Vec<Write> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A right that the caller used.
    pub(crate) fn used(&self, right: Use) {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(right);
    }

    /// All rights that the caller used so far.
    #[must_use]
    pub fn uses(&self) -> BTreeSet<Use> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Commands that are run in a cluster come with a token, which nobody needs to see.
fn without_token(mut body: Value) -> Value {
    if let Some(token @ Value::String(_)) = body.get_mut("clusterToken") {
        *token = Value::from("a token");
    }
    body
}
