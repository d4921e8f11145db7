//! Responses that come in parts.

use futures::{StreamExt, channel::mpsc};
use http::Response;
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::*;
use crate::kubernetes::http::test_server::TestBody;

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

/// Responses with what is sent into the channel.
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
