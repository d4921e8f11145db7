//! The library in a process of its own, run step by step, stopped and killed.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    io::{BufRead, Write},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use aks_kms::{
    ClusterId, ClusterKeySource, CreateClusterOptions, CustomerManagedKey, DisableOptions,
    EnableOptions, Error, Experience, KeySource, KmsManager, NetworkMode, ProvisionOptions,
    ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId, RunOptions,
    SetDataEncryptionOptions,
};
use aks_kms_simulator::Case;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

const SCRIPT: &str = "AKS_KMS_PUPPET";
const MARK: &str = "subprocess: ";

/// What a subprocess is to do.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Script {
    pub(crate) case: Case,
    /// `enable`, `rotate`, `rotate_by_age` (of more than a day), `disable`, `set_data_encryption`, `reencrypt_secrets`,
    /// `resume`; `provision`, `provision_customer_managed`; of the cluster `brand-new`, `create_cluster`, or with a
    /// platform-managed key `create_cluster_platform`, with a customer-managed one `create_cluster_customer`.
    pub(crate) verb: String,
    pub(crate) key_id: Option<String>,
    /// Wait for a word before each phase.
    pub(crate) step_by_step: bool,
    /// Factor of every wait.
    pub(crate) scale: f64,
}

/// How a subprocess ended.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Outcome {
    /// `None`: it succeeded.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) report: Value,
}

/// The library in a process of its own.
pub(crate) struct Subprocess {
    child: Child,
    words: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a subprocess says.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is about to begin this phase, and, if it runs step by step, waits for a word.
    Phase(String),
    Ended(Outcome),
}

impl Subprocess {
    /// Starts the process. The test binary must have a test `subprocess` that calls [`act`].
    pub(crate) fn start(script: &Script) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["subprocess", "--exact", "--ignored", "--nocapture", "--quiet"])
            .env(SCRIPT, serde_json::to_string(script).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let words = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, words, lines }
    }

    /// The next thing that it says.
    pub(crate) async fn listen(&mut self) -> Said {
        let listening = async {
            loop {
                let line =
                    self.lines.next_line().await.unwrap().expect("the subprocess ended silently");
                let Some((_, said)) = line.split_once(MARK) else { continue };
                return match said.strip_prefix("phase ") {
                    Some(phase) => Said::Phase(phase.to_owned()),
                    None => Said::Ended(serde_json::from_str(said).unwrap()),
                };
            }
        };
        tokio::time::timeout(super::PATIENCE, listening).await.expect("the subprocess hangs")
    }

    /// Lets it go on.
    pub(crate) async fn go_on(&mut self) {
        self.words.write_all(b"\n").await.unwrap();
    }

    /// Leads it to the given occurrence (from 1) of a phase, where it waits. `None`: it ended before.
    pub(crate) async fn run_until_phase(
        &mut self,
        phase: &str,
        occurrence: usize,
    ) -> Option<Outcome> {
        let mut seen = 0;
        loop {
            match self.listen().await {
                Said::Phase(now) => {
                    seen += usize::from(now == phase);
                    if seen == occurrence {
                        return None;
                    }
                    self.go_on().await;
                }
                Said::Ended(outcome) => return Some(outcome),
            }
        }
    }

    /// Leads it past a number of phases. `Some`: it ended before.
    pub(crate) async fn lead_past(&mut self, phases: usize) -> Option<Outcome> {
        for number in 0.. {
            match self.listen().await {
                Said::Phase(_) if number == phases => return None,
                Said::Phase(_) => self.go_on().await,
                Said::Ended(outcome) => return Some(outcome),
            }
        }
        None
    }

    /// Lets it go on, from where it waits to its end.
    pub(crate) async fn end(&mut self) -> Outcome {
        loop {
            self.go_on().await;
            if let Said::Ended(outcome) = self.listen().await {
                return outcome;
            }
        }
    }

    /// Lets it go from its beginning to its end.
    pub(crate) async fn end_unled(mut self) -> Outcome {
        loop {
            match self.listen().await {
                Said::Phase(_) => self.go_on().await,
                Said::Ended(outcome) => return outcome,
            }
        }
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGSTOP: it sleeps, as a closed laptop does.
    pub(crate) async fn sleep(&self) {
        self.signal("-STOP").await;
    }

    /// SIGCONT.
    pub(crate) async fn wake(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }
}

/// The subprocess's side: does what the script says.
pub(crate) async fn act() {
    let Ok(script) = std::env::var(SCRIPT) else { return };
    let script: Script = serde_json::from_str(&script).unwrap();
    let given = ClusterId::parse(&script.case.cluster_id).unwrap();
    let (subscription, group) = (given.subscription_id(), given.resource_group());
    let cluster = match script.verb.as_str() {
        verb if verb.starts_with("create_cluster") => {
            ClusterId::new(subscription, group, "brand-new").unwrap()
        }
        _ => given,
    };
    let timing = super::world::timing(script.scale);
    let manager = super::builder_of(&script.case, cluster).timing(timing).build().unwrap();
    let outcome = match perform(&manager, &script).await {
        Ok(report) => Outcome { code: None, message: String::new(), report },
        Err(error) => Outcome {
            code: Some(error.code().to_owned()),
            message: error.to_string(),
            report: serde_json::to_value(error.report()).unwrap(),
        },
    };
    say(&serde_json::to_string(&outcome).unwrap());
}

async fn perform(manager: &KmsManager, script: &Script) -> Result<Value, Error> {
    let run = run(script.step_by_step);
    let report = match script.verb.as_str() {
        "provision" | "provision_customer_managed" => {
            let (network_mode, experience) = match script.verb.as_str() {
                "provision" => Default::default(),
                _ => (NetworkMode::Private, Experience::CustomerManaged),
            };
            let options = ProvisionOptions {
                identity: Some("own".to_owned()),
                network_mode,
                experience,
                on_progress: run.on_progress,
                ..ProvisionOptions::default()
            };
            return Ok(serde_json::to_value(manager.provision(options).await?).unwrap());
        }
        "create_cluster" | "create_cluster_platform" | "create_cluster_customer" => {
            let key: ClusterKeySource = match script.verb.as_str() {
                "create_cluster" => script.key_id.as_ref().unwrap().into(),
                _ => key_source(script).into(),
            };
            let allow = vec![RuleId::DataEncryptionIrreversible];
            let options = CreateClusterOptions {
                identity_id: Some(script.case.identity_id.clone()),
                allow,
                ..CreateClusterOptions::from(run)
            };
            manager.create_cluster(super::new_cluster(false), key, options).await
        }
        "enable" => {
            let key = script.key_id.as_ref().unwrap();
            manager.enable(key, EnableOptions::from(run)).await
        }
        "rotate" => {
            let options = RotateOptions::from(run);
            manager.rotate(script.key_id.as_deref(), options).await
        }
        "rotate_by_age" => {
            let when_older_than = Some(Duration::from_secs(24 * 60 * 60));
            manager.rotate(None, RotateOptions { when_older_than, ..run.into() }).await
        }
        "set_data_encryption" => {
            let allow = vec![RuleId::DataEncryptionIrreversible];
            let options = SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::from(run) };
            manager.set_data_encryption(key_source(script), options).await
        }
        "disable" => manager.disable(DisableOptions::from(run)).await,
        "reencrypt_secrets" => {
            let options = ReencryptSecretsOptions::from(run);
            manager.reencrypt_secrets(options).await
        }
        "resume" => manager.resume(ResumeOptions::from(run)).await,
        other => panic!("no verb {other}"),
    };
    report.map(|report| serde_json::to_value(report).unwrap())
}

/// The key of data encryption: the script's without its version, else the platform's.
fn key_source(script: &Script) -> KeySource {
    let Some(key_id) = &script.key_id else { return KeySource::PlatformManaged };
    KeySource::from(CustomerManagedKey {
        key_id: key_id.rsplit_once('/').unwrap().0.to_owned(),
        key_vault_id: script.case.key_vault_id.clone(),
        network_mode: NetworkMode::Public,
    })
}

fn run(step_by_step: bool) -> RunOptions {
    let last = std::sync::Mutex::new(String::new());
    let on_progress: aks_kms::OnProgress = Arc::new(move |now| {
        // a phase of a step, so that each step's beginning is told
        let place = format!("{}/{}", now.step, now.phase);
        let mut last = last.lock().unwrap();
        if *last == place || now.finished {
            return;
        }
        *last = place;
        say(&format!("phase {}", now.phase));
        if step_by_step {
            let mut word = String::new();
            std::io::stdin().lock().read_line(&mut word).unwrap();
        }
    });
    RunOptions { on_progress: Some(on_progress), ..RunOptions::default() }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{what}").unwrap();
    out.flush().unwrap();
}
