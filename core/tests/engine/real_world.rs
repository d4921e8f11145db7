//! A cluster of real API servers for the tests of re-encryption.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aks_kms::{
    Error, KmsManager, KubernetesAccess, OnProgress, OperationReport, Phase, ReencryptReport,
    ReencryptSecretsOptions, Timing,
};
use aks_kms_simulator::{
    BackendFactory, Case, Options, Simulator,
    backend::{EncryptionConfig, GroundTruth, KeyRef, KmsVersion, KubernetesBackend},
    real::{Binaries, RealCluster, StoredSecret},
};
use futures::future::FutureExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common;

/// Without what secrets hold.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                        application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) case: Case,
    pub(crate) real: Arc<RealCluster>,
}

impl World {
    /// `None`: there is no kube-apiserver on this machine.
    pub(crate) async fn new(given: Value) -> Option<Self> {
        if !Binaries::available() {
            return None;
        }
        Some(Self::start(given, false).await)
    }

    /// In the middle of an upgrade: of two API servers the second one still has the version before.
    /// `None`: there are no two versions on this machine.
    pub(crate) async fn in_upgrade(given: Value) -> Option<Self> {
        if !Binaries::available_with_before() {
            return None;
        }
        Some(Self::start(given, true).await)
    }

    async fn start(mut given: Value, in_upgrade: bool) -> Self {
        given["cluster"]["backend"] = json!("real");
        let made: Arc<Mutex<Option<Arc<RealCluster>>>> = Arc::default();
        let keep = Arc::clone(&made);
        let factory: BackendFactory = Arc::new(move |spec| {
            let keep = Arc::clone(&keep);
            async move {
                let cluster = if in_upgrade {
                    RealCluster::start_in_upgrade(spec).await?
                } else {
                    RealCluster::start(spec).await?
                };
                let cluster = Arc::new(cluster);
                *keep.lock().unwrap() = Some(Arc::clone(&cluster));
                let backend: Arc<dyn KubernetesBackend> = cluster;
                Ok(backend)
            }
            .boxed()
        });
        let simulator = Simulator::start_with(Options::default(), factory).await.unwrap();
        let case = simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap();
        let real = made.lock().unwrap().take().unwrap();
        Self { simulator, case, real }
    }

    pub(crate) fn manager(&self) -> KmsManager {
        // On a machine of its own there are no writes under way that take a minute to land.
        let timing = Timing {
            watermark: Duration::from_secs(1),
            weak_convergence: Duration::from_millis(200),
            convergence_limit: Duration::from_secs(30),
            backoff_first: Duration::from_millis(100),
            backoff_longest: Duration::from_secs(1),
            ..Timing::default()
        };
        common::builder(&self.case)
            .kubernetes(KubernetesAccess::ClusterUser)
            .timing(timing)
            .build()
            .unwrap()
    }

    pub(crate) async fn run(
        &self,
        options: ReencryptSecretsOptions,
    ) -> Result<OperationReport, Error> {
        self.manager().reencrypt_secrets(options).await
    }

    pub(crate) async fn pass(&self, options: ReencryptSecretsOptions) -> ReencryptReport {
        only(&self.run(options).await.unwrap())
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap().of_others()
    }

    pub(crate) async fn stored(&self) -> Vec<StoredSecret> {
        self.real.secrets().await.unwrap()
    }

    /// The metadata of a secret, after a merge patch if there is one, by a cluster admin.
    pub(crate) async fn secret(&self, namespace: &str, name: &str, change: Option<Value>) -> Value {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let method = if change.is_some() { Method::PATCH } else { Method::GET };
        self.ask(&self.real.endpoint().server, method, &path, change.as_ref()).await.1
    }

    /// What an API server answers to a cluster admin: its status, and the metadata of an object.
    pub(crate) async fn ask(
        &self,
        server: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let endpoint = self.real.endpoint();
        let authority = reqwest::Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap();
        let client =
            reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let merges = method == Method::PATCH;
        let mut request = client
            .request(method, format!("{server}{path}"))
            .bearer_auth(endpoint.admin_token)
            .header("accept", METADATA);
        if let Some(body) = body {
            let content_type =
                if merges { "application/merge-patch+json" } else { "application/json" };
            request = request.header("content-type", content_type).body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// Changes the key as Azure does, and says so in the cluster's document.
    pub(crate) async fn set_key(&self, current: Option<usize>, previous: Option<usize>) {
        let key = |index: Option<usize>| {
            index.map(|index| KeyRef {
                key_id: self.case.key_ids[index].clone(),
                kms_version: KmsVersion::V2,
            })
        };
        let config = EncryptionConfig {
            current: key(current),
            previous: key(previous),
            ..EncryptionConfig::default()
        };
        self.real.apply(config, None).await.unwrap();
        let kms = match current {
            Some(index) => json!({"enabled": true, "keyId": self.case.key_ids[index]}),
            None => json!({"enabled": false}),
        };
        let change = json!({"properties": {"securityProfile": {"azureKeyVaultKms": kms}}});
        self.simulator.patch_cluster(&self.case.id, &change).unwrap();
    }
}

pub(crate) fn only(report: &OperationReport) -> ReencryptReport {
    let [pass] = report.reencryption.as_slice() else { panic!("{report:#?}") };
    pass.clone()
}

pub(crate) fn give_up(names: &[&str]) -> ReencryptSecretsOptions {
    let give_up_secrets = names.iter().map(|&name| name.to_owned()).collect();
    ReencryptSecretsOptions { give_up_secrets, ..ReencryptSecretsOptions::default() }
}

/// Options with which `act` is called once when rewriting begins.
pub(crate) fn when_rewriting(act: impl Fn() + Send + Sync + 'static) -> ReencryptSecretsOptions {
    let acted = AtomicBool::new(false);
    let on_progress: OnProgress = Arc::new(move |now| {
        if now.phase == Phase::Reencrypt && !acted.swap(true, Ordering::Relaxed) {
            act();
        }
    });
    ReencryptSecretsOptions { on_progress: Some(on_progress), ..ReencryptSecretsOptions::default() }
}
