//! How a connection to the API server is made: TCP, through a proxy if there is one, then TLS.

use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::{
    Connection, HttpConnector,
    proxy::{SocksV5, Tunnel},
};
use kube::client::ConfigExt;
use tower::{BoxError, Service, ServiceExt, util::BoxCloneSyncService};

use super::{
    access::Destination,
    error::{error_chain, setup_error},
};
use crate::error::{Error, ErrorKind, Result};

/// Time limit of making a connection, TLS included.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A byte stream to the API server.
pub(super) trait Transport: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Transport for T {}

/// Opens verified connections to one API server.
#[derive(Clone)]
pub(super) struct Connector {
    service: BoxCloneSyncService<Uri, Box<dyn Transport>, BoxError>,
    url: Uri,
}

impl Connector {
    /// May run the credential plugin of a kubeconfig, which blocks.
    pub(super) fn new(destination: &Destination) -> Result<Self> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Lost only to somebody who installed one at the same time, which is as good.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        tcp.set_keepalive(Some(Duration::from_secs(30)));

        let service = match &destination.proxy {
            None => secured(destination, tcp)?,
            Some(proxy) => match proxy.uri().scheme_str() {
                Some("http") => {
                    let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
                    if let Some(authorization) = proxy.basic_auth() {
                        tunnel = tunnel.with_auth(authorization.clone());
                    }
                    secured(destination, tunnel)?
                }
                Some("socks5" | "socks5h") => {
                    let mut tunnel = SocksV5::new(proxy.uri().clone(), tcp);
                    if let Some((user, password)) = proxy.raw_auth() {
                        tunnel = tunnel.with_auth(user.to_owned(), password.to_owned());
                    }
                    secured(destination, tunnel)?
                }
                scheme => {
                    let message = format!(
                        "the API server's proxy must be an http or socks5 one, not {}",
                        scheme.unwrap_or("one without a scheme")
                    );
                    return Err(Error::new(ErrorKind::InvalidInput, message));
                }
            },
        };
        Ok(Self { service, url: destination.config.cluster_url.clone() })
    }

    /// Opens a connection. The error says why not, in words without secrets.
    pub(super) async fn connect(&self) -> Result<Box<dyn Transport>, String> {
        let connecting = self.service.clone().oneshot(self.url.clone());
        match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
            Ok(connected) => connected.map_err(|error| error_chain(error.as_ref())),
            Err(_) => Err(format!("no connection within {} s", CONNECT_LIMIT.as_secs())),
        }
    }
}

fn secured<C>(
    destination: &Destination,
    tunnel: C,
) -> Result<BoxCloneSyncService<Uri, Box<dyn Transport>, BoxError>>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let connector = destination
        .config
        .rustls_https_connector_with_connector(tunnel)
        .map_err(|error| setup_error(&error))?;
    Ok(BoxCloneSyncService::new(
        connector.map_response(|stream| Box::new(stream) as Box<dyn Transport>),
    ))
}
