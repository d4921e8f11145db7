//! What the API servers of a cluster have in common, from etcd to the files that they read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::KeyPair;

use super::{
    balancer::Balancer,
    binaries::Binaries,
    etcd::Etcd,
    hooks::{Hooks, SIMULATOR, audit_policy},
    process::HostNames,
    rights::CLUSTER_USER,
};
use crate::{
    backend::{BackendSpec, VaultCrypto},
    tls::Authority,
};

/// Whether the writes that API servers see are recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Recording {
    /// Before they take effect: a write waits until it is recorded.
    Blocking,
    /// Not at all.
    Off,
}

/// What the API servers of a cluster have in common.
pub(super) struct Surroundings {
    pub(super) folder: PathBuf,
    pub(super) etcd: Etcd,
    pub(super) balancer: Balancer,
    pub(super) tokens: Tokens,
    pub(super) vault: Arc<dyn VaultCrypto>,
    pub(super) authority: Arc<Authority>,
    pub(super) host_names: Option<HostNames>,
    pub(super) entra: bool,
    pub(super) recording: Recording,
    _hooks: Hooks,
}

/// Bearer tokens.
pub(super) struct Tokens {
    pub(super) admin: String,
    pub(super) user: String,
    pub(super) simulator: String,
}

impl Surroundings {
    /// Starts etcd, load balancer and webhooks, and writes what API servers read at their start.
    pub(super) async fn new(
        spec: &BackendSpec,
        folder: PathBuf,
        binaries: &Binaries,
        recording: Recording,
    ) -> Result<Self, String> {
        let cluster = &spec.given.cluster;
        let host_names = if cluster.api_servers > 1 {
            let possible = HostNames::possible().ok_or(
                "several API servers need host names of their own: root, or user namespaces",
            )?;
            Some(possible)
        } else {
            None
        };
        let token = || uuid::Uuid::new_v4().simple().to_string();
        let surroundings = Self {
            etcd: Etcd::start(binaries, &folder).await?,
            balancer: Balancer::start(cluster.api_servers).await?,
            _hooks: {
                let hooks =
                    Hooks::start(Arc::clone(&spec.recorder), Arc::clone(&spec.entra)).await?;
                write(&folder.join("audit-hook.json"), &hooks.kubeconfig("/audit").to_string())?;
                write(&folder.join("token-hook.json"), &hooks.kubeconfig("/token").to_string())?;
                hooks
            },
            tokens: Tokens { admin: token(), user: token(), simulator: token() },
            vault: Arc::clone(&spec.vault),
            authority: Arc::clone(&spec.authority),
            host_names,
            entra: cluster.entra,
            recording,
            folder,
        };
        surroundings.write_files()?;
        Ok(surroundings)
    }

    fn write_files(&self) -> Result<(), String> {
        let error = |error: rcgen::Error| format!("certificates: {error}");
        let (certificate, key) =
            self.authority.issue(&["127.0.0.1", "localhost"]).map_err(error)?;
        let service_accounts = KeyPair::generate().map_err(error)?;
        let Tokens { admin, user, simulator } = &self.tokens;
        let tokens = format!(
            "{admin},cluster-admin,cluster-admin,system:masters\n\
             {user},{CLUSTER_USER},{CLUSTER_USER}\n\
             {simulator},{SIMULATOR},{SIMULATOR},system:masters\n"
        );
        for (name, content) in [
            ("tls.crt", certificate),
            ("tls.key", key),
            ("service-accounts.key", service_accounts.serialize_pem()),
            ("service-accounts.pub", service_accounts.public_key_pem()),
            ("tokens.csv", tokens),
            ("audit-policy.json", audit_policy().to_string()),
        ] {
            write(&self.folder.join(name), &content)?;
        }
        Ok(())
    }

    pub(super) fn encryption_configuration(&self, number: usize) -> PathBuf {
        self.folder.join(format!("encryption-{number}.json"))
    }
}

pub(super) fn write(path: &Path, content: &str) -> Result<(), String> {
    std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}
