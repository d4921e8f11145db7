//! How many connections there are, which request goes over which, and when they end.

use futures::future::join_all;
use http::Response;
use tokio::net::TcpListener;

use super::*;
use crate::kubernetes::http::test_server::{Asked, TestBody};

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
        let response = one.send(&get("/readyz/kms-providers")).await;
        assert_eq!(response.unwrap().status, 500, "after {sent}");
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
    assert!(answers.into_iter().all(|response| response.unwrap().status == 200));
    assert_eq!(server.opened(), 3);
}

async fn never(_: Asked) -> Response<TestBody> {
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
