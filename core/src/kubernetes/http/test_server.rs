//! A TLS server on loopback that responds as a test says.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aks_kms_simulator::tls::Authority;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::{
    access::{ClusterEndpoint, Destination},
    credential::TokenSource,
    transport::KubernetesApi,
};
use crate::options::Timing;

pub(in crate::kubernetes) type TestBody = BoxBody<Bytes, Infallible>;
type Handler = dyn Fn(Asked) -> BoxFuture<'static, Response<TestBody>> + Send + Sync;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(in crate::kubernetes) struct Asked {
    pub(in crate::kubernetes) method: Method,
    pub(in crate::kubernetes) path: String,
    pub(in crate::kubernetes) headers: HeaderMap,
    pub(in crate::kubernetes) body: Bytes,
    /// Connections are numbered from 0.
    pub(in crate::kubernetes) connection: usize,
}

pub(in crate::kubernetes) struct TestServer {
    pub(in crate::kubernetes) address: SocketAddr,
    authority: Authority,
    asked: Arc<Mutex<Vec<Asked>>>,
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl TestServer {
    /// Responses each request at once.
    pub(in crate::kubernetes) async fn start<F>(response: F) -> Self
    where
        F: Fn(&Asked) -> Response<TestBody> + Send + Sync + 'static,
    {
        Self::start_async(move |asked| {
            let response = response(&asked);
            Box::pin(async { response })
        })
        .await
    }

    pub(in crate::kubernetes) async fn start_async<F>(response: F) -> Self
    where
        F: Fn(Asked) -> BoxFuture<'static, Response<TestBody>> + Send + Sync + 'static,
    {
        let authority = Authority::new().unwrap();
        let acceptor = TlsAcceptor::from(authority.server_config(&["127.0.0.1"]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (opened, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let response: Arc<Handler> = Arc::new(response);
        let server = {
            let (asked, opened, closed) = (asked.clone(), opened.clone(), closed.clone());
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (acceptor, response) = (acceptor.clone(), response.clone());
                    let (asked, opened, closed) = (asked.clone(), opened.clone(), closed.clone());
                    tokio::spawn(async move {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let connection = opened.fetch_add(1, Ordering::SeqCst);
                        let serve = service_fn(move |request| {
                            serve(request, connection, response.clone(), asked.clone())
                        });
                        let _ = http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), serve)
                            .await;
                        closed.fetch_add(1, Ordering::SeqCst);
                    });
                }
            })
        };
        Self { address, authority, asked, opened, closed, _server: AbortOnDropHandle::new(server) }
    }

    pub(in crate::kubernetes) fn endpoint(&self) -> ClusterEndpoint {
        ClusterEndpoint {
            server: format!("https://{}", self.address),
            ca_pem: self.authority.ca_pem().as_bytes().to_vec(),
            client_certificate_pem: None,
            token: None,
        }
    }

    pub(in crate::kubernetes) fn destination(&self) -> Destination {
        self.endpoint().destination().unwrap()
    }

    pub(in crate::kubernetes) async fn api(&self) -> KubernetesApi {
        api(self.destination(), None).await
    }

    pub(in crate::kubernetes) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(in crate::kubernetes) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Waits until so many connections have ended.
    pub(in crate::kubernetes) async fn wait_closed(&self, count: usize) {
        let reached = async {
            while self.closed.load(Ordering::SeqCst) < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), reached).await.expect("connections stay open");
    }
}

async fn serve(
    request: http::Request<Incoming>,
    connection: usize,
    response: Arc<Handler>,
    asked: Arc<Mutex<Vec<Asked>>>,
) -> Result<Response<TestBody>, Infallible> {
    let (parts, body) = request.into_parts();
    let this = Asked {
        method: parts.method,
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default(),
        connection,
    };
    asked.lock().unwrap().push(this.clone());
    Ok(response(this).await)
}

pub(in crate::kubernetes) async fn api(
    destination: Destination,
    token_source: Option<Arc<dyn TokenSource>>,
) -> KubernetesApi {
    let timing = Timing {
        backoff_first: Duration::from_millis(5),
        backoff_longest: Duration::from_millis(20),
        kubernetes_request: Duration::from_secs(5),
        ..Timing::default()
    };
    KubernetesApi::new(destination, token_source, &timing).await.unwrap()
}

/// An API server that answers everything with this, as long as what comes with it is held.
pub(crate) async fn api_that_says(body: String) -> (KubernetesApi, impl Sized) {
    let server = TestServer::start(move |_| respond(200, body.clone())).await;
    (server.api().await, server)
}

/// An API server that nobody asks anything.
pub(crate) async fn silent_api() -> KubernetesApi {
    TestServer::start(|_| respond(500, "")).await.api().await
}

pub(in crate::kubernetes) fn respond(status: u16, body: impl Into<Bytes>) -> Response<TestBody> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status.try_into().unwrap();
    response
}
