//! Which recorded operation a call goes on with. Pure.

use crate::{
    error::{Error, ErrorKind, Result},
    facts::ClusterFacts,
    ids::ClusterId,
    ledger::{Fit, Operation},
    observe::StoredRecord,
    options::Intent,
    report::{Experience, KmsChange, OperationInProgress},
    text::timestamp,
};

/// The recorded operation that a call goes on with. `None`: a new one begins.
///
/// # Errors
/// `conflict` when another operation is recorded, or when somebody else changed the key.
pub(super) fn operation_to_resume(
    found: &StoredRecord,
    intent: &Intent,
    cluster: &ClusterFacts,
) -> Result<Option<Operation>> {
    if let Some(unsealed) = unsealed(found).filter(|it| it.operation != intent.verb()) {
        return Err(without_seal(unsealed, &cluster.id));
    }
    let Some(recorded) = &found.reconciled.record.operation else { return Ok(None) };
    if recorded.intent == *intent {
        let sets_key = !matches!(intent, Intent::ReencryptSecrets(_));
        if found.reconciled.fit == Fit::Superseded && sets_key {
            return Err(superseded(recorded, cluster));
        }
        return Ok(Some(recorded.clone()));
    }
    if goes_back(recorded, intent) {
        return Ok(None);
    }
    let message = format!(
        "{} of cluster {} is unfinished (since {}, by {}); call resume to finish it, or abandon to drop it",
        recorded.intent.verb(),
        cluster.id,
        timestamp(recorded.since),
        recorded.by()
    );
    Err(Error::new(ErrorKind::Conflict, message).until_somebody_acts())
}

/// An operation that a text without a valid seal names.
pub(super) fn unsealed(found: &StoredRecord) -> Option<&OperationInProgress> {
    found.reconciled.unsealed.as_ref()?.operation.as_ref()
}

pub(super) fn without_seal(unsealed: &OperationInProgress, cluster: &ClusterId) -> Error {
    let message = format!(
        "the record of cluster {cluster} names {} (since {}, by {}), but has no valid seal: somebody else may have \
         written it, and it is not gone on with; call that verb itself if it is yours, or abandon to drop it",
        unsealed.operation,
        timestamp(unsealed.since),
        unsealed.by
    );
    Error::new(ErrorKind::Conflict, message).until_somebody_acts()
}

/// Whether the call undoes the recorded operation: back to the key before it.
fn goes_back(recorded: &Operation, intent: &Intent) -> bool {
    match (intent, &recorded.before) {
        // The key before is the one of such an operation, too, which may have closed its vault.
        (Intent::Rotate(_), _) if recorded.intent.turns_off_and_on() => false,
        (Intent::Rotate(rotate), KmsChange::On(before)) => {
            rotate.key_id.as_ref() == Some(&before.key_id)
        }
        (Intent::Disable(_), KmsChange::Off) => true,
        _ => false,
    }
}

fn superseded(recorded: &Operation, cluster: &ClusterFacts) -> Error {
    let key = cluster.kms_on().and_then(|profile| profile.key.as_ref());
    let now = match (key, cluster.experience()) {
        (Some(key), _) => format!("the key is {}", key.as_str()),
        (None, Some(Experience::PlatformManaged)) => "the key is one of the platform's".to_owned(),
        (None, _) => "KMS is off".to_owned(),
    };
    let message = format!(
        "somebody else changed the key of cluster {} while {} was unfinished (since {}, by {}): now {now}; call abandon, \
         then decide anew",
        cluster.id,
        recorded.intent.verb(),
        timestamp(recorded.since),
        recorded.by()
    );
    Error::new(ErrorKind::Conflict, message).until_somebody_acts()
}

/// Whether the place of the record is not one: an argument is wrong.
pub(super) fn is_misplaced(found: &mut Result<StoredRecord>) -> bool {
    matches!(found, Err(error) if error.kind() == ErrorKind::InvalidInput)
}
