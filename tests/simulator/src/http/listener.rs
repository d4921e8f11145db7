//! Accepts connections on loopback and hands each request to the region.

use std::sync::Arc;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Answer, Request,
    host::{Hosts, MISDIRECTED},
};
use crate::{entra::managed_identity, region::Region};

/// The client gets no response: hyper ends a connection whose service fails.
#[derive(Debug, thiserror::Error)]
enum NoResponse {
    #[error("the connection is dropped by a fault")]
    Dropped,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// What is served at a port.
#[derive(Clone)]
pub(crate) enum Service {
    /// Azure, with TLS.
    Azure(TlsAcceptor),
    /// Tokens of managed identities, without.
    ManagedIdentities,
}

/// Serves until it is dropped; so do its connections.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Service,
    hosts: Hosts,
    region: Arc<Region>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, service.clone(), hosts, region.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, service: Service, hosts: Hosts, region: Arc<Region>) {
    // A client that resets a connection is no concern of the simulator's.
    let _ = stream.set_nodelay(true);
    match service {
        Service::Azure(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                let answer = move |request| {
                    let region = region.clone();
                    async move { region.serve(request).await }
                };
                speak(stream, hosts, answer).await;
            }
        }
        Service::ManagedIdentities => {
            let answer = move |request: Request| {
                let region = region.clone();
                async move { managed_identity::serve(&region, &request).when_due().await }
            };
            speak(stream, hosts, answer).await;
        }
    }
}

async fn speak<F: Future<Output = Answer>>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    hosts: Hosts,
    answer: impl Fn(Request) -> F,
) {
    let answer = &answer;
    let service = service_fn(move |request| async move {
        if let Err(message) = hosts.check(request.uri(), request.headers()) {
            let refusal = Answer::error(MISDIRECTED, "MisdirectedRequest", &message);
            return refusal.into_response().ok_or(NoResponse::Dropped);
        }
        let request = Request::read(request).await?;
        answer(request).await.into_response().ok_or(NoResponse::Dropped)
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
