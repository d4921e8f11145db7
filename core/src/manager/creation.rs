//! The cluster of `create_cluster`: made where there is none, waited for, and never changed into
//! something else.

use tokio::time::{Instant, sleep};

use super::session::Session;
use crate::{
    azure::{ManagedCluster, NewCluster},
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind, Result},
    facts::ClusterFacts,
    ids::{ClusterId, ExpectedKey, Verb},
    observe::observe_planned,
    options::{ReencryptOptions, RunOptions},
    plan::{Plan, rewrite},
    progress::Phase,
    report::{Finding, KmsStatus, Step, StepKind, StepOutcome},
    rules::{self, RuleContext},
    runner::{Retry, settled},
};

/// The provisioning state of a cluster that is yet to be made.
const NOT_CREATED: &str = "NotCreated";

/// How it is gone on with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ensured {
    /// The cluster is there, and its last operation succeeded.
    Ready,
    /// It is not, and nothing is made in a dry run.
    Planned,
}

/// Sees to it that the cluster is there.
pub(super) async fn ensure(
    session: &Session<'_>,
    new: &NewCluster,
    run: &RunOptions,
    rewrites: bool,
) -> Result<Ensured> {
    let Session { inner, reporter, log, .. } = session;
    reporter.phase(Phase::Observe, None, "Looking for the cluster, its vault, key and identity");
    let step = Step::new(StepKind::CreateCluster { target: new.target.clone() });
    if let Some(there) = present(session, run.dry_run).await? {
        log.seen(there.facts.status(Vec::new()));
        let findings = vec![exists(&there.facts, new)];
        if let Some(refusal) = rules::refusal(&session.what(), &findings, &run.allow, &[]) {
            log.planned(&Plan { findings, steps: Vec::new() });
            return if run.dry_run { Ok(Ensured::Planned) } else { Err(refusal) };
        }
        log.begins_with(vec![step.clone()], findings);
        if run.dry_run && there.facts.busy().is_some() {
            // It is waited for, and then it is at rest.
            log.planned(&proof(session, new, rewrites));
            return Ok(Ensured::Planned);
        }
        // Judged on the look after the wait: what was under way may have failed.
        let there = if run.dry_run {
            there
        } else {
            settled(&inner.azure, &inner.cluster, &inner.timing, reporter).await?
        };
        if !new.is(&there.facts) {
            return Err(changed(session));
        }
        if !there.facts.is_succeeded() {
            let finding = failed(&inner.cluster);
            let message = format!(
                "{} was refused, and nothing was changed: {}",
                session.what(),
                finding.told()
            );
            log.begins_with(Vec::new(), Vec::new());
            log.planned(&Plan { findings: vec![finding.clone()], steps: Vec::new() });
            if run.dry_run {
                return Ok(Ensured::Planned);
            }
            let error = Error::new(ErrorKind::Conflict, message).with_findings(vec![finding]);
            return Err(error.until_somebody_acts());
        }
        if !run.dry_run {
            log.step(&step, StepOutcome::AlreadyDone, 0.0);
        }
        return Ok(Ensured::Ready);
    }
    let before = new.facts.status(Vec::new());
    log.seen(KmsStatus { provisioning_state: NOT_CREATED.to_owned(), ..before });
    let observed = observe_planned(&inner.azure, &new.facts, &new.target).await;
    reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
    let reencrypt = ReencryptOptions::default();
    let context = RuleContext::of(Verb::CreateCluster, &observed, &[], &reencrypt);
    let findings = rules::judge(&RuleContext { target: Some(&new.target), ..context });
    log.begins_with(vec![step.clone()], findings.clone());
    log.planned(&proof(session, new, rewrites));
    if run.dry_run {
        return Ok(Ensured::Planned);
    }
    if let Some(refusal) = rules::refusal(&session.what(), &findings, &run.allow, &[]) {
        return Err(refusal);
    }
    let began = Instant::now();
    reporter.step(1, 1, Phase::Cluster, &*step.summary);
    let made = Box::pin(make(session, new)).await?;
    log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
    log.seen(made.facts.status(Vec::new()));
    Ok(Ensured::Ready)
}

/// The cluster, unless there is none, or one that is being deleted: the end of that is waited for.
async fn present(session: &Session<'_>, dry_run: bool) -> Result<Option<ManagedCluster>> {
    let Session { inner, reporter, .. } = session;
    let deadline = Instant::now() + inner.timing.cluster_busy;
    loop {
        let there = inner.azure.find_cluster(&inner.cluster).await?;
        let is_going = |there: &ManagedCluster| {
            there.facts.provisioning_state.eq_ignore_ascii_case("Deleting")
        };
        if !there.as_ref().is_some_and(is_going) {
            return Ok(there);
        }
        if dry_run {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            let message =
                format!("cluster {} is being deleted for too long; run this again", inner.cluster);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        reporter.message("Waiting: a cluster of that name is being deleted");
        sleep(inner.timing.operation_poll_first).await;
    }
}

/// What is done once the cluster is there.
fn proof(session: &Session<'_>, new: &NewCluster, rewrites: bool) -> Plan {
    let key = ExpectedKey::Key(new.target.key_id.clone());
    let steps = rewrite(&key, rewrites).into_iter().collect();
    Plan { findings: Vec::new(), steps }.recorded(session.inner.journal.is_kept(), false)
}

/// The cluster is as it is asked for, and its last operation did not succeed. Whether that was its creation
/// nobody can tell, and a cluster that exists is not changed.
fn failed(id: &ClusterId) -> Finding {
    let message = format!(
        "cluster {} exists with this identity, key and network mode, and its last operation did not succeed",
        id.name()
    );
    let remedy = format!(
        "If it ever worked, call enable with the same key, which sets it to rights; {}.",
        how_to_delete(id)
    );
    Finding { remedy, ..Finding::violated(RuleId::ClusterExists, id, message) }
}

/// A cluster of that name is there: it is gone on with only if it is the one that is asked for.
fn exists(there: &ClusterFacts, new: &NewCluster) -> Finding {
    let rule = RuleId::ClusterExists;
    if new.is(there) {
        let message = format!(
            "cluster {} exists with this identity, key and network mode (provisioning state {}), so nothing else of body \
             is applied",
            there.id.name(),
            there.provisioning_state
        );
        let remedy = "Nothing needs to be done.".to_owned();
        let finding = Finding::violated(rule, &there.id, message).at(Level::Info, false);
        return Finding { remedy, ..finding };
    }
    let kms = match there.kms_on().and_then(|profile| profile.key.as_ref()) {
        Some(key) => format!("KMS on with key {}", key.as_str()),
        None => "KMS off".to_owned(),
    };
    let message =
        format!("cluster {} exists, with {kms}, and not as it is asked for", there.id.name());
    Finding::violated(rule, &there.id, message)
}

/// The way out where a creation failed.
fn how_to_delete(id: &ClusterId) -> String {
    format!("if its creation failed, delete it and call this again: `az aks delete --ids {id}`")
}

/// What is sent next.
enum Next {
    Create,
    /// This call made it, and its identity could not use the key yet.
    SetAgain(Box<ManagedCluster>),
}

/// Makes the cluster and waits for it.
async fn make(session: &Session<'_>, new: &NewCluster) -> Result<ManagedCluster> {
    let Session { inner, reporter, .. } = session;
    let (azure, id, timing) = (&inner.azure, &inner.cluster, &inner.timing);
    let (mut next, mut made_here, mut retry) = (Next::Create, false, Retry::default());
    loop {
        let sent = match &next {
            Next::Create => azure.create_cluster(id, new).await,
            Next::SetAgain(seen) => azure.put_kms(seen, &new.target.set()).await,
        };
        let outcome = match sent {
            Ok(operation) => {
                made_here = true;
                let deadline = Instant::now() + timing.operation_limit;
                let say = |status: &str| reporter.message(format!("The cluster is {status}"));
                operation.wait(azure, deadline, say).await
            }
            Err(error) => Err(error),
        };
        let error = match outcome {
            Ok(ended) if new.is(&ended.cluster.facts) => return Ok(ended.cluster),
            Ok(_) => return Err(changed(session)),
            Err(error) => error,
        };
        if retry.after(&error, timing, reporter).await.is_none() {
            return Err(if made_here { error.with_context(&how_to_delete(id)) } else { error });
        }
        if present(session, false).await?.is_none() {
            next = Next::Create;
            continue;
        }
        let seen = settled(azure, id, timing, reporter).await?;
        next = match (new.is(&seen.facts), seen.facts.is_succeeded(), made_here) {
            (false, _, _) => return Err(changed(session)),
            (true, true, _) => return Ok(seen),
            // Whose doing its failure is, and which key it ever had, nobody can tell.
            (true, false, false) => return Err(error.with_context(&how_to_delete(id))),
            (true, false, true) => Next::SetAgain(Box::new(seen)),
        };
    }
}

pub(super) fn changed(session: &Session<'_>) -> Error {
    let message = format!(
        "somebody else made or changed cluster {} meanwhile; look at it, and call enable or rotate for it",
        session.inner.cluster
    );
    Error::new(ErrorKind::Conflict, message).until_somebody_acts()
}
