//! Runs a sequence.

use std::{sync::Arc, time::Duration};

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, Error, KmsManager, MigrateToV2Options,
    NetworkMode, OperationReport, Reencrypt, ReencryptOptions, ReencryptSecretsOptions,
    ResumeOptions, RotateOptions, RuleId, RunOptions, VerifySecretsOptions,
};

use futures::future::{BoxFuture, FutureExt};

use crate::{
    check,
    cluster::{Cluster, DENIED, Region},
    deeds,
    sequence::{Denied, Sequence, Step, Verb},
    settle,
};

/// A call that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// What a dropped call had sent has arrived by then.
const IN_FLIGHT: Duration = Duration::from_millis(30);

/// Why a sequence did not come out safe.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// After which step, from 1; `None`: in the end.
    pub(crate) step: Option<usize>,
    pub(crate) what: String,
}

/// Runs it to its end, and beyond: what was begun must be finished.
pub(crate) fn run<'a>(
    region: &'a Arc<Region>,
    sequence: &'a Sequence,
) -> BoxFuture<'a, Result<(), Violation>> {
    from_start_to_end(region, sequence).boxed()
}

async fn from_start_to_end(region: &Arc<Region>, sequence: &Sequence) -> Result<(), Violation> {
    let mut cluster = Cluster::new(region, sequence.start).await;
    for (index, &step) in sequence.steps.iter().enumerate() {
        let here = |what| Violation { step: Some(index + 1), what };
        perform(&mut cluster, step).await.map_err(here)?;
        check::cluster(&cluster).await.map_err(here)?;
    }
    settle::settle(&mut cluster).await.map_err(|what| Violation { step: None, what })
}

async fn perform(cluster: &mut Cluster, step: Step) -> Result<(), String> {
    match step {
        Step::Call(verb) => called(cluster, verb, Some(cluster.writes())).await,
        Step::Cut(verb, after) => {
            let manager = cluster.manager();
            let limit = Duration::from_millis(after);
            let writes = Some(cluster.writes());
            let calling = call(cluster, &manager, verb);
            if let Ok(outcome) = tokio::time::timeout(limit, calling).await {
                return check::outcome(cluster, verb, writes, &outcome).await;
            }
            cluster.note("dropped".to_owned());
            drop(manager);
            tokio::time::sleep(IN_FLIGHT).await;
            Ok(())
        }
        Step::During(verb, after, deed) => {
            let meanwhile = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                deeds::perform_meanwhile(cluster, deed).await;
            };
            let (outcome, ()) = tokio::join!(called(cluster, verb, None), meanwhile);
            outcome
        }
        Step::Both(verb, after, other) => {
            let (one, two) = (cluster.manager(), cluster.manager());
            let second = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                call(cluster, &two, other).await
            };
            let (first, second) = tokio::join!(call(cluster, &one, verb), second);
            // whichever ended first, the other may have changed what it proved
            for outcome in [first, second] {
                if let Err(error) = outcome {
                    check::is_documented(&error)?;
                }
            }
            Ok(())
        }
        Step::Do(deed) => deeds::perform(cluster, deed).await,
        Step::Fail(fault) => {
            cluster.fail(fault).await;
            Ok(())
        }
        Step::Heal => {
            cluster.heal().await;
            Ok(())
        }
    }
}

/// A verb to its end, with what must hold then.
async fn called(cluster: &Cluster, verb: Verb, writes: Option<usize>) -> Result<(), String> {
    let manager = cluster.manager();
    let calling = call(cluster, &manager, verb);
    let outcome =
        tokio::time::timeout(LIMIT, calling).await.map_err(|_| format!("{verb:?} hangs"))?;
    check::outcome(cluster, verb, writes, &outcome).await
}

/// Calls a verb.
pub(crate) fn call<'a>(
    cluster: &'a Cluster,
    manager: &'a KmsManager,
    verb: Verb,
) -> BoxFuture<'a, Result<OperationReport, Error>> {
    dispatch(cluster, manager, verb).boxed()
}

async fn dispatch(
    cluster: &Cluster,
    manager: &KmsManager,
    verb: Verb,
) -> Result<OperationReport, Error> {
    let skip = matches!(verb, Verb::RotateOnly(_) | Verb::DisableOnly);
    let reencrypt = if skip { Reencrypt::Skip } else { Reencrypt::default() };
    let run = RunOptions {
        dry_run: matches!(verb, Verb::TryRotate(_)),
        give_up_secrets: match cluster.denied {
            Denied::GivenUp => vec![DENIED.to_owned()],
            Denied::Nowhere | Denied::Kept => Vec::new(),
        },
        timeout: LIMIT / 2,
        ..RunOptions::default()
    };
    let key = verb.key().map(|number| cluster.key(number));
    let key_vault_id = key.map(|key| cluster.vault_of(key).to_owned());
    match verb {
        Verb::Enable(_) => {
            let options = EnableOptions { run, reencrypt, ..EnableOptions::default() };
            manager.enable(key.unwrap(), options).await
        }
        Verb::EnablePrivate(_) => {
            let network_mode = NetworkMode::Private;
            let options = EnableOptions { run, network_mode, key_vault_id, reencrypt };
            manager.enable(key.unwrap(), options).await
        }
        Verb::Rotate(_) | Verb::RotateOnly(_) | Verb::TryRotate(_) | Verb::RotateToNewVersion => {
            let options = RotateOptions { run, key_vault_id, reencrypt, network_mode: None };
            manager.rotate(key, options).await
        }
        Verb::Disable | Verb::DisableOnly => {
            manager.disable(DisableOptions { run, reencrypt }).await
        }
        Verb::ReencryptSecrets => {
            let options = ReencryptSecretsOptions { run, ..ReencryptSecretsOptions::default() };
            manager.reencrypt_secrets(options).await
        }
        Verb::ReencryptNamespace => {
            let namespaces = Some(vec!["team-1".to_owned()]);
            let reencrypt = ReencryptOptions { namespaces, ..ReencryptOptions::default() };
            manager.reencrypt_secrets(ReencryptSecretsOptions { run, reencrypt }).await
        }
        Verb::GoPrivate | Verb::GoPublic => {
            let mode = match verb {
                Verb::GoPrivate => NetworkMode::Private,
                _ => NetworkMode::Public,
            };
            let options = ChangeNetworkModeOptions { run, ..ChangeNetworkModeOptions::default() };
            manager.change_network_mode(mode, options).await
        }
        Verb::MigrateToV2 => {
            // the metrics of KMS v1 name no keys
            let run = RunOptions { allow: vec![RuleId::KeyInUseUnproven], ..run };
            manager.migrate_to_v2(MigrateToV2Options { run, ..MigrateToV2Options::default() }).await
        }
        Verb::VerifySecrets => {
            let options = VerifySecretsOptions { run, ..VerifySecretsOptions::default() };
            manager.verify_secrets(options).await
        }
        Verb::Resume => {
            // what it goes on with may need it, and what was allowed is not remembered
            let run = RunOptions { allow: vec![RuleId::KeyInUseUnproven], ..run };
            manager.resume(ResumeOptions { run, ..ResumeOptions::default() }).await
        }
        Verb::Abandon => manager.abandon().await,
    }
}
