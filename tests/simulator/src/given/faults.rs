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
    /// The API servers do not serve streaming lists, as before Kubernetes 1.34 (embedded backend: 1.32 serves
    /// none as tables, the others none at all).
    pub no_streaming_list: bool,
    /// Streaming lists do not mark where what there was ends, as Kubernetes 1.29 with the alpha
    /// feature.
    pub streaming_end_unmarked: bool,
    /// The API servers have no identity Leases, as before Kubernetes 1.26.
    pub no_identity_leases: bool,
    /// What lists say behind the name of each secret that they cannot decrypt: another name comes
    /// of it.
    pub behind_undecryptable_names: String,
    /// Streaming lists end after this many events, once for each namespace.
    pub streaming_breaks_after: Option<usize>,
    /// Latency of each Kubernetes request, in milliseconds.
    pub kubernetes_latency_ms: u64,
    /// How long an operation on the cluster takes, in seconds, before the time scale; absent: 0.
    pub operation_seconds: Option<f64>,
    /// `Retry-After` of the answers about an operation that goes on, in seconds, not scaled; absent:
    /// no such header, as with AKS (`az` and the Python SDK then ask every 30 s).
    pub operation_retry_after: Option<u64>,
    /// An accepted request that starts an operation is answered without any header that says where
    /// to poll: the resource's `provisioningState` is all there is.
    pub no_poll_header: bool,
    /// Latency of each Azure request, in milliseconds.
    pub azure_latency_ms: u64,
    /// Lists of Resource Manager are answered in pages of this many; absent: whole.
    pub page_size: Option<usize>,
    /// How long a new role assignment is only seen in lists and grants nothing, in seconds, before
    /// the time scale; absent: 0.
    pub role_propagation_seconds: Option<f64>,
    /// How long a new identity is unknown to who gives it a role without naming its type, in
    /// seconds, before the time scale; absent: 0.
    pub principal_propagation_seconds: Option<f64>,
    /// How far the clock of Resource Manager and Entra is ahead, in seconds: `Date` headers, the
    /// times of tokens and of operations.
    pub clock_shift_seconds: i64,
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
    /// What was done before it ended, when it does not succeed.
    #[serde(default)]
    pub after: OperationStep,
}

/// A step of an operation on a cluster.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum OperationStep {
    /// None, but for what `applied_to` says.
    #[default]
    Nothing,
    /// The API servers have the new encryption configuration.
    Encryption,
    /// The control plane has its new version, the node pools have not.
    ControlPlane,
    /// Everything.
    NodePools,
}

/// An answer to requests to Azure: Resource Manager, Entra, Graph and vaults.
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
    /// The answer comes this many milliseconds late.
    #[serde(default)]
    pub latency_ms: u64,
    /// The request takes effect although the answer says otherwise.
    #[serde(default)]
    pub takes_effect: bool,
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
    /// It is one more than the cluster should have: a process with the configuration of before the
    /// last change, which writes with the previous key and knows no newer one. It is there from now
    /// on, takes its share of the connections, and ends when its time is over or the cluster gets
    /// another configuration (embedded backend). `server` is a number that no other has.
    Older,
    /// The same on the host of the first server: both have one identity Lease.
    OlderOnFirstHost,
}

impl ApiServerFaultKind {
    /// Whether it is a process more than there should be.
    #[must_use]
    pub fn is_visitor(self) -> bool {
        matches!(self, Self::Older | Self::OlderOnFirstHost)
    }
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
