//! The manifests of `examples/kubernetes` on a real kube-apiserver: it accepts them, the pods that they make are
//! let into a namespace that enforces `restricted`, and the rights of their service account are enough.

use aks_kms::{EnableOptions, ErrorKind, KubernetesAccess, RotateOptions, RuleId, kube};
use reqwest::{Method, StatusCode};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use crate::common::{
    self,
    kubectl::Kubectl,
    world::{World, is_all_proven},
};

const ACCOUNT: &str = "/api/v1/namespaces/aks-kms/serviceaccounts/aks-kms";
const PODS: &str = "/api/v1/namespaces/aks-kms/pods?dryRun=All";

fn manifest(name: &str) -> String {
    let path = format!("{}/../examples/kubernetes/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Where objects of a kind are made.
fn collection(document: &str) -> &'static str {
    let kind = document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
    match kind {
        "Namespace" => "/api/v1/namespaces",
        "ServiceAccount" => "/api/v1/namespaces/aks-kms/serviceaccounts",
        "ClusterRole" => "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "ClusterRoleBinding" => "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "Role" => "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles",
        "RoleBinding" => "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings",
        "Job" => "/apis/batch/v1/namespaces/aks-kms/jobs?dryRun=All",
        "CronJob" => "/apis/batch/v1/namespaces/aks-kms/cronjobs?dryRun=All",
        other => panic!("no collection of {other} is known here"),
    }
}

/// `kubectl create --filename`, strictly: a field that the API server does not know is refused.
async fn create(kubectl: &Kubectl, name: &str) -> Value {
    let mut last = Value::Null;
    for document in manifest(name).split("\n---\n") {
        let path = collection(document);
        let path =
            format!("{path}{}fieldValidation=Strict", if path.contains('?') { "&" } else { "?" });
        let (status, answer) = kubectl.create_from_yaml(&path, document).await;
        assert_eq!(status, StatusCode::CREATED, "{name}: {answer}");
        last = answer;
    }
    last
}

/// Whether a pod is let in.
async fn pod(kubectl: &Kubectl, spec: &Value) -> (StatusCode, Value) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "aks-kms", "namespace": "aks-kms"},
        "spec": spec,
    });
    kubectl.ask(Method::POST, PODS, Some(&pod)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_are_accepted_and_their_rights_are_enough() {
    let Some(world) = World::real(1, json!({})).await else { return };
    let kubectl = world.kubectl();
    create(&kubectl, "rbac.yaml").await;
    let job = create(&kubectl, "job.yaml").await;
    let cron_job = create(&kubectl, "cronjob.yaml").await;
    let fleet = create(&kubectl, "fleet-cronjob.yaml").await;
    for template in [
        &job["spec"]["template"],
        &cron_job["spec"]["jobTemplate"]["spec"]["template"],
        &fleet["spec"]["jobTemplate"]["spec"]["template"],
    ] {
        let (status, answer) = pod(&kubectl, &template["spec"]).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
    let mut looser = job["spec"]["template"]["spec"].clone();
    looser["containers"][0]["securityContext"]["capabilities"] = Value::Null;
    let (status, answer) = pod(&kubectl, &looser).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the namespace does not enforce: {answer}");

    let manager = common::builder(&world.case)
        .kubernetes(KubernetesAccess::Config(Box::new(access(&world, &kubectl).await)))
        .timing(world.timing())
        .build()
        .unwrap();
    let enabled = manager.enable(world.key(1), EnableOptions::default()).await.unwrap();
    assert!(is_all_proven(&enabled), "{enabled:#?}");
    let rotated = manager.rotate(world.key(2), RotateOptions::default()).await.unwrap();
    assert!(is_all_proven(&rotated), "{rotated:#?}");
    world.all_under(2).await;

    // and the service account has its rights from there alone
    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/aks-kms";
    let (status, _) = kubectl.ask(Method::DELETE, binding, None).await.unwrap();
    assert!(status.is_success());
    let error = manager.rotate(world.key(3), RotateOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&RuleId::KubernetesPermissionMissing), "{rules:?}");
}

/// With a token of the service account, as its pods have one.
async fn access(world: &World, kubectl: &Kubectl) -> kube::Config {
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"audiences": [], "expirationSeconds": 3600},
    });
    let (status, answer) =
        kubectl.ask(Method::POST, &format!("{ACCOUNT}/token"), Some(&request)).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let endpoint = world.simulator.kubernetes(&world.case.id).unwrap().endpoint();
    let mut config = kube::Config::new(endpoint.server.parse().unwrap());
    let authorities = CertificateDer::pem_slice_iter(endpoint.ca_pem.as_bytes());
    config.root_cert = Some(authorities.map(|authority| authority.unwrap().to_vec()).collect());
    config.auth_info.token = Some(answer["status"]["token"].as_str().unwrap().to_owned().into());
    config
}
