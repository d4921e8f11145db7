//! What an admission webhook of a real kube-apiserver can make the library do.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::common::{self, az::Kubectl};
use aks_kms::{EnableOptions, RunOptions, Timing};
use aks_kms_simulator::{Case, Given, Options, Simulator, real::Binaries, tls::Authority};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Verdict = dyn Fn(&Value) -> Value + Send + Sync;

/// A webhook that says what `verdict` makes of the request.
async fn webhook(kubectl: &Kubectl, verdict: Arc<Verdict>) {
    let authority = Authority::new().unwrap();
    let acceptor = TlsAcceptor::from(authority.server_config(&["127.0.0.1"]).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, verdict) = (acceptor.clone(), verdict.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let serve = service_fn(move |request: http::Request<Incoming>| {
                    let verdict = verdict.clone();
                    async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let review: Value = serde_json::from_slice(&body).unwrap();
                        let mut response = verdict(&review["request"]);
                        response["uid"] = review["request"]["uid"].clone();
                        let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
                        Ok::<_, Infallible>(
                            Response::builder()
                                .header("content-type", "application/json")
                                .body(Full::new(Bytes::from(answer.to_string())))
                                .unwrap(),
                        )
                    }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
            });
        }
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "sec"},
        "webhooks": [{
            "name": "sec.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(authority.ca_pem())},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["secrets"], "scope": "Namespaced"}],
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let (status, answer) = kubectl.ask(Method::POST, path, Some(&configuration)).await.unwrap();
    assert!(status.is_success(), "{answer}");
    tokio::time::sleep(Duration::from_secs(4)).await;
}

async fn world(faults: Value) -> (Simulator, Case, Kubectl) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given: Given = serde_json::from_value(json!({
        "cluster": {"backend": "real", "api_servers": 1},
        "secrets": {"namespaces": 2, "each": 5},
        "faults": faults,
    }))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let kubectl = Kubectl::new(&simulator, &case);
    (simulator, case, kubectl)
}

fn denies(name: &'static str, status: Value) -> Arc<Verdict> {
    Arc::new(move |request| {
        if request["name"] == name {
            json!({"allowed": false, "status": status})
        } else {
            json!({"allowed": true})
        }
    })
}

async fn enable(case: &Case, seconds: u64) -> (String, Value) {
    let timing = Timing {
        fence: Duration::from_secs(1),
        convergence_limit: Duration::from_secs(30),
        ..Timing::default()
    };
    let manager = common::builder(case).timing(timing).build().unwrap();
    let run = RunOptions { timeout: Duration::from_secs(seconds), ..RunOptions::default() };
    match manager.enable(&case.key_ids[0], EnableOptions { run, ..EnableOptions::default() }).await
    {
        Ok(report) => ("ok".to_owned(), serde_json::to_value(report).unwrap()),
        Err(error) => {
            (format!("{}: {error}", error.code()), serde_json::to_value(error.report()).unwrap())
        }
    }
}

fn passes(report: &Value) -> Vec<String> {
    report["reencryption"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pass| {
            format!(
                "{} complete={} counts={} blocked={}",
                pass["purpose"], pass["complete"], pass["counts"], pass["blocked"]
            )
        })
        .collect()
}

/// The two secrets that are denied are blocked as such, and all others were answered for: eight, and
/// the seal.
fn only_the_denied_is_blocked(report: &Value, what: &str) {
    let pass = &report["reencryption"][0];
    let blocked = pass["blocked"].as_array().unwrap();
    assert_eq!(blocked.len(), 2, "{what}: {pass}");
    for secret in blocked {
        assert_eq!(
            (secret["name"].as_str(), secret["reason"].as_str()),
            (Some("secret-3"), Some("denied")),
            "{what}"
        );
        let message = secret["message"].as_str().unwrap();
        assert!(
            message
                .starts_with("admission webhook \"sec.example.com\" denied the request with code"),
            "{what}: {message}"
        );
    }
    assert_eq!(
        (&pass["counts"]["current"], &pass["counts"]["failed"]),
        (&json!(9), &json!(0)),
        "{what}"
    );
}

/// A denial with code 404 reads as "deleted meanwhile".
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_says_404() {
    if !Binaries::available() {
        println!("RESULT left out");
        return;
    }
    for streaming in [true, false] {
        let (simulator, case, kubectl) = world(json!({"no_streaming_list": !streaming})).await;
        let status = json!({"code": 404, "reason": "NotFound", "message": "not here"});
        webhook(&kubectl, denies("secret-3", status)).await;
        let (said, report) = enable(&case, 120).await;
        println!("RESULT streaming={streaming}: {said}");
        for pass in passes(&report) {
            println!("RESULT   {pass}");
        }
        let truth = simulator.secrets(&case.id).await.unwrap();
        println!("RESULT   etcd: {truth:?}");
        if said == "ok" {
            assert_eq!(truth.plaintext, 0, "complete, and plaintext is left");
        }
        only_the_denied_is_blocked(&report, "404");
    }
}

/// Other codes.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_says_something_else() {
    if !Binaries::available() {
        println!("RESULT left out");
        return;
    }
    for (name, status) in [
        ("401", json!({"code": 401, "message": "no"})),
        ("410", json!({"code": 410, "message": "no"})),
        ("418", json!({"code": 418, "message": "no"})),
        (
            "429",
            json!({"code": 429, "message": "no", "details": {"retryAfterSeconds": 2_147_483_647}}),
        ),
        ("503", json!({"code": 503, "message": "no", "details": {"retryAfterSeconds": 3600}})),
        ("507", json!({"code": 507, "message": "no"})),
        (
            "404 its own",
            json!({"code": 404, "reason": "NotFound", "message": "secrets \"secret-3\" not found", "details": {"kind": "secrets", "name": "secret-3"}}),
        ),
        ("500 space", json!({"code": 500, "message": "database space exceeded"})),
        ("500 prefix", json!({"code": 500, "message": "no matching prefix found"})),
    ] {
        let (simulator, case, kubectl) = world(json!({})).await;
        webhook(&kubectl, denies("secret-3", status)).await;
        let began = Instant::now();
        let (said, report) = enable(&case, 40).await;
        println!("RESULT {name}: after {:?}: {said}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(30), "{name} holds everybody");
        only_the_denied_is_blocked(&report, name);
        for pass in passes(&report) {
            println!("RESULT   {pass}");
        }
        let truth = simulator.secrets(&case.id).await.unwrap();
        println!("RESULT   etcd: {truth:?}");
    }
}

/// A webhook that repeats the object in its message, with control characters.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_repeats_the_value() {
    if !Binaries::available() {
        println!("RESULT left out");
        return;
    }
    let (_simulator, case, kubectl) = world(json!({})).await;
    assert!(kubectl.create("team-1", "planted", "hunter2-needle").await);
    let verdict: Arc<Verdict> = Arc::new(|request| {
        if request["name"] == "planted" {
            let value = request["object"]["data"]["value"].as_str().unwrap_or_default();
            let plain =
                String::from_utf8(STANDARD.decode(value).unwrap_or_default()).unwrap_or_default();
            json!({"allowed": false, "status": {"code": 400, "message": format!("weak password {plain} ({value})\u{1b}[2J\n\rfake line")}})
        } else {
            json!({"allowed": true})
        }
    });
    webhook(&kubectl, verdict).await;
    let (said, report) = enable(&case, 60).await;
    let text = report.to_string();
    println!("RESULT error: {said:?}");
    println!(
        "RESULT in the error: {}; in the report: plain {} base64 {}",
        said.contains("hunter2-needle"),
        text.contains("hunter2-needle"),
        text.contains(&STANDARD.encode("hunter2-needle"))
    );
    println!(
        "RESULT escape in error: {}, raw newline in error: {}",
        said.contains('\u{1b}'),
        said.contains('\n')
    );
    for pass in passes(&report) {
        println!("RESULT   {pass}");
    }
    println!("RESULT findings: {}", report["findings"]);
}

/// A webhook that allows, with many warnings: each is a header of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_warnings() {
    if !Binaries::available() {
        println!("RESULT left out");
        return;
    }
    for count in [60, 120] {
        let (simulator, case, kubectl) = world(json!({})).await;
        let verdict: Arc<Verdict> = Arc::new(move |request| {
            if request["name"] == "secret-3" {
                json!({"allowed": true, "warnings": (0..count).map(|it| format!("w{it}")).collect::<Vec<_>>()})
            } else {
                json!({"allowed": true})
            }
        });
        webhook(&kubectl, verdict).await;
        let (said, report) = enable(&case, 60).await;
        println!("RESULT {count} warnings: {said}");
        assert_eq!(said, "ok");
        for pass in passes(&report) {
            println!("RESULT   {pass}");
        }
        println!("RESULT   etcd: {:?}", simulator.secrets(&case.id).await.unwrap());
    }
}
