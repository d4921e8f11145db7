//! Whether a rotation by age is due: nothing is done, asked of secrets or recorded where it is not.

use std::time::Duration;

use super::session::{Session, status_of, status_with};
use crate::{
    catalogue::RuleId,
    error::Result,
    observe::Observation,
    observed::Observed,
    plan::Plan,
    progress::Phase,
    report::{Finding, KmsStatus},
    rules::{self, Due},
    verbs,
};

/// Looks as `status` does, with its rights and without a request for a secret. True: the key in use is younger, and the
/// call is at its end.
///
/// Where it is due, nothing of this look is kept: the cluster is read again with what a rotation needs, and the age is
/// judged again. What the plan rests on is then one moment's, and the eTag that the change is sent with is that
/// moment's, too.
pub(super) async fn is_not_due_at_first_look(
    session: &Session<'_>,
    than: Duration,
) -> Result<bool> {
    let doing = "Reading how old the key in use is";
    session.reporter.phase(Phase::Observe, None, doing);
    let seen = session.inner.look(false).await?;
    Ok(judge_new(session, &seen, Some(than)).is_none())
}

/// What a call that begins is told of the key's age. `None`: it is not due, and the call is at its end.
pub(super) fn judge_new(
    session: &Session<'_>,
    seen: &Observation,
    than: Option<Duration>,
) -> Option<Vec<Finding>> {
    let Some(than) = than else { return Some(Vec::new()) };
    let told = judge(seen, than);
    if told.is_none() {
        let findings = verbs::status(&seen.observed, None);
        session.log.seen(status_of(&seen.observed));
        session.log.planned(&Plan { findings, steps: Vec::new() });
        session.log.not_due();
    }
    told
}

/// The state that a call found; with the age of the key where it asks for that.
pub(super) fn state(observed: &Observed, when_older_than: Option<Duration>) -> KmsStatus {
    match when_older_than {
        Some(_) => status_of(observed),
        None => status_with(&observed.cluster, observed.recorded()),
    }
}

/// What a new rotation is told of the key's age. `None`: it is not due.
///
/// Only a record that could be read, whose seal fits and in which no operation is going on, says that an earlier
/// rotation came to its end, however young the key is.
fn judge(seen: &Observation, than: Duration) -> Option<Vec<Finding>> {
    let Some(due) = rules::rotation_due(&seen.observed, than) else {
        // Without a key of a vault there is nothing to rotate, which other rules say.
        return Some(Vec::new());
    };
    let due = match (due, unsettled(seen)) {
        (Due::No, Some(why)) => rules::age_unknown(&seen.observed, &why),
        (due, _) => Some(due),
    };
    match due.map(Due::refusing) {
        Some(Due::No) => None,
        due => Some(due.and_then(Due::finding).into_iter().collect()),
    }
}

/// The plan with what there is to tell of the key's age; a cluster that is busy is only to be waited for.
pub(super) fn told(mut plan: Plan, age: Vec<Finding>) -> Plan {
    let waits = |finding: &Finding| finding.rule == RuleId::ClusterBusy && finding.refuses(&[]);
    if !plan.findings.iter().any(waits) {
        plan.findings.extend(age);
        plan.findings = rules::in_order(plan.findings);
    }
    plan
}

/// Why it cannot be told that no earlier rotation is unfinished.
fn unsettled(seen: &Observation) -> Option<String> {
    if let Some(busy) = seen.observed.cluster.busy() {
        return Some(format!("{busy}: what comes of that is not known yet"));
    }
    let found = match seen.found.as_ref()? {
        Ok(found) => &found.reconciled,
        Err(error) => {
            return Some(format!(
                "whether an earlier rotation is unfinished cannot be read: {error}"
            ));
        }
    };
    if found.unsealed.is_some() {
        return Some("the record has no valid seal, so it does not tell whether an earlier rotation is unfinished; `abandon` drops it".to_owned());
    }
    let operation = found.record.operation.as_ref()?;
    Some(format!("{} is unfinished; call resume or abandon", operation.intent.verb()))
}
