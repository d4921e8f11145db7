//! Runs a sequence.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, Error, KeySource, KmsManager,
    MigrateToV2Options, NetworkMode, OnProgress, OperationReport, Reencrypt, ReencryptOptions,
    ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId, RunOptions,
    SetDataEncryptionOptions, VerifySecretsOptions,
};

use futures::future::{BoxFuture, FutureExt};

use crate::{
    check,
    cluster::{Cluster, DENIED},
    external_actions,
    region::Region,
    sequence::{Denied, ExternalAction, Sequence, Step, Verb},
    settle, trace,
};

/// A call that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// What is allowed whenever data encryption is asked for.
const FOR_GOOD: [RuleId; 2] = [RuleId::DataEncryptionIrreversible, RuleId::DataEncryptionRetry];
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
    let cluster = Arc::new(Cluster::new(region, sequence.start).await);
    trace::watch(&cluster);
    for (index, &step) in sequence.steps.iter().enumerate() {
        let here = |what| Violation { step: Some(index + 1), what };
        trace::line(|| format!("{step:?}"));
        perform(&cluster, step).await.map_err(here)?;
        check::cluster(&cluster).await.map_err(here)?;
    }
    settle::settle(&cluster).await.map_err(|what| Violation { step: None, what })
}

async fn perform(cluster: &Arc<Cluster>, step: Step) -> Result<(), String> {
    match step {
        Step::Call(verb) => called(cluster, verb, Some(cluster.writes())).await,
        Step::Cut(verb, after) => {
            let manager = cluster.manager();
            let limit = Duration::from_millis(after);
            let writes = Some(cluster.writes());
            let calling = call(cluster, &manager, verb, None);
            if let Ok(outcome) = tokio::time::timeout(limit, calling).await {
                return check::outcome(cluster, verb, writes, &outcome).await;
            }
            cluster.note("dropped".to_owned());
            drop(manager);
            tokio::time::sleep(IN_FLIGHT).await;
            Ok(())
        }
        Step::CutAtPut(verb, number) => cut_at_put(cluster, verb, number).await,
        Step::During(verb, after, action) => {
            let meanwhile = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                external_actions::perform(cluster, action).await
            };
            let (outcome, done) = tokio::join!(called(cluster, verb, None), meanwhile);
            outcome.and(done)
        }
        Step::DuringTwo(verb, after, action, later, other) => {
            let meanwhile = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                external_actions::perform(cluster, action).await?;
                tokio::time::sleep(Duration::from_millis(later)).await;
                external_actions::perform(cluster, other).await
            };
            let (outcome, done) = tokio::join!(called(cluster, verb, None), meanwhile);
            outcome.and(done)
        }
        Step::AtPhase(verb, number, action) => at_phase(cluster, verb, number, action).await,
        Step::Both(verb, after, other) => {
            let (one, two) = (cluster.manager(), cluster.manager());
            let second = async {
                tokio::time::sleep(Duration::from_millis(after)).await;
                call(cluster, &two, other, None).await
            };
            let (first, second) = tokio::join!(call(cluster, &one, verb, None), second);
            // whichever ended first, the other may have changed what it proved
            for outcome in [first, second] {
                if let Err(error) = outcome {
                    check::is_documented(cluster, &error)?;
                }
            }
            Ok(())
        }
        Step::Do(action) => external_actions::perform(cluster, action).await,
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

/// Drops a verb as soon as Azure has accepted a change of its.
async fn cut_at_put(cluster: &Cluster, verb: Verb, number: usize) -> Result<(), String> {
    let before = cluster.changes();
    let accepted = async {
        while cluster.changes() < before + number {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let manager = cluster.manager();
    let writes = Some(cluster.writes());
    tokio::select! {
        biased;
        () = accepted => {}
        outcome = call(cluster, &manager, verb, None) => {
            return check::outcome(cluster, verb, writes, &outcome).await;
        }
    }
    cluster.note("dropped at a change".to_owned());
    drop(manager);
    tokio::time::sleep(IN_FLIGHT).await;
    Ok(())
}

/// A verb that others stop for a moment.
async fn at_phase(
    cluster: &Arc<Cluster>,
    verb: Verb,
    number: usize,
    action: ExternalAction,
) -> Result<(), String> {
    let done = Arc::new(Mutex::new(Ok(())));
    let (others, result) = (Arc::clone(cluster), Arc::clone(&done));
    let (seen, last) = (AtomicUsize::new(0), Mutex::new(None));
    let was_looked_at = Arc::new(AtomicBool::new(false));
    let is_late = Arc::clone(&was_looked_at);
    let on_progress: OnProgress = Arc::new(move |now| {
        let place = Some((now.step, now.phase));
        if now.finished || std::mem::replace(&mut *last.lock().unwrap(), place) == place {
            return;
        }
        if seen.fetch_add(1, Ordering::Relaxed) == number {
            others.note(format!("others: during {}", now.phase));
            // Before the keys are recorded, the cluster was looked at for the last time.
            is_late.store(now.step == now.steps && now.step > 0, Ordering::Relaxed);
            *result.lock().unwrap() = block_on(external_actions::perform(&others, action));
        }
    });
    let manager = cluster.manager();
    let calling = call(cluster, &manager, verb, Some(on_progress));
    let outcome =
        tokio::time::timeout(LIMIT, calling).await.map_err(|_| format!("{verb:?} hangs"))?;
    let done = done.lock().unwrap().clone();
    let judged = match &outcome {
        // what it proved was true then
        Ok(_) if was_looked_at.load(Ordering::Relaxed) => Ok(()),
        outcome => check::outcome(cluster, verb, None, outcome).await,
    };
    judged.and(done)
}

/// Waits while the runtime's other threads go on.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// A verb to its end, with what must hold then.
async fn called(cluster: &Cluster, verb: Verb, writes: Option<usize>) -> Result<(), String> {
    let manager = cluster.manager();
    let calling = call(cluster, &manager, verb, None);
    let outcome =
        tokio::time::timeout(LIMIT, calling).await.map_err(|_| format!("{verb:?} hangs"))?;
    check::outcome(cluster, verb, writes, &outcome).await
}

/// Calls a verb.
pub(crate) fn call<'a>(
    cluster: &'a Cluster,
    manager: &'a KmsManager,
    verb: Verb,
    on_progress: Option<OnProgress>,
) -> BoxFuture<'a, Result<OperationReport, Error>> {
    dispatch(cluster, manager, verb, on_progress)
        .inspect(move |outcome| trace::end(verb, outcome))
        .boxed()
}

async fn dispatch(
    cluster: &Cluster,
    manager: &KmsManager,
    verb: Verb,
    on_progress: Option<OnProgress>,
) -> Result<OperationReport, Error> {
    if let Some(number) = verb.key() {
        cluster.is_asked_for(number);
    }
    let skip = matches!(verb, Verb::RotateOnly(_) | Verb::DisableOnly);
    let reencrypt = if skip { Reencrypt::Skip } else { Reencrypt::default() };
    let run = RunOptions {
        dry_run: matches!(verb, Verb::TryRotate(_)),
        give_up_secrets: match cluster.denied {
            Denied::GivenUp => vec![DENIED.to_owned()],
            Denied::Nowhere | Denied::Kept => Vec::new(),
        },
        timeout: LIMIT / 2,
        on_progress: trace::progress(verb, on_progress),
        ..RunOptions::default()
    };
    let key = verb.key().map(|number| cluster.key(number));
    let key_vault_id = key.map(|key| cluster.vault_of(key).to_owned());
    match verb {
        Verb::Enable(_) => {
            let options = EnableOptions { reencrypt, ..EnableOptions::from(run) };
            manager.enable(key.unwrap(), options).await
        }
        Verb::EnablePrivate(_) => {
            let network_mode = NetworkMode::Private;
            let options =
                EnableOptions { network_mode, key_vault_id, reencrypt, ..EnableOptions::from(run) };
            manager.enable(key.unwrap(), options).await
        }
        Verb::Rotate(_) | Verb::RotateOnly(_) | Verb::TryRotate(_) | Verb::RotateToNewVersion => {
            let options = RotateOptions {
                key_vault_id,
                reencrypt,
                network_mode: None,
                ..RotateOptions::from(run)
            };
            manager.rotate(key, options).await
        }
        Verb::RotateWithoutWait => {
            let options = RotateOptions { wait: false, ..RotateOptions::from(run) };
            manager.rotate(None, options).await
        }
        Verb::ToPlatform | Verb::ToCustomer { .. } => {
            let to = match verb {
                Verb::ToCustomer { other } => cluster.customer_managed(other),
                _ => KeySource::PlatformManaged,
            };
            let run = RunOptions { allow: FOR_GOOD.to_vec(), ..run };
            manager.set_data_encryption(to, SetDataEncryptionOptions::from(run)).await
        }
        Verb::Disable | Verb::DisableOnly => {
            manager.disable(DisableOptions { reencrypt, ..DisableOptions::from(run) }).await
        }
        Verb::ReencryptSecrets => {
            // a key of the platform's has no name
            let is_unnamed = cluster.is_set_to_data_encryption();
            let allow = is_unnamed.then_some(RuleId::KeyInUseUnproven).into_iter().collect();
            let run = RunOptions { allow, ..run };
            let options = ReencryptSecretsOptions::from(run);
            manager.reencrypt_secrets(options).await
        }
        Verb::ReencryptNamespace => {
            let namespaces = Some(vec!["team-1".to_owned()]);
            let reencrypt = ReencryptOptions { namespaces, ..ReencryptOptions::default() };
            manager
                .reencrypt_secrets(ReencryptSecretsOptions {
                    reencrypt,
                    ..ReencryptSecretsOptions::from(run)
                })
                .await
        }
        Verb::GoPrivate | Verb::GoPublic => {
            let mode = match verb {
                Verb::GoPrivate => NetworkMode::Private,
                _ => NetworkMode::Public,
            };
            let options = ChangeNetworkModeOptions::from(run);
            manager.change_network_mode(mode, options).await
        }
        Verb::MigrateToV2 => {
            // the metrics of KMS v1 name no keys
            let run = RunOptions { allow: vec![RuleId::KeyInUseUnproven], ..run };
            manager.migrate_to_v2(MigrateToV2Options::from(run)).await
        }
        Verb::VerifySecrets => {
            let options = VerifySecretsOptions::from(run);
            manager.verify_secrets(options).await
        }
        Verb::Resume => {
            // what it goes on with may need it, and what was allowed is not remembered
            let mut allow = FOR_GOOD.to_vec();
            allow.push(RuleId::KeyInUseUnproven);
            let run = RunOptions { allow, ..run };
            manager.resume(ResumeOptions::from(run)).await
        }
        Verb::Abandon => manager.abandon().await,
    }
}
