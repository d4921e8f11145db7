//! The policy of `examples/kubernetes` on a real kube-apiserver: it is accepted, it keeps others from
//! writing the record, and it does not keep us.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::{kubectl::Kubectl, world::World};

const ACCOUNT: &str = "system:serviceaccount:aks-kms:aks-kms";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const CORE: &str = "/api/v1/namespaces/kube-system";

#[tokio::test(flavor = "multi_thread")]
async fn only_the_account_that_the_policy_names_writes_the_record() {
    let Some(world) = World::real(1, json!({})).await else { return };
    let kubectl = world.kubectl();
    apply(&kubectl).await;
    wait_until_it_holds(&kubectl).await;

    world.enable(1).await.unwrap();
    world.all_under(1).await;

    let label = json!({"metadata": {"labels": {"somebody": "else"}}});
    for path in [
        format!("{CORE}/configmaps/aks-kms"),
        format!("{CORE}/secrets/aks-kms-seal"),
        format!("{LEASES}/aks-kms"),
    ] {
        let (status, answer) = kubectl.ask(Method::PATCH, &path, Some(&label)).await.unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("aks-kms-record"), "{answer}");
    }
    // what is not ours is everybody's
    assert!(kubectl.create("kube-system", "another", "x").await);
    assert!(kubectl.update("kube-system", "another", "y").await);
    assert!(kubectl.delete("kube-system", "another").await);

    world.rotate(2).await.unwrap();
    world.all_under(2).await;
    // and the way out is open
    assert!(kubectl.delete("kube-system", "aks-kms-seal").await);
    kubectl.forget_record().await;
    assert_eq!(kubectl.record().await, None);
}

async fn apply(kubectl: &Kubectl) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kubernetes/record-policy.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(ACCOUNT));
    let text = text.replace(ACCOUNT, "cluster-user");
    let (policy, binding) = text.split_once("\n---\n").unwrap();
    for (kind, document) in
        [("validatingadmissionpolicies", policy), ("validatingadmissionpolicybindings", binding)]
    {
        let path = format!("/apis/admissionregistration.k8s.io/v1/{kind}");
        let (status, answer) = kubectl.create_from_yaml(&path, document).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
    }
}

/// A policy is in force some time after it is made.
async fn wait_until_it_holds(kubectl: &Kubectl) {
    let map: Value =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aks-kms"}});
    let path = format!("{CORE}/configmaps");
    for _ in 0..100 {
        let (status, answer) = kubectl.ask(Method::POST, &path, Some(&map)).await.unwrap();
        if status == StatusCode::FORBIDDEN {
            return;
        }
        assert!(status.is_success() || status == StatusCode::CONFLICT, "{answer}");
        kubectl.forget_record().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the policy never holds");
}
