//! What a `kube::Config` gives: connections and headers; made anew when the API server refuses it.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Empty;
use kube::client::{AuthError, ConfigExt};
use tokio::sync::Mutex;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::{
    access::Destination,
    connector::Connector,
    error::{plugin_error, setup_error},
};
use crate::error::{Error, ErrorKind, Result};

/// One reading of the configuration's credential.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) generation: u64,
    pub(super) connector: Connector,
    headers: BoxCloneSyncService<Request<Empty<Bytes>>, Response<()>, BoxError>,
}

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
        Ok(Self { generation, connector, headers: BoxCloneSyncService::new(headers) })
    }

    /// The headers that say who asks.
    pub(super) async fn headers(&self) -> Result<HeaderMap> {
        let answered = self.headers.clone().oneshot(Request::new(Empty::new())).await;
        Ok(answered
            .map_err(|error| plugin_error(error.downcast_ref::<AuthError>()))?
            .into_parts()
            .0
            .headers)
    }
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

/// Off the runtime's own threads: a credential plugin may take its time.
async fn build(destination: Destination, generation: u64) -> Result<Session> {
    tokio::task::spawn_blocking(move || Session::new(&destination, generation)).await.map_err(
        |_| {
            let message =
                "the Kubernetes credential could not be read: the task that reads it failed";
            Error::new(ErrorKind::Unexpected, message)
        },
    )?
}
