//! The cluster of `create_cluster`: made where there is none, waited for, and never changed into
//! something else.

mod findings;

use tokio::time::{Instant, sleep};

pub(super) use self::findings::changed;
use self::findings::{exists, failed, how_to_delete, judged};

use super::session::Session;
use crate::{
    azure::{ManagedCluster, NewCluster},
    error::{Error, ErrorKind, Result},
    ids::Verb,
    observe::observe_planned,
    options::{ReencryptOptions, RunOptions},
    plan::{Plan, rewrite},
    progress::Phase,
    report::{KmsStatus, Step, StepKind, StepOutcome},
    rules::{self, RuleContext},
    runner::{Retry, settled},
};

/// The provisioning state of a cluster that is yet to be made.
const NOT_CREATED: &str = "NotCreated";

/// What is asked for.
pub(super) struct Creation {
    pub(super) cluster: NewCluster,
    /// Secrets are rewritten and proven afterwards.
    pub(super) rewrites: bool,
}

/// How it is gone on with.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Ensured {
    /// This call made the cluster. As long as it has this eTag, it never had another key.
    Made(Option<String>),
    /// The cluster is there, and its last operation succeeded.
    Ready,
    /// It is not, and nothing is made in a dry run.
    Planned,
}

/// Sees to it that the cluster is there.
pub(super) async fn ensure(
    session: &Session<'_>,
    creation: &Creation,
    run: &RunOptions,
) -> Result<Ensured> {
    let Creation { cluster: new, rewrites } = creation;
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
            log.planned(&proof(session, new, *rewrites));
            return Ok(Ensured::Planned);
        }
        // Judged on the look after the wait: what was under way may have failed.
        let there = if run.dry_run {
            there
        } else {
            settled(&inner.access.azure, &inner.cluster, &inner.access.timing, reporter).await?
        };
        if !new.is(&there.facts) {
            return Err(changed(&inner.cluster, new, &there.facts));
        }
        if !there.facts.is_succeeded() {
            let finding = failed(&inner.cluster, new);
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
    let observed = observe_planned(&inner.access.azure, &new.facts, &new.target).await;
    reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
    let reencrypt = ReencryptOptions::default();
    let context = RuleContext::of(Verb::CreateCluster, &observed, &[], &reencrypt);
    let data_encryption = Some(&new.target).filter(|target| target.is_data_encryption());
    let context = RuleContext { target: new.target.on(), data_encryption, ..context };
    let findings = judged(new, rules::judge(&context));
    log.begins_with(vec![step.clone()], findings.clone());
    log.planned(&proof(session, new, *rewrites));
    if run.dry_run {
        return Ok(Ensured::Planned);
    }
    if let Some(refusal) = rules::refusal(&session.what(), &findings, &run.allow, &[]) {
        return Err(refusal);
    }
    let began = Instant::now();
    reporter.step(1, 1, Phase::Cluster, &*step.summary);
    let (made, is_own) = Box::pin(make(session, new)).await?;
    log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
    log.seen(made.facts.status(Vec::new()));
    Ok(if is_own { Ensured::Made(made.facts.etag) } else { Ensured::Ready })
}

/// The cluster, unless there is none, or one that is being deleted: the end of that is waited for.
async fn present(session: &Session<'_>, dry_run: bool) -> Result<Option<ManagedCluster>> {
    let Session { inner, reporter, .. } = session;
    let deadline = Instant::now() + inner.access.timing.cluster_busy;
    loop {
        let there = inner.access.azure.find_cluster(&inner.cluster).await?;
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
        sleep(inner.access.timing.operation_poll_first).await;
    }
}

/// What is done once the cluster is there.
fn proof(session: &Session<'_>, new: &NewCluster, rewrites: bool) -> Plan {
    let steps = rewrite(&new.target.expected(), rewrites).into_iter().collect();
    Plan { findings: Vec::new(), steps }.recorded(session.inner.access.journal.is_kept(), false)
}

/// What is sent next.
enum Next {
    Create,
    /// This call made it, and its identity could not use the key yet.
    SetAgain(Box<ManagedCluster>),
}

/// Makes the cluster and waits for it. Gives it, and whether it was surely this call that made it.
async fn make(session: &Session<'_>, new: &NewCluster) -> Result<(ManagedCluster, bool)> {
    let Session { inner, reporter, .. } = session;
    let (azure, id, timing) = (&inner.access.azure, &inner.cluster, &inner.access.timing);
    let (mut next, mut made_here, mut retry) = (Next::Create, false, Retry::default());
    loop {
        let sent = match &next {
            Next::Create => azure.create_cluster(id, new).await,
            Next::SetAgain(seen) => azure.put_kms(seen, &new.target.as_sent()).await,
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
            // What nobody watched can have been changed and changed back.
            Ok(ended) if new.is(&ended.cluster.facts) => {
                return Ok((ended.cluster, made_here && ended.seen_at_once));
            }
            Ok(ended) => return Err(changed(id, new, &ended.cluster.facts)),
            Err(error) => error,
        };
        if retry.after(&error, timing, reporter).await.is_none() {
            return Err(if made_here { error.with_context(&how_to_delete(id)) } else { error });
        }
        if present(session, false).await?.is_none() {
            // What comes to be there now need not be of this call.
            (next, made_here) = (Next::Create, false);
            continue;
        }
        let seen = settled(azure, id, timing, reporter).await?;
        next = match (new.is(&seen.facts), seen.facts.is_succeeded(), made_here) {
            (false, _, _) => return Err(changed(id, new, &seen.facts)),
            (true, true, _) => return Ok((seen, false)),
            // Whose doing its failure is, and which key it ever had, nobody can tell.
            (true, false, false) => return Err(error.with_context(&how_to_delete(id))),
            (true, false, true) => Next::SetAgain(Box::new(seen)),
        };
    }
}
