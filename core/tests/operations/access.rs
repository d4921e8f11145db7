//! Which API server is spoken to.

use aks_kms::{EnableOptions, ErrorKind, KubernetesAccess, ResumeOptions, RuleId};
use aks_kms_simulator::{Case, Given, Simulator};
use serde_json::json;

use crate::common::{self, world::is_all_proven};

/// A kubeconfig file as an administrator has it.
fn kubeconfig(simulator: &Simulator, case: &Case) -> tempfile::NamedTempFile {
    let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
    let file = tempfile::NamedTempFile::new().unwrap();

    let ca_file = file.path().with_extension("ca");
    std::fs::write(&ca_file, &endpoint.ca_pem).unwrap();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": endpoint.server, "certificate-authority": ca_file}}],
        "users": [{"name": "it", "user": {"token": endpoint.admin_token}}],
    });
    std::fs::write(file.path(), config.to_string()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_of_another_cluster_is_refused_before_any_write() {
    let simulator = common::simulator().await;
    let ours = simulator.put_case(Given::default()).await.unwrap();
    let other = simulator.put_case(Given::default()).await.unwrap();
    let file = kubeconfig(&simulator, &other);
    let access = KubernetesAccess::Kubeconfig { path: file.path().to_owned(), context: None };
    let manager = common::builder(&ours).kubernetes(access).build().unwrap();

    let error = manager.enable(&ours.key_ids[0], EnableOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed);
    let refused: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert_eq!(refused, [RuleId::KubernetesClusterMismatch]);
    assert_eq!(simulator.writes(&ours.id).unwrap(), []);
    assert_eq!(simulator.writes(&other.id).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_of_this_cluster_is_enough() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(Given::default()).await.unwrap();
    let file = kubeconfig(&simulator, &case);
    let access = KubernetesAccess::Kubeconfig {
        path: file.path().to_owned(),
        context: Some("it".to_owned()),
    };
    let manager = common::builder(&case).kubernetes(access).build().unwrap();

    let report = manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap();
    assert!(is_all_proven(&report));
    let shown = format!("{manager:?} {report:?}");
    let token = simulator.kubernetes(&case.id).unwrap().endpoint().admin_token;
    assert!(!shown.contains(&token) && !shown.contains(&case.client_secret));
}

/// A right to write in Azure is missed when it is used. What stays recorded then is said, and the way out
/// that is named works.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_azure_says_that_the_operation_is_recorded() {
    let simulator = common::simulator().await;
    let faults = json!([{"method": "PUT", "path": "/managedClusters/", "status": 403, "times": 1}]);
    let given = serde_json::from_value(json!({"faults": {"azure": faults}})).unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let manager = common::manager(&case);
    let error = manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error:?}");
    let left = "enable is recorded as unfinished: resume goes on with it, abandon drops it";
    assert!(error.to_string().contains(left), "{error}");
    let report = manager.resume(ResumeOptions::default()).await.unwrap();
    assert!(is_all_proven(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_before_anything_is_recorded_says_nothing_of_a_record() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(Given::default()).await.unwrap();
    let manager = common::manager(&case);
    let (start, end) = case.key_ids[0].split_at(case.key_ids[0].len() - 1);
    let missing = format!("{start}{}", if end == "0" { "1" } else { "0" });
    let error = manager.enable(&missing, EnableOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error:?}");
    assert!(!error.to_string().contains("unfinished"), "{error}");
}
