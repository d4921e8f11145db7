//! What is sent to the API server, and what is made of its responses.

mod connections;
mod credentials;
mod streams;

use std::time::Duration;

use aks_kms_simulator::tls::Authority;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::kubernetes::http::{
    access::KubernetesAccess,
    request::Accept,
    test_server::{TestServer, api, respond},
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
    let response = server.api().await.send(&get("/api")).await.unwrap();
    assert_eq!((response.status, response.retry_after), (429, Some(Duration::from_secs(7))));
    assert_eq!(response.body, "busy");
    assert_eq!(server.asked().len(), 1, "429 is the caller's business");
}

#[tokio::test]
async fn no_retry_after_holds_anybody_for_hours() {
    let server = TestServer::start(|_| {
        let mut response = respond(429, "busy");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2147483647"));
        response
    })
    .await;
    let response = server.api().await.send(&get("/api")).await.unwrap();
    assert_eq!(response.retry_after, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn a_response_may_have_hundreds_of_warnings() {
    let server = TestServer::start(|_| {
        let mut response = respond(200, "{}");
        for number in 0..400 {
            let warning = HeaderValue::try_from(format!("299 - \"w{number}\"")).unwrap();
            response.headers_mut().append(header::WARNING, warning);
        }
        response
    })
    .await;
    let api = server.api().await;
    let other = api.with_connections(1);
    // The first time nothing is known of it; whoever asks again gets it, over any connection.
    assert!(matches!(api.send(&get("/api")).await, Err(SendError::Connection(_))));
    for api in [&api, &other, &api.fresh()] {
        assert_eq!(api.send(&get("/api")).await.unwrap().status, 200);
    }
}

/// A connection that has no room for many headers is not used again once there were many.
#[tokio::test]
async fn an_open_connection_without_room_for_warnings_is_replaced() {
    let server = TestServer::start(|asked| {
        let mut response = respond(200, "{}");
        let warnings = if asked.path == "/warned" { 200 } else { 0 };
        for _ in 0..warnings {
            response.headers_mut().append(header::WARNING, HeaderValue::from_static("299 - \"w\""));
        }
        response
    })
    .await;
    let one = server.api().await;
    let other = one.with_connections(1);
    other.send(&get("/api")).await.unwrap();
    assert!(one.send(&get("/warned")).await.is_err());
    assert_eq!(other.send(&get("/warned")).await.unwrap().status, 200);
    assert_eq!(server.opened(), 3);
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
    assert_eq!(asked.method, http::Method::PATCH);
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
