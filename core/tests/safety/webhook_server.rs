//! A validating webhook of a real kube-apiserver.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use aks_kms_simulator::tls::Authority;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::common::{kubectl::Kubectl, until};

type Verdict = Box<dyn Fn(&Value) -> Value + Send>;

/// Its name, which an API server puts in front of its words.
pub(crate) const NAME: &str = "sec.example.com";

/// A webhook that is asked about each update of a Secret.
pub(crate) struct Webhook {
    verdict: Mutex<Verdict>,
    asked: AtomicUsize,
}

impl Webhook {
    /// Starts one that allows everything, and waits until the API server asks it.
    pub(crate) async fn start(kubectl: &Kubectl) -> Arc<Self> {
        let allow: Verdict = Box::new(|_| json!({"allowed": true}));
        let webhook = Arc::new(Self { verdict: Mutex::new(allow), asked: AtomicUsize::new(0) });
        let authority = Authority::new().unwrap();
        let acceptor = TlsAcceptor::from(authority.server_config(&["127.0.0.1"]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = Arc::clone(&webhook);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(acceptor.clone(), stream));
            }
        });
        register(kubectl, port, authority.ca_pem()).await;
        let path = "/api/v1/namespaces/team-1/secrets/secret-1?dryRun=All";
        until("the API server asks the webhook", async || {
            let (status, response) =
                kubectl.ask(Method::PATCH, path, Some(&json!({}))).await.unwrap();
            assert!(status.is_success(), "{response}");
            webhook.asked.load(Ordering::Relaxed) > 0
        })
        .await;
        webhook
    }

    /// What it makes of each request from now on: the response of an `AdmissionReview`, without uid.
    pub(crate) fn says(&self, verdict: impl Fn(&Value) -> Value + Send + 'static) {
        *self.verdict.lock().unwrap() = Box::new(verdict);
    }

    /// Denies the Secrets with this name from now on, and allows all others.
    pub(crate) fn denies(&self, name: &'static str, status: Value) {
        self.says(move |request| {
            if request["name"] == name {
                json!({"allowed": false, "status": status})
            } else {
                json!({"allowed": true})
            }
        });
    }

    fn review(&self, body: &[u8]) -> Value {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let review: Value = serde_json::from_slice(body).unwrap();
        let mut response = (self.verdict.lock().unwrap())(&review["request"]);
        response["uid"] = review["request"]["uid"].clone();
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
        })
    }

    async fn serve(self: Arc<Self>, acceptor: TlsAcceptor, stream: TcpStream) {
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let service = service_fn(|request: http::Request<Incoming>| async {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let response = Response::builder()
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(self.review(&body).to_string())));
            Ok::<_, Infallible>(response.unwrap())
        });
        // The API server closes its connections as it likes.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

async fn register(kubectl: &Kubectl, port: u16, ca_pem: &str) {
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "sec"},
        "webhooks": [{
            "name": NAME,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {
                "url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(ca_pem),
            },
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                "resources": ["secrets"], "scope": "Namespaced",
            }],
        }],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let (status, response) = kubectl.ask(Method::POST, path, Some(&configuration)).await.unwrap();
    assert!(status.is_success(), "{response}");
}
