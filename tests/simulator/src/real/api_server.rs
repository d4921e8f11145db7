//! One API server with its KMS plugins.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::KeyPair;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    balancer::Balancer,
    binaries::Binaries,
    chain::Chain,
    client::Client,
    etcd::Etcd,
    etcd_identity,
    hooks::{Hooks, SIMULATOR, audit_policy},
    plugin::{Plugin, PluginAddress},
    process::{ATTEMPTS, HostNames, Launch, Process, free_ports, port_was_taken},
    rights::CLUSTER_USER,
    store,
};
use crate::{
    backend::{BackendSpec, KmsVersion, VaultCrypto},
    files,
    tls::Authority,
};

const START: Duration = Duration::from_secs(60);
/// Ready but for what waits until every secret is read.
const READY_WITHOUT_SECRETS: &str =
    "/readyz?exclude=informer-sync&exclude=poststarthook/storage-readiness";
/// Ready but for that and for the plugins.
const READY_WITHOUT_KMS: &str =
    "/readyz?exclude=informer-sync&exclude=poststarthook/storage-readiness&exclude=kms-providers";

/// The encryption configuration is read again from this minor version on.
const AUTOMATIC_RELOAD_MINOR: u32 = 26;
/// KMS v1 has a feature gate from this minor version on.
const KMS_V1_GATE_MINOR: u32 = 28;
/// Streaming lists are as AKS has them from this minor version on.
const STREAMING_LISTS_MINOR: u32 = 34;

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
    pub(super) binaries: Binaries,
    /// The minor version of the API servers.
    pub(super) minor: u32,
    pub(super) etcd: Etcd,
    pub(super) balancer: Balancer,
    pub(super) tokens: Tokens,
    vault: Arc<dyn VaultCrypto>,
    authority: Arc<Authority>,
    host_names: Option<HostNames>,
    entra: bool,
    recording: Recording,
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
        recording: Recording,
    ) -> Result<Self, String> {
        let binaries = Binaries::find().map_err(|error| error.to_string())?;
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
            etcd: Etcd::start(&binaries, &spec.authority, &folder).await?,
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
            minor: binaries.minor_version()?,
            binaries,
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

    fn arguments(&self, number: usize, port: u16, settings: &Settings) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let mut arguments = vec![
            format!("--etcd-servers={}", self.etcd.url()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", file(&format!("certificates-{number}"))),
            format!("--tls-cert-file={}", file("tls.crt")),
            format!("--tls-private-key-file={}", file("tls.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("service-accounts.pub")),
            format!("--service-account-signing-key-file={}", file("service-accounts.key")),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            format!("--token-auth-file={}", file("tokens.csv")),
            // There is no controller that makes service accounts.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ];
        arguments.extend(etcd_identity::arguments_of_api_server(&self.folder));
        if self.recording == Recording::Blocking {
            arguments.extend([
                format!("--audit-policy-file={}", file("audit-policy.json")),
                format!("--audit-webhook-config-file={}", file("audit-hook.json")),
                // A write is recorded before it takes effect.
                "--audit-webhook-mode=blocking-strict".to_owned(),
            ]);
        }
        if self.entra {
            arguments.push(format!(
                "--authentication-token-webhook-config-file={}",
                file("token-hook.json")
            ));
        }
        if !settings.chain.links.is_empty() {
            arguments.push(format!(
                "--encryption-provider-config={}",
                self.encryption_configuration(number).display()
            ));
            if self.minor >= AUTOMATIC_RELOAD_MINOR {
                arguments.push("--encryption-provider-config-automatic-reload=true".to_owned());
            }
        }
        let gates = self.feature_gates(settings);
        if !gates.is_empty() {
            arguments.push(format!("--feature-gates={}", gates.join(",")));
        }
        arguments
    }

    /// What is not as it is by default in this version, of which AKS changes nothing else.
    fn feature_gates(&self, settings: &Settings) -> Vec<String> {
        let v1 = settings.chain.providers().any(|provider| provider.version == KmsVersion::V1);
        let mut gates = Vec::new();
        if self.minor >= KMS_V1_GATE_MINOR {
            gates.push(format!("KMSv1={v1}"));
        }
        if self.minor >= STREAMING_LISTS_MINOR {
            gates.push(format!("WatchList={}", settings.streaming_lists));
        }
        gates
    }

    fn encryption_configuration(&self, number: usize) -> PathBuf {
        self.folder.join(format!("encryption-{number}.json"))
    }
}

/// What an API server needs a restart for, keys of a hot provider aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    pub(super) chain: Chain,
    pub(super) streaming_lists: bool,
}

/// An API server.
pub(super) struct ApiServer {
    /// From 1.
    number: usize,
    kms_down: watch::Sender<bool>,
    /// In the order of the providers.
    plugins: Vec<Plugin>,
    /// What it runs with; while it is stopped: what it ran with.
    settings: Option<Settings>,
    running: Option<Running>,
}

struct Running {
    client: Client,
    process: Process,
}

impl ApiServer {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            kms_down: watch::channel(false).0,
            plugins: Vec::new(),
            settings: None,
            running: None,
        }
    }

    /// A client that talks to this one.
    pub(super) fn client(&self) -> Result<&Client, String> {
        let running = self.running.as_ref();
        running
            .map(|running| &running.client)
            .ok_or_else(|| format!("API server {} does not run", self.number))
    }

    /// The providers that it has.
    pub(super) fn chain(&self) -> Option<&Chain> {
        self.settings.as_ref().map(|settings| &settings.chain)
    }

    /// Makes its plugins answer nothing, or answer again.
    pub(super) fn set_kms_down(&self, down: bool) {
        self.kms_down.send_replace(down);
    }

    /// Gives it these settings, by a restart where one is needed. Returns when it is ready.
    pub(super) async fn settle(
        &mut self,
        surroundings: &Surroundings,
        settings: Settings,
    ) -> Result<(), String> {
        if self.running.is_some()
            && let Some(now) = &mut self.settings
            && now.streaming_lists == settings.streaming_lists
            && !now.chain.needs_restart(&settings.chain)
        {
            for (provider, plugin) in settings.chain.providers().zip(&self.plugins) {
                plugin.set_keys(provider.keys.clone());
            }
            *now = settings;
            return Ok(());
        }
        let kms_answers = !*self.kms_down.borrow();
        self.begin_anew(surroundings, settings, kms_answers).await
    }

    /// Starts it anew as it is, or was. Its plugins may be refused by the vault: it answers all the same.
    pub(super) async fn restart(&mut self, surroundings: &Surroundings) -> Result<(), String> {
        let Some(settings) = self.settings.clone() else {
            return Ok(());
        };
        let mut healthy = !*self.kms_down.borrow();
        for provider in settings.chain.providers() {
            for key in provider.keys.all() {
                healthy &= surroundings.vault.usable(&key.key_id).await.is_ok();
            }
        }
        self.begin_anew(surroundings, settings, healthy).await
    }

    /// Ends its process.
    pub(super) async fn stop(&mut self, surroundings: &Surroundings) {
        surroundings.balancer.set(self.number - 1, None);
        if let Some(running) = self.running.take() {
            running.process.stop().await;
        }
    }

    /// Ends its process and starts another.
    async fn begin_anew(
        &mut self,
        surroundings: &Surroundings,
        settings: Settings,
        kms_answers: bool,
    ) -> Result<(), String> {
        self.stop(surroundings).await;
        self.configure(surroundings, &settings.chain)?;
        let address = self.start(surroundings, settings, kms_answers).await?;
        surroundings.balancer.set(self.number - 1, Some(address));
        Ok(())
    }

    fn configure(&mut self, surroundings: &Surroundings, chain: &Chain) -> Result<(), String> {
        self.plugins.clear();
        for provider in chain.providers() {
            let address = PluginAddress::new(
                &surroundings.folder,
                provider.version,
                self.number,
                provider.name,
            );
            let vault = Arc::clone(&surroundings.vault);
            let down = self.kms_down.subscribe();
            self.plugins.push(Plugin::start(&address, provider.keys.clone(), vault, down)?);
        }
        let configuration = chain.configuration(self.plugins.iter().map(Plugin::endpoint));
        write(&surroundings.encryption_configuration(self.number), &configuration.to_string())
    }

    async fn start(
        &mut self,
        surroundings: &Surroundings,
        settings: Settings,
        kms_answers: bool,
    ) -> Result<SocketAddr, String> {
        let mut attempt = 1;
        loop {
            let [port] = free_ports()?;
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let process = Launch {
                program: &surroundings.binaries.kube_apiserver,
                arguments: surroundings.arguments(self.number, port, &settings),
                log: surroundings.folder.join(format!("kube-apiserver-{}.log", self.number)),
                host_name: surroundings
                    .host_names
                    .map(|way| (way, format!("kube-apiserver-{}", self.number))),
            }
            .spawn()?;
            let ca_pem = surroundings.authority.ca_pem();
            let client = Client::new(address, ca_pem, &surroundings.tokens.simulator)?;
            let running = self.running.insert(Running { client, process });
            let chain = &self.settings.insert(settings.clone()).chain;
            let ready = running.ready(surroundings, chain, kms_answers);
            match Box::pin(ready).await {
                Ok(()) => return Ok(address),
                Err(error) if attempt < ATTEMPTS && port_was_taken(&error) => attempt += 1,
                Err(error) => return Err(format!("API server {}: {error}", self.number)),
            }
        }
    }
}

impl Running {
    /// Waits until it is ready. A secret that it cannot decrypt, and a plugin that does not
    /// answer, keep an API server from ever being ready. It answers all the same, and a case wants
    /// to see what.
    async fn ready(
        &mut self,
        surroundings: &Surroundings,
        chain: &Chain,
        kms_answers: bool,
    ) -> Result<(), String> {
        let path = if kms_answers { "/readyz" } else { READY_WITHOUT_KMS };
        let mut unreadable = None;
        let started = Instant::now();
        loop {
            self.process.check()?;
            if self.client.status(path).await == Ok(200) {
                return Ok(());
            }
            if self.client.status(READY_WITHOUT_SECRETS).await == Ok(200) {
                if unreadable.is_none() {
                    unreadable = Some(store::unreadable(&surroundings.etcd, &[chain]).await?);
                }
                if unreadable > Some(0) {
                    return Ok(());
                }
            }
            if started.elapsed() > START {
                return Err(format!("not ready: {}", self.process.last_lines()));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(super) fn write(path: &Path, content: &str) -> Result<(), String> {
    let written = files::create(path).and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
