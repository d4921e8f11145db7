//! Tokens that are refused, and credential plugins.

use std::sync::{Arc, atomic::AtomicUsize};

use async_trait::async_trait;
use time::OffsetDateTime;

use super::*;
use crate::kubernetes::http::credential::BearerToken;

/// Gives `token-1`, `token-2`, …
#[derive(Default)]
struct Numbered(AtomicUsize);

#[async_trait]
impl TokenSource for Numbered {
    async fn token(&self) -> Result<BearerToken> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let expires_on = OffsetDateTime::now_utc() + Duration::from_secs(3600);
        Ok(BearerToken { secret: format!("token-{number}"), expires_on })
    }
}

/// Accepts only this token.
async fn picky_server(token: &'static str) -> TestServer {
    TestServer::start(move |asked| {
        let accepted = asked.headers.get(header::AUTHORIZATION).is_some_and(|sent| *sent == *token);
        respond(if accepted { 200 } else { 401 }, "{}")
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_request_sent_again() {
    let server = picky_server("Bearer token-2").await;
    let api = api(server.destination(), Some(Arc::new(Numbered::default()))).await.fresh();
    for _ in 0..3 {
        assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
    }
    assert_eq!(server.asked().len(), 4);
    assert_eq!(server.opened(), 1, "also over the one connection");
}

#[tokio::test]
async fn a_second_refusal_is_the_answer() {
    let server = picky_server("Bearer other").await;
    let api = api(server.destination(), Some(Arc::new(Numbered::default()))).await;
    assert_eq!(api.send(&get("/")).await.unwrap().status, 401);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_not_sent_again() {
    let server = picky_server("Bearer other").await;
    let mut endpoint = server.endpoint();
    endpoint.token = Some("fixed".to_owned());
    let api = api(endpoint.destination().unwrap(), None).await;
    assert_eq!(api.send(&get("/")).await.unwrap().status, 401);
    assert_eq!(server.asked().len(), 1);
}

/// A kubeconfig whose credential plugin is this shell script.
async fn with_plugin(server: &TestServer, script: &str) -> (tempfile::TempDir, Destination) {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, server.endpoint().ca_pem).unwrap();
    let plugin = folder.path().join("plugin.sh");
    std::fs::write(&plugin, script).unwrap();
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [{"name": "one", "cluster": {
            "server": server.endpoint().server, "certificate-authority": ca,
        }}],
        "users": [{"name": "one", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "sh", "args": [plugin, folder.path().join("count")],
        }}}],
    });
    let path = folder.path().join("config");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let access = KubernetesAccess::Kubeconfig { path, context: None };
    (folder, access.destination().await.unwrap().unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn a_credential_plugin_is_run_again_when_its_token_is_refused() {
    let server = TestServer::start(|asked| {
        let first = asked.headers[header::AUTHORIZATION].to_str().unwrap() == "Bearer run-2";
        respond(if first { 401 } else { 200 }, "{}")
    })
    .await;
    // Each run gives the next token; making a client runs it twice: for the certificate that it
    // might give, and for the token.
    let script = r#"echo x >> "$1"; n=$(wc -l < "$1" | tr -d ' ')
echo "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"run-$n\"}}""#;
    let (_folder, destination) = with_plugin(&server, script).await;
    let api = api(destination, None).await;
    assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
    assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
    let tokens: Vec<_> =
        server.asked().iter().map(|asked| asked.headers[header::AUTHORIZATION].clone()).collect();
    assert_eq!(tokens, ["Bearer run-2", "Bearer run-4", "Bearer run-4"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_failing_credential_plugin_is_never_quoted() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    for script in ["echo very-secret; exit 3", "echo '{very-secret'"] {
        let (_folder, destination) = with_plugin(&server, script).await;
        let error = KubernetesApi::new(destination, None, &Timing::default()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(!format!("{error:?} {error}").contains("very-secret"), "{error:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_credential_plugin_that_never_ends_is_given_up_and_holds_nobody() {
    let began = std::time::Instant::now();
    // its first run, or its second
    for script in ["exec sleep 30", "[ -e \"$1\" ] && exec sleep 30; echo x > \"$1\"; exit 3"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let server = TestServer::start(|_| respond(200, "{}")).await;
            let (_folder, destination) = with_plugin(&server, script).await;
            let timing = Timing::default();
            let made = KubernetesApi::new(destination, None, &timing);
            tokio::time::timeout(Duration::from_millis(300), made).await
        });
        // A caller's own time limit ends it, and the end of the runtime does not wait for it.
        assert!(outcome.is_err() || outcome.unwrap().is_err());
        drop(runtime);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_credential_plugin_has_a_time_limit() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let (_folder, destination) = with_plugin(&server, "exec sleep 30").await;
    let error = KubernetesApi::new(destination, None, &Timing::default()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("gave nothing within 300 s"), "{error}");
}

#[tokio::test]
async fn a_webhooks_401_costs_no_token() {
    let server = TestServer::start(|_| {
        let said = r#"admission webhook \"a.b\" denied the request: no"#;
        respond(401, format!(r#"{{"kind":"Status","message":"{said}","code":401}}"#))
    })
    .await;
    let api = api(server.destination(), Some(Arc::new(Numbered::default()))).await;
    assert_eq!(api.send(&get("/")).await.unwrap().status, 401);
    assert_eq!(server.asked().len(), 1, "nothing is wrong with the token");
}
