//! The verbs, each in a world where it has all of its work to do.

use std::{sync::Arc, time::Duration};

use aks_kms::{
    ChangeNetworkModeOptions, KmsManager, KubernetesAccess, MigrateToV2Options, NetworkMode,
    Result, RotateOptions, RuleId, StatusOptions, Timing, azure_core::http::Transport, kube,
};
use aks_kms_simulator::{Case, Simulator, backend::GroundTruth};
use serde_json::{Value, json};

use super::{
    common::{self, SCALE},
    nonsense::Nonsense,
    proxy::{Endpoint, Proxy},
};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Status,
    Rotate,
    ChangeNetworkMode,
    MigrateToV2,
}

impl Verb {
    pub(crate) const ALL: [Self; 4] =
        [Self::Rotate, Self::ChangeNetworkMode, Self::MigrateToV2, Self::Status];

    /// The time limit of a call that is given this one.
    pub(crate) fn limit(self, given: Duration) -> Duration {
        match self {
            // a verb that only reads has one of its own
            Self::Status => Duration::from_secs(120),
            // what is theirs alone comes late
            Self::ChangeNetworkMode | Self::MigrateToV2 => 3 * given,
            Self::Rotate => given,
        }
    }

    fn given(self) -> Value {
        let cluster = match self {
            Self::Status | Self::Rotate => json!({"kms": {"key": "{{key.1}}"}}),
            Self::ChangeNetworkMode => {
                json!({"kms": {"key": "{{key.1}}"}, "vnet_integration": true})
            }
            Self::MigrateToV2 => {
                json!({"kms": {"key": "{{key.1}}"}, "kubernetes_version": "1.26.6"})
            }
        };
        json!({"cluster": cluster, "secrets": {"namespaces": 1, "each": 3}})
    }
}

/// A cluster behind a proxy.
pub(crate) struct World {
    verb: Verb,
    simulator: Simulator,
    case: Case,
    pub(crate) proxy: Proxy,
    manager: KmsManager,
}

impl World {
    pub(crate) async fn new(verb: Verb, disturbed: Option<(Endpoint, Nonsense)>) -> Self {
        let simulator = common::simulator().await;
        let given = serde_json::from_value(verb.given()).unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
        let proxy = Proxy::start(&case, &endpoint.ca_pem, disturbed).await;
        let manager = common::builder(&case)
            .transport(transport(&proxy))
            .kubernetes(kubernetes(&endpoint.server, &endpoint.admin_token, &proxy))
            .timing(Timing::scaled(SCALE))
            .build()
            .unwrap();
        Self { verb, simulator, case, proxy, manager }
    }

    pub(crate) async fn call(&self, limit: Duration) -> Result<()> {
        let manager = &self.manager;
        match self.verb {
            Verb::Status => manager.status(StatusOptions::default()).await.map(drop),
            Verb::Rotate => {
                let options = RotateOptions { timeout: limit, ..RotateOptions::default() };
                manager.rotate(None, options).await.map(drop)
            }
            Verb::ChangeNetworkMode => {
                let options = ChangeNetworkModeOptions {
                    timeout: limit,
                    ..ChangeNetworkModeOptions::default()
                };
                manager.change_network_mode(NetworkMode::Private, options).await.map(drop)
            }
            Verb::MigrateToV2 => {
                let options = MigrateToV2Options {
                    timeout: limit,
                    allow: vec![RuleId::KeyInUseUnproven],
                    ..MigrateToV2Options::default()
                };
                manager.migrate_to_v2(options).await.map(drop)
            }
        }
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap()
    }
}

/// As the library's own, but by way of the proxy.
fn transport(proxy: &Proxy) -> Transport {
    let authority = reqwest::Certificate::from_pem(proxy.ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([authority])
        .proxy(reqwest::Proxy::https(&proxy.address).unwrap())
        .redirect(reqwest::redirect::Policy::none())
        .build();
    Transport::new(Arc::new(client.unwrap()))
}

fn kubernetes(server: &str, token: &str, proxy: &Proxy) -> KubernetesAccess {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut config = kube::Config::new(server.parse().unwrap());
    let roots = CertificateDer::pem_slice_iter(proxy.ca_pem.as_bytes());
    config.root_cert = Some(roots.map(|root| root.unwrap().to_vec()).collect());
    config.auth_info.token = Some(token.to_owned().into());
    config.proxy_url = Some(proxy.address.parse().unwrap());
    KubernetesAccess::Config(Box::new(config))
}
