//! One API server with its KMS plugins.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    binaries::ApiServerProgram,
    chain::Chain,
    client::Client,
    etcd_identity,
    plugin::{Plugin, PluginAddress},
    process::{ATTEMPTS, Launch, Process, free_ports, port_was_taken},
    store,
    surroundings::{Recording, Surroundings, write},
};
use crate::backend::{KmsVersion, vault_of};

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
    /// What it runs, or will when it is started the next time.
    program: ApiServerProgram,
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
    pub(super) fn new(number: usize, program: ApiServerProgram) -> Self {
        Self {
            number,
            program,
            kms_down: watch::channel(false).0,
            plugins: Vec::new(),
            settings: None,
            running: None,
        }
    }

    /// What it runs.
    pub(super) fn program(&self) -> &ApiServerProgram {
        &self.program
    }

    /// Changes what it runs when it is started the next time.
    pub(super) fn set_program(&mut self, program: ApiServerProgram) {
        self.program = program;
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
            let vault = vault_of(&surroundings.vault, provider.version);
            for key in provider.keys.needed() {
                healthy &= vault.usable(&key.key_id).await.is_ok();
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

    fn arguments(
        &self,
        surroundings: &Surroundings,
        port: u16,
        settings: &Settings,
    ) -> Vec<String> {
        let Surroundings { folder, etcd, recording, entra, .. } = surroundings;
        let file = |name: &str| folder.join(name).display().to_string();
        let mut arguments = vec![
            format!("--etcd-servers={}", etcd.url()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", file(&format!("certificates-{}", self.number))),
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
        arguments.extend(etcd_identity::arguments_of_api_server(folder));
        if *recording == Recording::Blocking {
            arguments.extend([
                format!("--audit-policy-file={}", file("audit-policy.json")),
                format!("--audit-webhook-config-file={}", file("audit-hook.json")),
                // A write is recorded before it takes effect.
                "--audit-webhook-mode=blocking-strict".to_owned(),
            ]);
        }
        if *entra {
            arguments.push(format!(
                "--authentication-token-webhook-config-file={}",
                file("token-hook.json")
            ));
        }
        if !settings.chain.links.is_empty() {
            arguments.push(format!(
                "--encryption-provider-config={}",
                surroundings.encryption_configuration(self.number).display()
            ));
            if self.program.minor >= AUTOMATIC_RELOAD_MINOR {
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
        if self.program.minor >= KMS_V1_GATE_MINOR {
            gates.push(format!("KMSv1={v1}"));
        }
        if self.program.minor >= STREAMING_LISTS_MINOR {
            gates.push(format!("WatchList={}", settings.streaming_lists));
        }
        gates
    }

    fn configure(&mut self, surroundings: &Surroundings, chain: &Chain) -> Result<(), String> {
        self.plugins.clear();
        for provider in chain.providers() {
            let address = PluginAddress::new(
                &surroundings.folder,
                provider.version,
                self.number,
                &provider.name,
            );
            let vault = vault_of(&surroundings.vault, provider.version);
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
                program: &self.program.path,
                arguments: self.arguments(surroundings, port, &settings),
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
