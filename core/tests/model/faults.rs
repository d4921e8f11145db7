//! Faults as the simulator has them.

use aks_kms_simulator::given::Faults;
use serde_json::{Value, json};

use crate::sequence::{After, Azure, Ended, Fault, Kubernetes, Lag, Method};

/// How long an operation on the cluster takes when all is well, in seconds of its time: long enough
/// to be interrupted.
const OPERATION_SECONDS: f64 = 4.0;

/// What is wrong with a cluster.
pub(crate) struct Troubles {
    azure: Vec<Value>,
    kubernetes: Vec<Value>,
    operations: Vec<Value>,
    api_servers: Vec<Value>,
    streams: Value,
    /// An API server may be without what it should have.
    servers: bool,
    expired: bool,
}

impl Troubles {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self {
            azure: Vec::new(),
            kubernetes: Vec::new(),
            operations: Vec::new(),
            api_servers: Vec::new(),
            streams: json!({}),
            servers: false,
            expired: false,
        }
    }

    /// Whether every API server is as it should be.
    pub(crate) fn spare_servers(&self) -> bool {
        !self.servers
    }

    /// Whether somebody's credential may be refused.
    pub(crate) fn expire_credentials(&self) -> bool {
        self.expired
    }

    /// One more.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.servers |= matches!(
            fault,
            Fault::ApiServer { .. } | Fault::KmsOutage { .. } | Fault::Visitor { .. }
        );
        match fault {
            Fault::Operation { skip, ended, after, applied_to } => {
                let well = std::iter::repeat_n(json!({"status": "Succeeded"}), skip);
                self.operations.extend(well);
                self.operations.push(operation(ended, after, applied_to));
            }
            Fault::ApiServer { server, kind, seconds } => {
                self.api_servers.push(json!({
                    "server": server,
                    "kind": match kind {
                        Lag::WritesOld => "writes-old",
                        Lag::Behind => "behind",
                        Lag::KmsDown => "kms-down",
                    },
                    "seconds": seconds,
                }));
            }
            Fault::KmsOutage { seconds } => {
                self.api_servers.extend((1..=2).map(
                    |server| json!({"server": server, "kind": "kms-down", "seconds": seconds}),
                ));
            }
            Fault::Azure { method, on, status, after, times, takes_effect } => {
                let path = match on {
                    Azure::Clusters => "managedClusters",
                    Azure::Operations => "/operations/",
                    Azure::Vaults => "/vaults/",
                    Azure::Keys => "/keys/",
                    Azure::Credentials => "Credential",
                };
                let mut answer = answer(method, path, status, after, times, takes_effect);
                if status == 429 {
                    answer["retry_after"] = json!(0);
                }
                self.azure.push(answer);
            }
            Fault::Kubernetes { method, on, status, after, times, takes_effect } => {
                let path = match on {
                    Kubernetes::Everything => "/",
                    Kubernetes::Secrets => "/secrets",
                    Kubernetes::Canary => "aks-kms-canary",
                    Kubernetes::Metrics => "/metrics",
                    Kubernetes::Record => "/configmaps",
                    Kubernetes::Leases => "/leases",
                    Kubernetes::Namespaces => "/api/v1/namespaces?",
                    Kubernetes::Reviews => "accessreviews",
                };
                self.kubernetes.push(answer(method, path, status, after, times, takes_effect));
            }
            Fault::Expired { kubernetes, after, times } => {
                self.expired = true;
                let (faults, path) = if kubernetes {
                    (&mut self.kubernetes, "/")
                } else {
                    (&mut self.azure, "managedClusters")
                };
                faults.push(answer(Method::Any, path, 401, after, times, false));
            }
            Fault::Visitor { same_host, seconds } => {
                let kind = if same_host { "older-on-first-host" } else { "older" };
                // a number that no other server has
                let server = 3 + self.api_servers.len();
                self.api_servers.push(json!({"server": server, "kind": kind, "seconds": seconds}));
            }
            Fault::BrokenStreams => self.streams["streaming_breaks_after"] = json!(1),
            Fault::NoStreams => self.streams["no_streaming_list"] = json!(true),
        }
    }

    /// For the simulator.
    pub(crate) fn faults(&self) -> Faults {
        let mut faults = json!({
            "operation_seconds": OPERATION_SECONDS,
            "kubernetes_latency_ms": 1,
            "azure": self.azure,
            "kubernetes": self.kubernetes,
            "operations": self.operations,
            "api_servers": self.api_servers,
        });
        for (name, value) in self.streams.as_object().unwrap() {
            faults[name] = value.clone();
        }
        serde_json::from_value(faults).unwrap()
    }
}

/// How an operation ends, as the simulator has it.
pub(crate) fn operation(ended: Ended, after: After, applied_to: Option<usize>) -> Value {
    let mut operation = match ended {
        Ended::Succeeded => json!({"status": "Succeeded"}),
        Ended::Failed => json!({"status": "Failed", "code": "InternalOperationError"}),
        Ended::Canceled => json!({"status": "Canceled", "code": "OperationPreempted"}),
    };
    if ended != Ended::Succeeded {
        operation["after"] = json!(match after {
            After::Nothing => "nothing",
            After::Encryption => "encryption",
            After::ControlPlane => "control-plane",
        });
    }
    if let Some(server) = applied_to {
        operation["applied_to"] = json!([server]);
    }
    operation
}

fn answer(
    method: Method,
    path: &str,
    status: u16,
    after: usize,
    times: usize,
    takes_effect: bool,
) -> Value {
    let mut answer = json!({
        "path": path,
        "status": status,
        "after": after,
        "times": times,
        "takes_effect": takes_effect,
    });
    match method {
        Method::Any => {}
        Method::Get => answer["method"] = json!("GET"),
        Method::Put => answer["method"] = json!("PUT"),
        Method::Patch => answer["method"] = json!("PATCH"),
        Method::Post => answer["method"] = json!("POST"),
    }
    answer
}
