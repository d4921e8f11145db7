//! TLS on loopback: accepts connections and hands each request to the region.

use std::sync::Arc;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::Request;
use crate::region::Region;

/// The client gets no response: hyper ends a connection whose service fails.
#[derive(Debug, thiserror::Error)]
enum NoResponse {
    #[error("the connection is dropped by a fault")]
    Dropped,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// Serves until it is dropped; so do its connections.
pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, region: Arc<Region>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, acceptor.clone(), region.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, region: Arc<Region>) {
    // A client that resets a connection is no concern of the simulator's.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| {
        let region = region.clone();
        async move {
            let request = Request::read(request).await?;
            region.serve(request).await.into_response().ok_or(NoResponse::Dropped)
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
