//! The certificate that etcd and its clients show each other.

use std::{io, path::Path, sync::Arc};

use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::surroundings::write;
use crate::tls::Authority;

const AUTHORITY: &str = "ca.crt";
const CERTIFICATE: &str = "etcd.crt";
const KEY: &str = "etcd.key";

/// Where the certificate is, and a client that shows it.
pub(super) struct Identity {
    files: [String; 3],
    client: Arc<ClientConfig>,
}

impl Identity {
    /// Issues it into a folder.
    pub(super) fn issue(authority: &Authority, folder: &Path) -> Result<Self, String> {
        let error = |error: &dyn std::fmt::Display| format!("etcd's certificate: {error}");
        let (certificate, key) = authority
            .issue_mutual(&["127.0.0.1", "localhost"])
            .map_err(|failure| error(&failure))?;
        let ca_pem = authority.ca_pem();
        for (name, content) in [(AUTHORITY, ca_pem), (CERTIFICATE, &certificate), (KEY, &key)] {
            write(&folder.join(name), content)?;
        }
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(ca_pem.as_bytes());
        roots.add(root.map_err(|failure| error(&failure))?).map_err(|failure| error(&failure))?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let certificate = certificate.map_err(|failure| error(&failure))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let key = key.map_err(|failure| error(&failure))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_root_certificates(roots).with_client_auth_cert(vec![certificate], key)
            })
            .map_err(|failure| error(&failure))?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { files: files(folder), client: Arc::new(client) })
    }

    /// What etcd is told, for its clients and for other members, of which there are none.
    pub(super) fn arguments(&self) -> Vec<String> {
        let [authority, certificate, key] = &self.files;
        vec![
            format!("--trusted-ca-file={authority}"),
            format!("--cert-file={certificate}"),
            format!("--key-file={key}"),
            "--client-cert-auth".to_owned(),
            format!("--peer-trusted-ca-file={authority}"),
            format!("--peer-cert-file={certificate}"),
            format!("--peer-key-file={key}"),
            "--peer-client-cert-auth".to_owned(),
        ]
    }

    /// Connections to etcd at this port, made when they are needed.
    pub(super) fn channel(&self, port: u16) -> Result<Channel, String> {
        let tls = TlsConnector::from(Arc::clone(&self.client));
        let connect = service_fn(move |_| {
            let tls = tls.clone();
            async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await?;
                stream.set_nodelay(true)?;
                let name = ServerName::from(std::net::IpAddr::from([127, 0, 0, 1]));
                Ok::<_, io::Error>(TokioIo::new(tls.connect(name, stream).await?))
            }
        });
        // the connector does what the scheme says
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"));
        let endpoint = endpoint.map_err(|error| format!("etcd: {error}"))?;
        Ok(endpoint.connect_with_connector_lazy(connect))
    }
}

/// What an API server is told.
pub(super) fn arguments_of_api_server(folder: &Path) -> [String; 3] {
    let [authority, certificate, key] = files(folder);
    [
        format!("--etcd-cafile={authority}"),
        format!("--etcd-certfile={certificate}"),
        format!("--etcd-keyfile={key}"),
    ]
}

fn files(folder: &Path) -> [String; 3] {
    [AUTHORITY, CERTIFICATE, KEY].map(|name| folder.join(name).display().to_string())
}
