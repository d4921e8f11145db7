//! Where requests go.

use std::{fmt, io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde::{Deserialize, Serialize};

/// An API server, and the right to ask it.
#[derive(Clone, Deserialize, Serialize)]
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// PEM of the authority that signed its certificate.
    pub ca_pem: String,
    /// Bearer token.
    pub token: String,
}

/// Without the token.
impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Target").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Target {
    /// How to speak TLS with it.
    ///
    /// # Errors
    /// The authority is not a PEM certificate.
    pub fn tls(&self) -> io::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.ca_pem.as_bytes()) {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The name in its certificate.
    pub(crate) fn name(&self) -> io::Result<ServerName<'static>> {
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        ServerName::try_from(host.to_owned()).map_err(io::Error::other)
    }
}
