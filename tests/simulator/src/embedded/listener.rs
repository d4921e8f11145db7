//! TLS on loopback; each connection is pinned to one API server process.

use std::sync::Arc;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{answer, cluster::Cluster, process::Process};
use crate::http::host::Hosts;

/// Takes connections until the cluster ends.
pub(super) async fn listen(
    cluster: Arc<Cluster>,
    listener: TcpListener,
    hosts: Hosts,
    tls: Arc<ServerConfig>,
) {
    let stop = cluster.workshop.stop.clone();
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // with no server running there is nobody to take it: the connection is dropped
        let (Ok((stream, _)), Some(process)) = (accepted, cluster.pin()) else { continue };
        tokio::spawn(serve(Arc::clone(&cluster), process, hosts, acceptor.clone(), stream));
    }
}

/// Serves one connection until the client or the process ends it.
async fn serve(
    cluster: Arc<Cluster>,
    process: Arc<Process>,
    hosts: Hosts,
    acceptor: TlsAcceptor,
    stream: TcpStream,
) {
    // small answers are not to wait for more
    let _ = stream.set_nodelay(true);
    let stop = process.stop.clone();
    let accepted = tokio::select! {
        () = stop.cancelled() => return,
        accepted = acceptor.accept(stream) => accepted,
    };
    let Ok(stream) = accepted else { return };
    let service = service_fn(move |request| {
        answer::answer(Arc::clone(&cluster), Arc::clone(&process), hosts, request)
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            // the request that is being answered is answered
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
