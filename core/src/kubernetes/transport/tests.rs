use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use aks_kms_simulator::tls::Authority;
use async_trait::async_trait;
use futures::{StreamExt, channel::mpsc, future::join_all};
use http::Response;
use http_body_util::StreamBody;
use hyper::body::Frame;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::kubernetes::{
    access::KubernetesAccess,
    credential::BearerToken,
    test_server::{TestBody, TestServer, api, respond},
};

fn get(path: &str) -> Request {
    Request::get(path, Accept::Json)
}

#[tokio::test]
async fn an_answer_is_given_as_it_is_whatever_its_status() {
    let server = TestServer::start(|_| {
        let mut response = respond(429, "busy");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
        response
    })
    .await;
    let answer = server.api().await.send(&get("/api")).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(answer.body, "busy");
    assert_eq!(server.asked().len(), 1, "429 is the caller's business");
}

#[tokio::test]
async fn a_request_is_sent_as_asked_for() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let mut endpoint = server.endpoint();
    endpoint.server.push_str("/k8s/clusters/one/");
    endpoint.token = Some("fixed".to_owned());
    let api = api(endpoint.destination().unwrap(), None).await;
    let patch = Request::merge_patch("/api/v1/x?includeObject=None", Accept::Table, "{}".into());
    api.send(&patch).await.unwrap();

    let asked = server.asked().remove(0);
    assert_eq!(asked.method, Method::PATCH);
    assert_eq!(asked.path, "/k8s/clusters/one/api/v1/x?includeObject=None");
    assert_eq!(asked.body, "{}");
    let header = |name: &str| asked.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("accept"), "application/json;as=Table;g=meta.k8s.io;v=v1");
    assert_eq!(header("content-type"), "application/merge-patch+json");
    assert_eq!(header("authorization"), "Bearer fixed");
    assert_eq!(header("host"), server.address.to_string());
    assert_eq!(api.requests_sent(), 1);
}

#[tokio::test]
async fn a_fresh_one_keeps_to_one_connection_of_its_own() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let api = server.api().await;
    api.send(&get("/shared")).await.unwrap();
    let one = api.fresh();
    one.send(&get("/one")).await.unwrap();
    one.send(&get("/one")).await.unwrap();
    let other = api.fresh();
    other.send(&get("/other")).await.unwrap();
    one.send(&get("/one")).await.unwrap();

    let connections: Vec<_> = server.asked().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 1, 1, 2, 1]);
    assert_eq!(api.requests_sent(), 5, "counted together");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_right_after_one_another_keep_to_one_connection() {
    let server = TestServer::start(|_| respond(500, "[-]kms-providers failed")).await;
    let one = server.api().await.fresh();
    for sent in 0..2_000 {
        let answer = one.send(&get("/readyz/kms-providers")).await;
        assert_eq!(answer.unwrap().status, 500, "after {sent}");
    }
}

#[tokio::test]
async fn a_fresh_one_fails_rather_than_speak_to_another_server() {
    let server = TestServer::start(|_| {
        let mut response = respond(200, "{}");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
    .await;
    let one = server.api().await.fresh();
    one.send(&get("/")).await.unwrap();
    assert!(matches!(one.send(&get("/")).await, Err(SendError::Connection(_))));
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn a_fresh_one_that_could_not_connect_may_try_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let mut endpoint = server.endpoint();
    endpoint.server = format!("https://{address}");
    let one = api(endpoint.destination().unwrap(), None).await.fresh();
    for _ in 0..2 {
        let Err(SendError::Connection(why)) = one.send(&get("/")).await else { panic!() };
        assert!(why.contains("refused"), "{why}");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    let server = TestServer::start(|_| {
        let mut response = respond(200, "{}");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
    .await;
    let api = server.api().await;
    for _ in 0..3 {
        assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
    }
    assert_eq!(server.opened(), 3);
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_opened() {
    let server = TestServer::start_async(|_| {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            respond(200, "{}")
        })
    })
    .await;
    let api = server.api().await.with_connections(3);
    let request = get("/");
    let answers = join_all((0..20).map(|_| api.send(&request))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status == 200));
    assert_eq!(server.opened(), 3);
}

#[tokio::test]
async fn a_server_of_another_authority_gets_nothing() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let mut endpoint = server.endpoint();
    endpoint.ca_pem = Authority::new().unwrap().ca_pem().as_bytes().to_vec();
    endpoint.token = Some("very-secret".to_owned());
    let api = api(endpoint.destination().unwrap(), None).await;
    let Err(SendError::Connection(why)) = api.send(&get("/")).await else { panic!() };
    assert!(why.contains("certificate"), "{why}");
    assert!(server.asked().is_empty());
}

async fn never(_: crate::kubernetes::test_server::Asked) -> Response<TestBody> {
    std::future::pending().await
}

#[tokio::test]
async fn a_request_without_answer_ends_in_time_and_closes_its_connection() {
    let server = TestServer::start_async(|asked| Box::pin(never(asked))).await;
    let mut request = get("/");
    request.timeout = Some(Duration::from_millis(50));
    assert!(matches!(server.api().await.send(&request).await, Err(SendError::Timeout)));
    server.wait_closed(1).await;
}

#[tokio::test]
async fn a_dropped_request_leaves_nothing_behind() {
    let server = TestServer::start_async(|asked| Box::pin(never(asked))).await;
    let api = server.api().await;
    let request = get("/");
    tokio::select! {
        _ = api.send(&request) => unreachable!(),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    assert_eq!(server.opened(), 1);
    server.wait_closed(1).await;
}

#[tokio::test]
async fn a_dropped_request_gives_its_place_to_the_next() {
    let server = TestServer::start_async(|asked| {
        Box::pin(async move {
            if asked.path == "/never" { never(asked).await } else { respond(200, "{}") }
        })
    })
    .await;
    let api = server.api().await.with_connections(1);
    let request = get("/never");
    tokio::select! {
        _ = api.send(&request) => unreachable!(),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
}

#[tokio::test]
async fn idle_connections_end_with_their_owner() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let api = server.api().await;
    api.send(&get("/")).await.unwrap();
    drop(api);
    server.wait_closed(1).await;
}

#[tokio::test]
async fn an_endless_answer_is_not_read_whole() {
    let server = TestServer::start(|_| {
        let part = Bytes::from(vec![b'x'; 1024 * 1024]);
        let parts = futures::stream::iter((0..40).map(move |_| Ok(Frame::data(part.clone()))));
        Response::new(TestBody::new(StreamBody::new(parts)))
    })
    .await;
    assert!(matches!(server.api().await.send(&get("/")).await, Err(SendError::TooLarge)));
    server.wait_closed(1).await;
}

/// Answers with what is sent into the channel.
async fn streaming_server() -> (TestServer, mpsc::UnboundedSender<&'static str>) {
    let (sender, receiver) = mpsc::unbounded();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let server = TestServer::start(move |_| match receiver.lock().unwrap().take() {
        Some(receiver) => Response::new(TestBody::new(StreamBody::new(
            receiver.map(|part: &'static str| Ok(Frame::data(Bytes::from_static(part.as_bytes())))),
        ))),
        None => respond(200, "{}"),
    })
    .await;
    (server, sender)
}

#[tokio::test]
async fn a_stream_is_read_as_it_comes_and_its_connection_used_again() {
    let (server, sender) = streaming_server().await;
    let api = server.api().await;
    sender.unbounded_send("one").unwrap();
    let mut stream = api.stream(&get("/")).await.unwrap();
    assert_eq!(stream.status, 200);
    assert_eq!(stream.body.chunk().await.unwrap().unwrap(), "one");
    sender.unbounded_send("two").unwrap();
    assert_eq!(stream.body.chunk().await.unwrap().unwrap(), "two");
    sender.close_channel();
    assert_eq!(stream.body.chunk().await.unwrap(), None);
    api.send(&get("/")).await.unwrap();
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn a_stream_that_pauses_too_long_times_out() {
    let (server, sender) = streaming_server().await;
    let mut request = get("/");
    request.timeout = Some(Duration::from_millis(50));
    sender.unbounded_send("one").unwrap();
    let mut stream = server.api().await.stream(&request).await.unwrap();
    stream.body.chunk().await.unwrap().unwrap();
    assert!(matches!(stream.body.chunk().await, Err(SendError::Timeout)));
}

#[tokio::test]
async fn a_dropped_stream_closes_its_connection() {
    let (server, sender) = streaming_server().await;
    sender.unbounded_send("one").unwrap();
    let stream = server.api().await.stream(&get("/")).await.unwrap();
    drop(stream);
    server.wait_closed(1).await;
}

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

#[tokio::test]
async fn a_proxy_is_used_with_its_credential() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let tunnel = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut upstream = TcpStream::connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let copying = tokio::spawn(async move {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
        });
        (head, copying)
    });

    let mut config = server.destination().config;
    config.proxy_url = Some(format!("http://user:pass@{proxy}").parse().unwrap());
    let access = KubernetesAccess::Config(Box::new(config));
    let api = api(access.destination().await.unwrap().unwrap(), None).await;
    assert_eq!(api.send(&get("/")).await.unwrap().status, 200);
    let (head, _) = tunnel.await.unwrap();
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz"), "{head}");
}
