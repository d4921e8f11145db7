//! KMS plugins: what stands between an API server and the vault.

mod v1;
mod v2;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::stream;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::AbortHandle,
};
use tonic::{Status, transport::Server};

use super::proto::{
    kms_v1::key_management_service_server::KeyManagementServiceServer as ServerV1,
    kms_v2::key_management_service_server::KeyManagementServiceServer as ServerV2,
};
use crate::backend::{KeyRef, KmsVersion, VaultCrypto, VaultRefusal};

/// The keys of one plugin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PluginKeys {
    /// It encrypts with this one.
    pub(super) write: KeyRef,
    /// It also decrypts with these.
    pub(super) read: Vec<KeyRef>,
    /// It is healthy while it can use so many of them, the one it encrypts with first.
    pub(super) needed: usize,
}

impl PluginKeys {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &KeyRef> {
        std::iter::once(&self.write).chain(&self.read)
    }

    /// Those that it needs to be healthy.
    pub(super) fn needed(&self) -> impl Iterator<Item = &KeyRef> {
        self.all().take(self.needed)
    }

    /// The key that a plugin key id means, if the plugin has it.
    pub(super) fn find(&self, plugin_key_id: &str) -> Option<&KeyRef> {
        self.all().find(|key| key.plugin_key_id() == plugin_key_id)
    }
}

/// A running plugin: one provider of one API server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Plugin {
    endpoint: String,
    keys: Arc<Mutex<PluginKeys>>,
    task: AbortHandle,
}

/// What a plugin answers from.
#[derive(Clone)]
struct Keeper {
    keys: Arc<Mutex<PluginKeys>>,
    vault: Arc<dyn VaultCrypto>,
    down: watch::Receiver<bool>,
}

impl Plugin {
    /// Starts it. It answers nothing while `down` is true.
    pub(super) fn start(
        address: &PluginAddress,
        keys: PluginKeys,
        vault: Arc<dyn VaultCrypto>,
        down: watch::Receiver<bool>,
    ) -> Result<Self, String> {
        let endpoint = address.endpoint();
        let listener =
            address.listen().map_err(|error| format!("KMS plugin at {endpoint}: {error}"))?;
        let own = own_user().map_err(|error| format!("KMS plugin at {endpoint}: {error}"))?;
        let connections = stream::unfold(listener, move |listener| async move {
            let connection = accept_from(&listener, own).await;
            Some((connection, listener))
        });
        let keys = Arc::new(Mutex::new(keys));
        let keeper = Keeper { keys: Arc::clone(&keys), vault, down };
        let mut server = Server::builder();
        let router = match address.version {
            KmsVersion::V1 => server.add_service(ServerV1::new(keeper)),
            KmsVersion::V2 | KmsVersion::V2Plus => server.add_service(ServerV2::new(keeper)),
        };
        let task = tokio::spawn(async move {
            if let Err(error) = router.serve_with_incoming(connections).await {
                tracing::error!(%error, "KMS plugin ended");
            }
        });
        Ok(Self { endpoint, keys, task: task.abort_handle() })
    }

    /// What the encryption configuration calls it.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Gives it other keys while it runs.
    pub(super) fn set_keys(&self, keys: PluginKeys) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a plugin listens, and what it speaks.
#[derive(Debug)]
pub(super) struct PluginAddress {
    version: KmsVersion,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    /// For KMS v2 since Kubernetes 1.32: other API servers name it in a way that is no authority of
    /// HTTP.
    Path(PathBuf),
    /// For all of them.
    Abstract(String),
}

impl PluginAddress {
    /// The address of a provider's plugin for an API server.
    pub(super) fn new(folder: &Path, version: KmsVersion, server: usize, provider: &str) -> Self {
        let socket = if cfg!(target_os = "linux") || version == KmsVersion::V1 {
            Socket::Abstract(format!("{server}-{provider}-{}", uuid::Uuid::new_v4()))
        } else {
            Socket::Path(folder.join(format!("{server}-{provider}.sock")))
        };
        Self { version, socket }
    }

    fn endpoint(&self) -> String {
        match &self.socket {
            Socket::Path(path) => format!("unix://{}", path.display()),
            Socket::Abstract(name) => format!("unix:///@{name}"),
        }
    }

    fn listen(&self) -> std::io::Result<UnixListener> {
        match &self.socket {
            Socket::Path(path) => match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => UnixListener::bind(path),
            },
            Socket::Abstract(name) => listen_on_abstract_socket(name),
        }
    }
}

/// The user that this process runs as.
fn own_user() -> std::io::Result<u32> {
    Ok(UnixStream::pair()?.0.peer_cred()?.uid())
}

/// The next connection of a process of this user. An abstract socket has no owner: everybody on the machine can
/// connect to it, and what a plugin decrypts is what all secrets are encrypted with.
async fn accept_from(listener: &UnixListener, user: u32) -> std::io::Result<UnixStream> {
    loop {
        let (connection, _) = listener.accept().await?;
        if connection.peer_cred().is_ok_and(|peer| peer.uid() == user) {
            return Ok(connection);
        }
        tracing::warn!("a process of another user was turned away from a KMS plugin");
    }
}

#[cfg(target_os = "linux")]
fn listen_on_abstract_socket(name: &str) -> std::io::Result<UnixListener> {
    use std::os::{linux::net::SocketAddrExt, unix::net};
    let address = net::SocketAddr::from_abstract_name(name)?;
    let listener = net::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[cfg(not(target_os = "linux"))]
fn listen_on_abstract_socket(_name: &str) -> std::io::Result<UnixListener> {
    Err(std::io::Error::other("this needs an abstract socket, which only Linux has"))
}

impl Keeper {
    /// Returns at once, or when the plugin answers again.
    async fn up(&self) {
        let mut down = self.down.clone();
        // An error means that the cluster is gone.
        let _ = down.wait_for(|down| !down).await;
    }

    fn keys(&self) -> PluginKeys {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Encrypts, and says with which key.
    async fn encrypt(&self, plaintext: &[u8]) -> Result<(KeyRef, Vec<u8>), Status> {
        self.up().await;
        let key = self.keys().write;
        let ciphertext = self.vault.encrypt(&key.key_id, plaintext).await.map_err(refused)?;
        Ok((key, ciphertext))
    }

    /// Decrypts with a key that it has.
    async fn decrypt(&self, plugin_key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, Status> {
        self.up().await;
        let keys = self.keys();
        let key = keys.find(plugin_key_id).ok_or_else(|| {
            Status::failed_precondition(format!("no key with key id {plugin_key_id} is configured"))
        })?;
        self.vault.decrypt(&key.key_id, ciphertext).await.map_err(refused)
    }

    /// `ok`, or why the vault would refuse one of the keys.
    async fn health(&self) -> String {
        for key in self.keys().needed() {
            if let Err(refusal) = self.vault.usable(&key.key_id).await {
                return refusal.to_string();
            }
        }
        "ok".to_owned()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn refused(refusal: VaultRefusal) -> Status {
    Status::permission_denied(refusal.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;
    use tonic::{Code, Request};

    use super::*;
    use crate::real::proto::{
        kms_v1::{self, key_management_service_server::KeyManagementService as V1},
        kms_v2::{self, key_management_service_server::KeyManagementService as V2},
    };

    /// Encrypts by writing the key id before the plaintext.
    struct Vault;

    #[async_trait::async_trait]
    impl VaultCrypto for Vault {
        async fn encrypt(&self, key_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
            self.usable(key_id).await?;
            Ok([key_id.as_bytes(), plaintext].concat())
        }

        async fn decrypt(&self, key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
            Ok(ciphertext.strip_prefix(key_id.as_bytes()).unwrap().to_vec())
        }

        async fn usable(&self, key_id: &str) -> Result<(), VaultRefusal> {
            let refusal = || VaultRefusal { code: "KeyDisabled".into(), message: "no".into() };
            if key_id == "disabled" { Err(refusal()) } else { Ok(()) }
        }

        async fn can_decrypt(&self, key_id: &str) -> Result<(), VaultRefusal> {
            self.usable(key_id).await
        }
    }

    fn key(key_id: &str) -> KeyRef {
        KeyRef { key_id: key_id.to_owned(), kms_version: KmsVersion::V2 }
    }

    fn keeper(write: &str, read: Option<&str>, down: bool) -> (Keeper, watch::Sender<bool>) {
        let read = read.map(key).into_iter().collect();
        let keys = PluginKeys { write: key(write), read, needed: usize::MAX };
        let (sender, receiver) = watch::channel(down);
        let keys = Arc::new(Mutex::new(keys));
        (Keeper { keys, vault: Arc::new(Vault), down: receiver }, sender)
    }

    fn decrypt_request(key_id: &str) -> Request<kms_v2::DecryptRequest> {
        Request::new(kms_v2::DecryptRequest {
            ciphertext: format!("{key_id}seed").into_bytes(),
            key_id: key(key_id).plugin_key_id(),
            ..kms_v2::DecryptRequest::default()
        })
    }

    #[tokio::test]
    async fn a_plugin_decrypts_with_its_keys_and_no_other() {
        let (keeper, _down) = keeper("two", Some("one"), false);
        let request = kms_v2::EncryptRequest { plaintext: b"seed".to_vec(), uid: String::new() };
        let answer = V2::encrypt(&keeper, Request::new(request)).await.unwrap().into_inner();
        assert_eq!(answer.ciphertext, b"twoseed");
        assert_eq!(answer.key_id, key("two").plugin_key_id());
        for known in ["two", "one"] {
            let answer = V2::decrypt(&keeper, decrypt_request(known)).await.unwrap();
            assert_eq!(answer.into_inner().plaintext, b"seed");
        }
        let refusal = V2::decrypt(&keeper, decrypt_request("zero")).await.unwrap_err();
        assert_eq!(refusal.code(), Code::FailedPrecondition);
    }

    #[tokio::test]
    async fn a_v1_plugin_tells_its_keys_apart_by_itself() {
        let plain = b"seed".to_vec();
        let request = kms_v1::EncryptRequest { version: String::new(), plain };
        let (before, _down) = keeper("one", None, false);
        let cipher = V1::encrypt(&before, Request::new(request)).await.unwrap().into_inner().cipher;
        let request = || {
            Request::new(kms_v1::DecryptRequest {
                cipher: cipher.clone(),
                ..kms_v1::DecryptRequest::default()
            })
        };
        let (after, _down) = keeper("two", Some("one"), false);
        assert_eq!(V1::decrypt(&after, request()).await.unwrap().into_inner().plain, b"seed");
        let (later, _down) = keeper("three", Some("two"), false);
        assert!(V1::decrypt(&later, request()).await.is_err());
    }

    #[tokio::test]
    async fn a_refusal_of_the_vault_is_bad_health() {
        let (keeper, _down) = keeper("disabled", None, false);
        let status = V2::status(&keeper, Request::new(kms_v2::StatusRequest {})).await.unwrap();
        assert_eq!(status.into_inner().healthz, "KeyDisabled: no");
        let request = kms_v2::EncryptRequest::default();
        let refusal = V2::encrypt(&keeper, Request::new(request)).await.unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_is_down_answers_when_it_is_up_again() {
        let (keeper, down) = keeper("one", None, true);
        let mut status = V2::status(&keeper, Request::new(kms_v2::StatusRequest {}));
        assert!(timeout(Duration::from_secs(100), &mut status).await.is_err());
        down.send_replace(false);
        assert_eq!(status.await.unwrap().into_inner().healthz, "ok");
    }
}
