//! No value of a secret is on the wire between client and API server, or in the client's memory.
//!
//! The secrets of a real API server are planted with needles: in their data, and, as
//! `kubectl apply` leaves it, in the last-applied annotation. The library runs in a process of its
//! own, behind a proxy that records both directions; this process plants, records, and looks into
//! the other's memory while it works.
//!
//! One Secret is the library's own, and its value is asked for: the key of the record's seal. It is
//! in no report and no log either.

mod memory;
mod proxy;

use std::{process::Stdio, time::Duration};

use aks_kms::{EnableOptions, KubernetesAccess, ReencryptSecretsOptions};
use aks_kms_simulator::{Case, Given, Options, Simulator, real::Binaries};
use base64::{Engine, engine::general_purpose::STANDARD};
use memchr::memmem;
use serde_json::json;
use tokio::{io::AsyncReadExt, process::Command};

use self::{memory::found_in_process, proxy::RecordingProxy};

use crate::common;

/// Tells the child its case.
const CASE: &str = "AKS_KMS_VALUES_CASE";
const KUBECONFIG: &str = "AKS_KMS_VALUES_KUBECONFIG";
/// Something that the child does hold, to show that its memory is really read.
const MARKER: &str = "AKS_KMS_VALUES_MARKER";
const PLANTED: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn no_value_leaves_the_api_server_with_streaming_lists() {
    check(json!({}), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_leaves_the_api_server_without_streaming_lists() {
    check(json!({"no_streaming_list": true}), false).await;
}

/// The library at work.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the tests above run it in another process"]
async fn child() {
    let case = std::env::var(CASE).unwrap();
    // backwards, so that it is on the heap and not only in the environment
    let marker: String = std::env::var(MARKER).unwrap().chars().rev().collect();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .init();
    let case: Case = serde_json::from_str(&case).unwrap();
    let access = KubernetesAccess::Kubeconfig {
        path: std::env::var(KUBECONFIG).unwrap().into(),
        context: None,
    };
    let manager =
        common::builder(&case).kubernetes(access).timing(common::real_timing()).build().unwrap();
    let enabled = manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap();
    let again = manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap();
    // time for a last look into this memory
    tokio::time::sleep(Duration::from_millis(500)).await;
    let documents =
        [serde_json::to_string(&enabled).unwrap(), serde_json::to_string(&again).unwrap()];
    let marker = std::hint::black_box(marker);
    println!("{}\n{enabled:?}\n{manager:?}\n{}", documents.join("\n"), marker.len());
}

async fn check(faults: serde_json::Value, streaming: bool) {
    // before, there are no streaming lists as tables
    if !Binaries::available_since(if streaming { 34 } else { 0 }) {
        return;
    }
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given: Given = serde_json::from_value(json!({
        "cluster": {"backend": "real", "api_servers": 1},
        "secrets": {"namespaces": 3, "each": 10},
        "faults": faults,
    }))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
    let proxy = RecordingProxy::start(&endpoint.server, &endpoint.ca_pem).await;

    // a multiple of three bytes, so that its base64 is the same whatever follows
    let needle = format!("needle-{}-in", uuid::Uuid::new_v4().simple());
    assert_eq!(needle.len() % 3, 0);
    let encoded = STANDARD.encode(&needle);
    plant(&endpoint.server, &endpoint.ca_pem, &endpoint.admin_token, &needle).await;
    assert_eq!(simulator.secrets(&case.id).await.unwrap().plaintext, 30 + PLANTED);

    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(folder.path().join("ca"), proxy.ca_pem()).unwrap();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": proxy.server(), "certificate-authority": "ca"}}],
        "users": [{"name": "it", "user": {"token": endpoint.admin_token}}],
    });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let marker = format!("marker-{}", uuid::Uuid::new_v4());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["values::child", "--exact", "--nocapture", "--ignored"])
        .env(CASE, serde_json::to_string(&case).unwrap())
        .env(KUBECONFIG, &kubeconfig)
        .env(MARKER, marker.chars().rev().collect::<String>())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut said, mut logged) = (Vec::new(), Vec::new());
    let id = child.id().unwrap();
    let patterns = [needle.as_str(), encoded.as_str(), marker.as_str()];
    let scans = async {
        let mut markers = 0;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return (status, markers);
            }
            let found = tokio::task::block_in_place(|| found_in_process(id, &patterns));
            assert!(!found[0] && !found[1], "a value is in the client's memory: {found:?}");
            markers += u32::from(found[2]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ((status, markers), _, _) =
        tokio::join!(scans, stdout.read_to_end(&mut said), stderr.read_to_end(&mut logged));
    let output = String::from_utf8_lossy(&said);
    assert!(status.success(), "{output}\n{}", String::from_utf8_lossy(&logged));
    assert!(markers > 10, "the child's memory was read {markers} times");
    assert_eq!(output.matches("\"complete\":true").count(), 3, "{output}");
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((truth.plaintext, truth.by_key[&case.key_ids[0]]), (0, 30 + PLANTED + 1));

    assert!(proxy.heard("PATCH /api/v1/namespaces/"), "it was recorded");
    assert!(!proxy.heard("content-encoding"), "nothing is hidden by compression");
    assert_eq!(proxy.heard("\"k8s.io/initial-events-end\""), streaming, "how secrets were listed");
    for pattern in &patterns[..2] {
        assert!(!proxy.heard(pattern), "a value is on the wire");
    }
    let secret = [
        needle.as_str(),
        encoded.as_str(),
        endpoint.admin_token.as_str(),
        case.client_secret.as_str(),
    ];
    for (place, bytes) in [("report", &said), ("log", &logged)] {
        let leaked = secret.iter().position(|text| memmem::find(bytes, text.as_bytes()).is_some());
        assert_eq!(leaked, None, "a value or token is in the {place}");
    }
    // The same recording does find a value when one passes.
    let path = format!("{}/api/v1/namespaces/team-1/secrets/planted-0", proxy.server());
    let client = client(proxy.ca_pem());
    client
        .get(path)
        .bearer_auth(&endpoint.admin_token)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert!(proxy.heard(&encoded));
}

fn client(ca_pem: &str) -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap()
}

/// Makes secrets that hold the needle as a value, and in the annotation of `kubectl apply`.
async fn plant(server: &str, ca_pem: &str, token: &str, needle: &str) {
    let client = client(ca_pem);
    for number in 0..PLANTED {
        let value = STANDARD.encode(format!("{needle}{number}"));
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": format!("planted-{number}"), "annotations": {}},
            "data": {"value": value},
            "stringData": {"text": format!("{needle}{number}")},
        });
        let applied = secret.to_string();
        secret["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            json!(applied);
        let answer = client
            .post(format!("{server}/api/v1/namespaces/team-1/secrets"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(secret.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
    }
}
