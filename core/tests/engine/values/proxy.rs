//! A TLS proxy between a client and an API server that records what both say.

use std::sync::{Arc, Mutex, PoisonError};

use aks_kms_simulator::tls::Authority;
use memchr::memmem;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What was said: one part for each direction of each connection, so that nothing is torn apart by
/// what others say meanwhile.
type Record = Arc<Mutex<Vec<Vec<u8>>>>;

/// A running proxy. Its address takes the place of the API server's.
pub(crate) struct RecordingProxy {
    authority: Authority,
    port: u16,
    record: Record,
}

impl RecordingProxy {
    /// Starts one before the API server `server` (`https://127.0.0.1:<port>`), whose certificate
    /// authority is `ca_pem`.
    pub(crate) async fn start(server: &str, ca_pem: &str) -> Self {
        let authority = Authority::new().unwrap();
        let acceptor = TlsAcceptor::from(authority.server_config(&["127.0.0.1"]).unwrap());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let address = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let record = Record::default();
        let kept = Arc::clone(&record);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let (address, record) = (address.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let Ok(client) = acceptor.accept(client).await else { return };
                    let server = TcpStream::connect(address).await.unwrap();
                    let name = ServerName::try_from("127.0.0.1").unwrap();
                    let server = connector.connect(name, server).await.unwrap();
                    let (client_read, client_write) = tokio::io::split(client);
                    let (server_read, server_write) = tokio::io::split(server);
                    tokio::join!(
                        copy(client_read, server_write, &record),
                        copy(server_read, client_write, &record)
                    );
                });
            }
        });
        Self { authority, port, record }
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// Whether this was said so far, in either direction.
    pub(crate) fn heard(&self, pattern: &str) -> bool {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.iter().any(|part| memmem::find(part, pattern.as_bytes()).is_some())
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    record: &Mutex<Vec<Vec<u8>>>,
) {
    let part = {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.push(Vec::new());
        record.len() - 1
    };
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let said = &buffer[..length];
        record.lock().unwrap_or_else(PoisonError::into_inner)[part].extend_from_slice(said);
        if to.write_all(said).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    // the other side may have gone first
    let _ = to.shutdown().await;
}
