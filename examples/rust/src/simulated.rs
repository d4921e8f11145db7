//! What the simulated clusters of the examples start from.

use std::time::Duration;

use aks_kms::Timing;
use aks_kms_simulator::{
    Given,
    given::{Backend, Cluster, Kms, NetworkMode, Secrets},
};
use serde_json::json;

/// A cluster in the simulator's model, or on a real kube-apiserver with etcd.
#[must_use]
pub fn cluster(real: bool) -> Cluster {
    Cluster {
        backend: if real { Backend::Real } else { Backend::Embedded },
        api_servers: if real { 1 } else { 2 },
        ..Cluster::default()
    }
}

/// KMS is on with the first version of the key, in public mode.
#[must_use]
pub fn kms() -> Kms {
    Kms {
        in_use: None,
        key: Some("{{key.1}}".to_owned()),
        enabled: true,
        network_mode: NetworkMode::Public,
        previous: None,
    }
}

/// 300 secrets in 12 namespaces.
#[must_use]
pub fn secrets() -> Secrets {
    Secrets { namespaces: 12, each: 25, ..Secrets::default() }
}

/// On Azure, what an API server has begun can land for a minute after it was replaced, and a
/// rotation waits for that; a simulated one is gone with all that it had begun. A new role takes minutes
/// to reach a vault on Azure, and here no time unless the simulator is told otherwise.
#[must_use]
pub fn timing() -> Timing {
    Timing {
        watermark: Duration::from_secs(1),
        role_propagation: Duration::from_secs(1),
        ..Timing::default()
    }
}

/// Two subscriptions besides that of the case: one that the caller may read, and one that it may not.
pub const OTHER_SUBSCRIPTIONS: [&str; 2] =
    ["aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b"];

/// Clusters with and without KMS, in three subscriptions.
///
/// # Errors
/// It is not what a case starts from.
pub fn subscriptions() -> Result<Given, serde_json::Error> {
    let [readable, closed] = OTHER_SUBSCRIPTIONS;
    serde_json::from_value(json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "other_clusters": [
            {"name": "staging", "kms": {"key": "{{key.2}}", "network_mode": "private"}},
            {"name": "test"},
        ],
        "other_subscriptions": [
            {"id": readable, "clusters": [
                {"name": "payments", "kms": {"key": "{{key.1}}"}, "infrastructure_encryption": true},
                {"name": "old", "kubernetes_version": "1.26.3", "kms": {"key": "{{key.1}}"}},
            ]},
            {"id": closed, "readable": false},
        ],
    }))
}
