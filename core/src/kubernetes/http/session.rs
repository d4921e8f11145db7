//! What a `kube::Config` gives: connections and headers; made anew when the API server refuses it.

use std::{convert::Infallible, sync::Arc, thread};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Empty;
use kube::client::{AuthError, ConfigExt};
use tokio::{
    runtime::Handle,
    sync::{Mutex, oneshot},
    time::timeout,
};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::{
    access::Destination,
    connector::Connector,
    error::{plugin_error, setup_error},
};
use crate::{
    error::{Error, ErrorKind, Result},
    limits::SIGN_IN,
};

/// One reading of the configuration's credential.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) generation: u64,
    pub(super) connector: Connector,
    headers: Headers,
    /// Its credential is what a plugin gives, which kube runs on the thread that asks.
    runs_plugin: bool,
}

type Headers = BoxCloneSyncService<Request<Empty<Bytes>>, Response<()>, BoxError>;

impl Session {
    fn new(destination: &Destination, generation: u64) -> Result<Self> {
        let config = &destination.config;
        let connector = Connector::new(destination)?;
        let authorization = config.auth_layer().map_err(|error| setup_error(&error))?;
        let extra = config.extra_headers_layer().map_err(|error| setup_error(&error))?;
        // kube's own layers decorate a request that is answered with its own headers: so token
        // files and credential plugins are read exactly as kube does.
        let headers = ServiceBuilder::new().option_layer(authorization).layer(extra).service(
            service_fn(async |request: Request<Empty<Bytes>>| {
                let mut response = Response::new(());
                *response.headers_mut() = request.into_parts().0.headers;
                Ok::<_, Infallible>(response)
            })
            .map_err(BoxError::from),
        );
        Ok(Self {
            generation,
            connector,
            headers: BoxCloneSyncService::new(headers),
            runs_plugin: config.auth_info.exec.is_some(),
        })
    }

    /// The headers that say who asks.
    pub(super) async fn headers(&self) -> Result<HeaderMap> {
        let headers = self.headers.clone();
        if !self.runs_plugin {
            return answer(headers).await;
        }
        let runtime = Handle::current();
        Box::pin(apart(move || runtime.block_on(answer(headers)))).await
    }
}

async fn answer(headers: Headers) -> Result<HeaderMap> {
    let answered = headers.oneshot(Request::new(Empty::new())).await;
    let answered = answered.map_err(|error| plugin_error(error.downcast_ref::<AuthError>()))?;
    Ok(answered.into_parts().0.headers)
}

/// The session in use.
pub(super) struct Sessions {
    destination: Destination,
    current: Mutex<Arc<Session>>,
}

impl Sessions {
    pub(super) async fn new(destination: Destination) -> Result<Self> {
        let session = build(destination.clone(), 0).await?;
        Ok(Self { destination, current: Mutex::new(Arc::new(session)) })
    }

    pub(super) async fn current(&self) -> Arc<Session> {
        self.current.lock().await.clone()
    }

    /// Reads the credential again if the session is still of this generation. False: it would be
    /// the same again.
    pub(super) async fn invalidate(&self, generation: u64) -> Result<bool> {
        let identity = &self.destination.config.auth_info;
        let may_change = identity.exec.is_some()
            || identity.auth_provider.is_some()
            || identity.token_file.is_some();
        if !may_change {
            return Ok(false);
        }
        let mut current = self.current.lock().await;
        if current.generation == generation {
            *current = Arc::new(build(self.destination.clone(), generation + 1).await?);
        }
        Ok(true)
    }
}

async fn build(destination: Destination, generation: u64) -> Result<Session> {
    Box::pin(apart(move || Session::new(&destination, generation))).await
}

/// On a thread of its own: a credential plugin may take its time, or never end. Then nobody waits for its
/// thread, as the end of a runtime would for one of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (send, done) = oneshot::channel();
    let started =
        thread::Builder::new().name("kubernetes-credential".to_owned()).spawn(move || {
            let _ = send.send(work());
        });
    let failed = |why: &str| {
        let message = format!("the Kubernetes credential could not be read: {why}");
        Error::new(ErrorKind::Unauthenticated, message)
    };
    started.map_err(|error| failed(&error.to_string()))?;
    match timeout(SIGN_IN, done).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(failed("the thread that reads it failed")),
        Err(_) => Err(failed(&format!(
            "the kubeconfig's credential plugin gave nothing within {} s; run it by hand to see what it waits for",
            SIGN_IN.as_secs()
        ))),
    }
}
