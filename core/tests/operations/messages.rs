//! What is said where something is in the way that no rule is about: the cause, and what to do.

use aks_kms::{EnableOptions, Error, ErrorKind, KmsManager, KubernetesAccess};
use aks_kms_simulator::{Case, Given};
use serde_json::{Value, json};

use crate::common;

async fn enable(manager: &KmsManager, case: &Case) -> Error {
    manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap_err()
}

fn says(situation: &str, error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{situation}: {error}");
    assert!(!parts.is_empty(), "{situation}");
    for part in parts {
        assert!(error.to_string().contains(part), "{situation}: {part:?} is not in: {error}");
    }
    assert!(!error.to_string().contains(".;"), "{situation}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_azure_or_kubernetes_refuses_is_told_with_its_remedy() {
    let simulator = common::simulator().await;
    let lacks = |action: &str| json!({"access": {"caller_lacks": [action]}});
    let put = |status: u16, code: &str| {
        let fault =
            json!({"method": "PUT", "path": "managedClusters", "status": status, "code": code});
        json!({"faults": {"azure": [fault]}})
    };
    let resume = "enable is recorded as unfinished: resume goes on with it, abandon drops it";
    let cases: [(&str, Value, ErrorKind, &[&str]); 8] = [
        (
            "the vault may not be read",
            lacks("Microsoft.KeyVault/vaults/read"),
            ErrorKind::PreflightFailed,
            &["needed is the permission Microsoft.KeyVault/vaults/read", "Make that readable"],
        ),
        (
            "the cluster may not be read",
            lacks("Microsoft.ContainerService/managedClusters/read"),
            ErrorKind::Forbidden,
            &["needed is the permission Microsoft.ContainerService/managedClusters/read"],
        ),
        (
            "the cluster may not be changed",
            lacks("Microsoft.ContainerService/managedClusters/write"),
            ErrorKind::Forbidden,
            &["needed is the permission Microsoft.ContainerService/managedClusters/write", resume],
        ),
        (
            "Azure gives no Kubernetes credential",
            lacks("Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"),
            ErrorKind::PreflightFailed,
            &["listClusterUserCredential/action", "Grant the permission that is named"],
        ),
        (
            "a lock",
            put(409, "ScopeLocked"),
            ErrorKind::Forbidden,
            &["a lock forbids it", "Microsoft.Authorization/locks/delete", resume],
        ),
        (
            "a policy",
            put(403, "RequestDisallowedByPolicy"),
            ErrorKind::Forbidden,
            &["an Azure Policy forbids it", resume],
        ),
        (
            "a webhook denies a secret",
            json!({"secrets": {"special": [{"name": "team-1/denied", "kind": "denied"}]}}),
            ErrorKind::ReencryptIncomplete,
            &[
                "was not changed: [previous-key-still-needed] secrets are not proven",
                "team-1/denied (ValidatingAdmissionPolicy 'protected-secrets' denied",
                "or name every one of them in give_up_secrets, which can make them unreadable; enable is recorded",
            ],
        ),
        (
            "an operation that fails",
            json!({"faults": {"operations": [{"status": "Failed", "code": "InternalOperationError", "message": "x."}]}}),
            ErrorKind::OperationFailed,
            &["Azure ended the operation as Failed: x;", "KMS was off before: disable rolls back"],
        ),
    ];
    for (situation, given, kind, parts) in cases {
        let given: Given = serde_json::from_value(given).unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let error = enable(&common::manager(&case), &case).await;
        says(situation, &error, kind, parts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_told_with_how_to_find_it() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(Given::default()).await.unwrap();
    for id in [format!("{}x", case.cluster_id), case.cluster_id.replace("/rg-", "/other-")] {
        let manager = common::manager(&Case { cluster_id: id.clone(), ..case.clone() });
        says(
            &id,
            &enable(&manager, &case).await,
            ErrorKind::NotFound,
            &["`az aks list --subscription"],
        );
    }
}

/// What it is, the configuration, the authority that it names, and what is said.
type Situation<'a> = (&'a str, Option<String>, &'a str, ErrorKind, &'a [&'a str]);

/// A Kubernetes configuration, and where it lies.
fn configuration(text: Option<&str>, ca_pem: &str) -> (tempfile::TempDir, KubernetesAccess) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(folder.path().join("ca.pem"), ca_pem).unwrap();
    if let Some(text) = text {
        std::fs::write(&path, text).unwrap();
    }
    (folder, KubernetesAccess::Kubeconfig { path, context: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubernetes_configuration_that_does_not_do_is_told_with_its_remedy() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(Given::default()).await.unwrap();
    let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
    let config = |server: &str, token: &str| {
        let it = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": server, "certificate-authority": "ca.pem"}}],
            "users": [{"name": "it", "user": {"token": token}}],
        });
        it.to_string()
    };
    let token = endpoint.admin_token.as_str();
    let (invalid, refused) = (ErrorKind::InvalidInput, ErrorKind::PreflightFailed);
    let cases: [Situation<'_>; 8] = [
        ("no file", None, &case.ca, invalid, &["cannot be read", "No such file"]),
        ("no YAML", Some("{[".to_owned()), &case.ca, invalid, &["not a valid kubeconfig"]),
        ("no context", Some(String::new()), &case.ca, invalid, &["name the context"]),
        (
            "a token that expired",
            Some(config(&endpoint.server, "expired")),
            &endpoint.ca_pem,
            refused,
            &["does not accept the credential", "Renew the credential"],
        ),
        (
            "nobody there",
            Some(config("https://127.0.0.1:1", token)),
            &endpoint.ca_pem,
            refused,
            &["Connection refused", "Run where it can be"],
        ),
        (
            "no such host",
            Some(config("https://nowhere.invalid", token)),
            &endpoint.ca_pem,
            refused,
            &["dns error", "Run where it can be"],
        ),
        (
            "another authority",
            Some(config(&endpoint.server, token)),
            "",
            refused,
            &["its certificate is not trusted", "certificate-authority"],
        ),
        (
            "somebody else's server",
            Some(config(&case.arm, token)),
            &case.ca,
            refused,
            &["HTTP 401", "Renew the credential"],
        ),
    ];
    for (situation, text, ca_pem, kind, parts) in cases {
        let (_folder, access) = configuration(text.as_deref(), ca_pem);
        let manager = common::builder(&case).kubernetes(access).build().unwrap();
        let error = enable(&manager, &case).await;
        says(situation, &error, kind, parts);
        assert!(!error.to_string().contains(token), "{situation}");
    }
}
