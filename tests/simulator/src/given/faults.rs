//! What goes wrong in a case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How each next operation on the cluster ends, in order; when used up: Succeeded.
    pub operations: Vec<OperationFault>,
    /// Answers to Azure requests, first match wins.
    pub azure: Vec<AzureFault>,
    /// API servers that do not do what AKS says they do.
    pub api_servers: Vec<ApiServerFault>,
    /// Answers to Kubernetes requests, first match wins (embedded backend).
    pub kubernetes: Vec<KubernetesFault>,
    /// A continue token expires after this many pages, once for each namespace.
    pub continue_expires_after: Option<usize>,
    /// The 410 of an expired continue token has no `metadata.continue`.
    pub continue_without_token: bool,
    /// The API servers do not serve streaming lists (before 1.32, and 1.33 by default).
    pub no_streaming_list: bool,
    /// Streaming lists end after this many events, once for each namespace.
    pub streaming_breaks_after: Option<usize>,
    /// Latency of each Kubernetes request, in milliseconds.
    pub kubernetes_latency_ms: u64,
    /// How long an operation on the cluster takes, in seconds, before the time scale; absent: 0.
    pub operation_seconds: Option<f64>,
}

/// How an operation on the cluster ends.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperationFault {
    /// `Succeeded`, `Failed`, `Canceled`.
    pub status: String,
    /// Error code; absent: no error.
    #[serde(default)]
    pub code: Option<String>,
    /// Error message.
    #[serde(default)]
    pub message: Option<String>,
    /// The flat shape of an error body.
    #[serde(default)]
    pub flat: bool,
    /// Which API servers had the new configuration when it ended; absent: none for Failed, all for Succeeded.
    #[serde(default)]
    pub applied_to: Option<Vec<usize>>,
}

/// An answer to requests to Azure.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AzureFault {
    /// HTTP method; absent: any.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path, case-insensitive.
    pub path: String,
    /// HTTP status of the answer; 0: the connection is dropped.
    pub status: u16,
    /// Error code of the answer.
    #[serde(default)]
    pub code: Option<String>,
    /// `Retry-After` in seconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// How often; absent: always.
    #[serde(default)]
    pub times: Option<usize>,
    /// Let this many matching requests through first.
    #[serde(default)]
    pub after: usize,
}

/// An API server that is not as it should be. Servers count from 1.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApiServerFault {
    /// Which.
    pub server: usize,
    /// What.
    pub kind: ApiServerFaultKind,
    /// Ends after this many seconds (before the time scale); absent: never.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// What is wrong with an API server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApiServerFaultKind {
    /// It has both keys but still writes with the old one: provider order [old, new].
    WritesOld,
    /// It did not take the new configuration.
    Behind,
    /// Its KMS plugin answers nothing.
    KmsDown,
}

/// An answer to requests to the embedded Kubernetes API.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesFault {
    /// HTTP method; absent: any.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path with its query.
    pub path: String,
    /// HTTP status of the answer; 0: the connection is dropped.
    pub status: u16,
    /// `Retry-After` in seconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// How often; absent: always.
    #[serde(default)]
    pub times: Option<usize>,
    /// Let this many matching requests through first.
    #[serde(default)]
    pub after: usize,
    /// The request takes effect although the answer says otherwise.
    #[serde(default)]
    pub takes_effect: bool,
    /// The answer is a web page, as a proxy in between gives, and not the API server's.
    #[serde(default)]
    pub web_page: bool,
}
