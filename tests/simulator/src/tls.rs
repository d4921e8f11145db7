//! One certificate authority for everything that the simulator serves.

use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A certificate authority made at the simulator's start.
#[derive(Debug)]
pub struct Authority {
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
    /// Shared by everything that is only called by the names of loopback.
    loopback: OnceLock<Arc<ServerConfig>>,
}

impl Authority {
    /// Makes a new authority.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "aks-kms-simulator");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let ca_pem = params.self_signed(&key)?.pem();
        Ok(Self { ca_pem, issuer: Issuer::new(params, key), loopback: OnceLock::new() })
    }

    /// PEM of the authority's certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// PEM of a certificate for `names` (DNS names or IP addresses) and of its key.
    pub fn issue(&self, names: &[&str]) -> Result<(String, String), rcgen::Error> {
        let (certificate, key) = self.certificate(names)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// The same for who is both server and client.
    pub(crate) fn issue_mutual(&self, names: &[&str]) -> Result<(String, String), rcgen::Error> {
        let usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let (certificate, key) = self.certificate_for(names, usages.to_vec())?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// A TLS server configuration for `names`.
    pub fn server_config(&self, names: &[&str]) -> Result<Arc<ServerConfig>, rcgen::Error> {
        let (certificate, key) = self.certificate(names)?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The TLS server configuration of everything that is called 127.0.0.1 or localhost.
    pub(crate) fn loopback_config(&self) -> Result<Arc<ServerConfig>, rcgen::Error> {
        if let Some(config) = self.loopback.get() {
            return Ok(config.clone());
        }
        let config = self.server_config(&["127.0.0.1", "localhost"])?;
        Ok(self.loopback.get_or_init(|| config).clone())
    }

    fn certificate(&self, names: &[&str]) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
        self.certificate_for(names, vec![ExtendedKeyUsagePurpose::ServerAuth])
    }

    fn certificate_for(
        &self,
        names: &[&str],
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "aks-kms-simulator server");
        params.extended_key_usages = usages;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate, key))
    }
}
