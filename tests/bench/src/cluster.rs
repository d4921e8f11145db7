//! A real cluster whose secrets can be made stale again and again.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use aks_kms_simulator::{
    Case, Options, Simulator,
    backend::KubernetesBackend,
    given,
    real::{RealCluster, SECRETS, Stored},
};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use crate::{
    load::Secrets,
    process::{Usage, child},
    target::Target,
    wire::{Wire, get},
};

/// Values that are put into etcd at the same time.
const PUTS: usize = 32;
/// A server that uses less than this in [`WINDOW`] is at rest.
const AT_REST: Duration = Duration::from_millis(40);
const WINDOW: Duration = Duration::from_millis(400);

/// etcd and one kube-apiserver that writes with a new key, and secrets under the key before it.
pub struct Cluster {
    simulator: Simulator,
    case: Case,
    real: Arc<RealCluster>,
    target: Target,
    secrets: Secrets,
    /// Every secret as it was under the old key.
    stale: Vec<Stored>,
    api_server: u32,
    etcd: u32,
    folder: TempDir,
}

/// What servers have done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effort {
    /// CPU of the API server.
    pub api_server: Duration,
    /// CPU of etcd.
    pub etcd: Duration,
    /// Requests for secrets that were answered.
    pub requests: usize,
    /// Of these, with 429.
    pub throttled: usize,
}

impl Effort {
    /// What was done after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            api_server: self.api_server.saturating_sub(before.api_server),
            etcd: self.etcd.saturating_sub(before.etcd),
            requests: self.requests.saturating_sub(before.requests),
            throttled: self.throttled.saturating_sub(before.throttled),
        }
    }
}

impl Cluster {
    /// Starts it and makes the secrets.
    ///
    /// # Errors
    /// The programs of a real cluster are missing, or it does not get ready.
    pub async fn start(secrets: Secrets) -> Result<Self, Box<dyn Error>> {
        let started = Arc::new(OnceLock::new());
        let keep = Arc::clone(&started);
        let factory = move |spec| {
            let keep = Arc::clone(&keep);
            async move {
                let real = Arc::new(RealCluster::start_unrecorded(spec).await?);
                let backend: Arc<dyn KubernetesBackend> = Arc::clone(&real) as _;
                keep.set(real).map_err(|_| "there is one cluster already".to_owned())?;
                Ok(backend)
            }
            .boxed()
        };
        let simulator = Simulator::start_with(Options::default(), Arc::new(factory)).await?;
        let case = simulator.put_case(world(secrets, given::Backend::Real)).await?;
        let real = started.get().cloned().ok_or("the cluster was not started")?;
        Ok(Self {
            target: target(&*real),
            secrets,
            stale: real.etcd().list(SECRETS).await?,
            api_server: child("kube-apiserver")?,
            etcd: child("etcd")?,
            folder: tempfile::tempdir()?,
            simulator,
            case,
            real,
        })
    }

    /// The cluster as Azure knows it.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Its API server.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Its secrets.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.secrets
    }

    /// Puts every secret back under the old key, behind the API server's back, and waits until the
    /// servers have come to rest.
    ///
    /// # Errors
    /// etcd refuses.
    pub async fn make_stale(&self) -> Result<(), Box<dyn Error>> {
        let etcd = self.real.etcd();
        stream::iter(&self.stale)
            .map(|secret| etcd.put(&secret.key, secret.value.clone()))
            .buffer_unordered(PUTS)
            .try_collect::<()>()
            .await?;
        self.rest().await?;
        Ok(())
    }

    /// Waits until the servers have come to rest.
    ///
    /// # Errors
    /// They have ended.
    pub async fn rest(&self) -> io::Result<()> {
        let used =
            || Ok::<_, io::Error>(Usage::of(self.api_server)?.cpu + Usage::of(self.etcd)?.cpu);
        loop {
            let before = used()?;
            sleep(WINDOW).await;
            if used()?.saturating_sub(before) < AT_REST {
                return Ok(());
            }
        }
    }

    /// How many secrets are not under the new key, as etcd says.
    ///
    /// # Errors
    /// etcd cannot be read.
    pub async fn left(&self) -> Result<usize, Box<dyn Error>> {
        left(&self.simulator, &self.case).await
    }

    /// What the servers have done so far.
    ///
    /// # Errors
    /// They have ended.
    pub async fn effort(&self) -> io::Result<Effort> {
        let tls = TlsConnector::from(self.target.tls()?);
        let mut wire = Wire::open(&self.target, &tls).await?;
        let mut metrics = Vec::new();
        let request = get(&self.target, "/metrics");
        wire.exchange(&request, |part| metrics.extend_from_slice(part)).await?;
        let metrics = String::from_utf8(metrics).map_err(io::Error::other)?;
        let (requests, throttled) = answered(&metrics);
        Ok(Effort {
            api_server: Usage::of(self.api_server)?.cpu,
            etcd: Usage::of(self.etcd)?.cpu,
            requests,
            throttled,
        })
    }

    /// A kubeconfig for the API server, or for a way to it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn kubeconfig(&self, address: Option<&str>) -> io::Result<PathBuf> {
        kubeconfig(self.folder.path(), &self.target, address.unwrap_or(&self.target.address))
    }
}

/// How an API server is reached as an administrator.
pub fn target(backend: &dyn KubernetesBackend) -> Target {
    let endpoint = backend.endpoint();
    Target {
        address: endpoint.server.trim_start_matches("https://").to_owned(),
        ca_pem: endpoint.ca_pem,
        token: endpoint.admin_token,
    }
}

/// Writes a kubeconfig for `address`.
///
/// # Errors
/// It cannot be written.
pub fn kubeconfig(folder: &Path, target: &Target, address: &str) -> io::Result<PathBuf> {
    let Target { ca_pem, token, .. } = target;
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, ca_pem)?;
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {
            "server": format!("https://{address}"), "certificate-authority": ca,
        }}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    });
    let path = folder.join(format!("{}.json", address.replace(':', "-")));
    std::fs::write(&path, document.to_string())?;
    Ok(path)
}

/// How many secrets of a case are not under its new key, as its store says.
///
/// # Errors
/// The store cannot be read.
pub async fn left(simulator: &Simulator, case: &Case) -> Result<usize, Box<dyn Error>> {
    let truth = simulator.secrets(&case.id).await?;
    let new = case.key_ids.get(1).ok_or("the case has one key only")?;
    Ok(truth.total - truth.by_key.get(new).copied().unwrap_or_default())
}

/// A cluster that writes with the second key, and secrets under the first.
#[must_use]
pub fn world(secrets: Secrets, backend: given::Backend) -> given::Given {
    given::Given {
        cluster: given::Cluster {
            kms: Some(given::Kms {
                in_use: None,
                key: Some("{{key.2}}".to_owned()),
                enabled: true,
                network_mode: given::NetworkMode::Public,
                previous: Some("{{key.1}}".to_owned()),
            }),
            kubernetes_version: "1.34.2".to_owned(),
            api_servers: 1,
            backend,
            ..given::Cluster::default()
        },
        secrets: given::Secrets {
            namespaces: secrets.namespaces,
            each: secrets.each,
            under: Some("{{key.1}}".to_owned()),
            ..given::Secrets::default()
        },
        ..given::Given::default()
    }
}

/// Requests for secrets, and those of them that were throttled, in an API server's metrics.
fn answered(metrics: &str) -> (usize, usize) {
    let mut sums = (0, 0);
    for line in metrics.lines() {
        if !line.starts_with("apiserver_request_total{") || !line.contains("resource=\"secrets\"") {
            continue;
        }
        let count = line.rsplit_once(' ').and_then(|(_, count)| count.parse::<f64>().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = count.unwrap_or_default() as usize;
        sums.0 += count;
        if line.contains("code=\"429\"") {
            sums.1 += count;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_secrets_are_counted_whatever_their_verb() {
        let metrics = r#"
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",resource="secrets",scope="resource",verb="PATCH"} 1.2e+06
apiserver_request_total{code="429",resource="secrets",scope="resource",verb="PATCH"} 3
apiserver_request_total{code="200",resource="configmaps",scope="resource",verb="PATCH"} 9
apiserver_request_duration_seconds_count{resource="secrets"} 5
"#;
        assert_eq!(answered(metrics), (1_200_003, 3));
    }
}
