//! What an API server, a webhook or whoever stands in between says, and what a kubeconfig file holds.

use std::fs;

use aks_kms_simulator::tls::Authority;
use http::{HeaderMap, HeaderValue, header};

use super::{
    access::{ClusterEndpoint, KubernetesAccess},
    response::{Response, date, retry_after},
    status::{Status, denial, describe, is_no_response, response_error},
    undecryptable::UndecryptableList,
};
use crate::testing::{Seen, Target};

const WEBHOOK: &str = r#"{"kind":"Status","message":"admission webhook \"sec.example.com\" denied the request: no","reason":"NotFound","details":{"kind":"secrets","name":"b"},"code":404}"#;
const POLICY: &str = r#"{"kind":"Status","message":"secrets \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no","code":422}"#;
const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{"continue":"abc"},"status":"Failure","message":"The provided continue parameter is too old","reason":"Expired","code":410}"#;
/// As kube-apiserver 1.36 and 1.37 give them.
const OLD: &str = r#"{"kind":"Status","message":"Internal error occurred: unable to transform key \"/registry/secrets/team-1/bad\": no matching prefix found","reason":"InternalError","details":{},"code":500}"#;
const NEW: &str = r#"{"kind":"Status","message":"failed to read one or more secrets from the storage: data from the storage is not transformable","reason":"StorageReadError","details":{"kind":"secrets","causes":[{"field":"/registry/secrets/team-1/d"},{"field":"/registry/secrets/a/z"}]},"code":500}"#;

fn response(status: u16, body: &[u8]) -> Response {
    Response { status, retry_after: None, body: body.to_vec().into() }
}

#[test]
fn fuzz_statuses() {
    let documents = [WEBHOOK, POLICY, EXPIRED, OLD, NEW].map(Vec::from).to_vec();
    let target = Target { name: "statuses", documents, read: 18, hidden: &[] };
    target.run(|input| {
        for status in [200, 302, 400, 401, 404, 410, 429, 500, 504] {
            let response = response(status, input);
            let error = response_error(&response, "read X", "host");
            let said = format!("{error} {error:?} {}", describe(&response));
            assert!(!said.contains(char::is_control), "{said:?}");
            assert!(said.chars().count() < 6_000, "{said}");
            let _ = is_no_response(&error);
            if denial(&response).is_some() && status >= 400 {
                assert_eq!(error.kind(), crate::ErrorKind::Forbidden, "{said}");
            }
        }
        let status = Status::parse(input);
        if let Some(status) = &status {
            assert!(status.continue_token().is_none_or(|token| !token.is_empty()));
            let _ = (status.says_gone("secrets", "b"), status.refuses_field("data"));
        }
        Seen::found(status)
    });
}

/// A body that is no `Status` may be the object itself: nothing of it is ever repeated.
#[test]
fn fuzz_objects_in_the_place_of_a_status() {
    let object = r#"{"kind":"Secret","metadata":{"name":"very-secret"},"data":{"a":"very-secret"},"items":["very-secret"]}"#;
    let page = "<html><body>very-secret</body></html>";
    let documents = [object, page].map(Vec::from).to_vec();
    let target = Target { name: "other objects", documents, read: 100, hidden: &[] };
    target.run(|input| {
        let is_status = Status::parse(input).is_some();
        for status in [200, 403, 404, 500, 502] {
            let error = response_error(&response(status, input), "read X", "host");
            let said = format!("{error} {error:?}");
            assert!(is_status || !said.contains("secret"), "{said}");
        }
        Seen::Read
    });
}

#[test]
fn fuzz_undecryptable_lists() {
    let documents = [OLD, NEW].map(Vec::from).to_vec();
    let target = Target { name: "undecryptable lists", documents, read: 15, hidden: &[] };
    target.run(|input| {
        let list = UndecryptableList::read(&response(500, input));
        if let Some(list) = &list {
            for namespace in ["a", "team-1"] {
                let name = list.first_behind(namespace, "");
                assert!(name.is_none_or(|name| !name.is_empty() && !name.contains('/')));
            }
            let first = list.first_namespace_at("");
            assert!(first.is_none_or(|namespace| !namespace.is_empty()));
        }
        Seen::found(list)
    });
}

#[test]
fn fuzz_headers() {
    let documents = ["7", "Fri, 27 Nov 2026 02:02:17 GMT"].map(Vec::from).to_vec();
    let target = Target { name: "headers", documents, read: 12, hidden: &[] };
    target.run(|input| {
        let Ok(value) = HeaderValue::from_bytes(input) else { return Seen::found::<()>(None) };
        let headers: HeaderMap = [header::DATE, header::RETRY_AFTER]
            .into_iter()
            .map(|name| (name, value.clone()))
            .collect();
        let date = date(&headers);
        assert!(date.is_none_or(f64::is_finite));
        Seen::found(retry_after(&headers).map(|_| ()).or(date.map(|_| ())))
    });
}

#[test]
fn fuzz_kubeconfig_files() {
    let yaml = "apiVersion: v1\nkind: Config\ncurrent-context: one\n\
                contexts:\n- name: one\n  context: {cluster: one, user: one}\n\
                clusters:\n- name: one\n  cluster:\n    server: https://10.0.0.1:6443\n    proxy-url: http://user:needle@proxy:3128\n\
                users:\n- name: one\n  user:\n    token: needle\n";
    let json = r#"{"apiVersion":"v1","kind":"Config","current-context":"one","contexts":[{"name":"one","context":{"cluster":"one","user":"one"}}],"clusters":[{"name":"one","cluster":{"server":"https://10.0.0.1:6443"}}],"users":[{"name":"one","user":{"token":"needle","client-key-data":"needle"}}]}"#;
    let documents = [yaml, json].map(Vec::from).to_vec();
    let target = Target { name: "kubeconfig files", documents, read: 10, hidden: &["needle"] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    target.run(|input| {
        fs::write(&path, input).unwrap();
        let access = KubernetesAccess::Kubeconfig { path: path.clone(), context: None };
        let destination = runtime.block_on(access.destination());
        if let Ok(Some(destination)) = &destination {
            assert_eq!(destination.config.cluster_url.scheme_str(), Some("https"));
            assert!(!destination.config.accept_invalid_certs);
        }
        match Seen::of(destination.map(|_| ())) {
            // A name is shown, whatever it is.
            Seen::Refused(why) => {
                Seen::Refused(["context", "cluster", "user"].iter().fold(why, |why, kind| {
                    let named = |quote: &str| format!("no {kind} {quote}needle{quote}");
                    why.replace(&named("\""), "").replace(&named("\\\""), "")
                }))
            }
            Seen::Read => Seen::Read,
        }
    });
}

#[test]
fn fuzz_cluster_endpoints() {
    let authority = Authority::new().unwrap();
    let documents = vec![authority.ca_pem().into(), authority.ca_pem().repeat(2).into()];
    let target =
        Target { name: "certificate authorities", documents, read: 15, hidden: &["needle"] };
    target.run(|input| {
        let endpoint = |server: &str, ca_pem: &[u8]| ClusterEndpoint {
            server: server.to_owned(),
            ca_pem: ca_pem.to_vec(),
            client_certificate_pem: Some((input.to_vec(), b"needle".to_vec())),
            token: Some("needle".to_owned()),
        };
        let address = String::from_utf8_lossy(input);
        let _ = endpoint(&address, authority.ca_pem().as_bytes()).destination();
        let destination =
            endpoint("https://kms-test.hcp.westeurope.azmk8s.io:443", input).destination();
        Seen::of(destination.map(|_| ()))
    });
}
