//! The operation of a run as it is recorded: begun, or gone on with.

use crate::{
    azure::Azure,
    error::{Error, Result},
    facts::ClusterFacts,
    ids::KeyId,
    ledger::{Ledger, Operation, profile_in_force},
    observe::{Observation, StoredRecord},
    options::{CustomerManagedKey, Intent, Rotate},
    plan::Plan,
    report::{Finding, KmsChange},
    rules,
    runner::Recorder,
};

/// What is recorded is judged like the arguments of a call: the key that a call names in vain
/// is not set because the record names it.
pub(super) async fn as_arguments(
    azure: &Azure,
    operation: &Operation,
    cluster: &ClusterFacts,
) -> Result<()> {
    if let Intent::SetDataEncryption(asked) = &operation.intent {
        let Some(key) = asked.target.on() else { return Ok(()) };
        let key = CustomerManagedKey {
            key_id: key.key_id.to_string(),
            key_vault_id: key.key_vault_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            network_mode: key.network_mode,
        };
        let judged = rules::customer_managed(&key, azure.key_vault_suffix().await?);
        return judged.map(|_| ()).map_err(not_an_argument);
    }
    let target = match (&operation.intent, &operation.before) {
        (Intent::Enable(asked), _) => Some(&asked.target.key_id),
        (Intent::Rotate(asked), _) => asked.key_id.as_ref(),
        (Intent::ChangeNetworkMode(_) | Intent::MigrateToV2(_), KmsChange::On(before))
            if cluster.kms_on().is_none() =>
        {
            Some(&before.key_id)
        }
        _ => None,
    };
    let Some(key_id) = target else { return Ok(()) };
    let suffix = azure.key_vault_suffix().await?;
    match rules::rotation(Some(key_id.as_str()), None, None, suffix) {
        Ok(_) => Ok(()),
        Err(findings) => Err(not_an_argument(findings)),
    }
}

fn not_an_argument(findings: Vec<Finding>) -> Error {
    rules::invalid_input(findings, Vec::new())
        .with_context("the record names this key; abandon drops the operation")
}

/// The operation as it is recorded when it begins.
pub(super) fn new_operation(
    intent: &Intent,
    plan: &Plan,
    cluster: &ClusterFacts,
    found: Option<&StoredRecord>,
    recorder: &Recorder,
) -> Result<Operation> {
    let ledger = found.map(|found| &found.reconciled.record.ledger);
    let (before, target) = before_and_target(intent, plan, cluster, ledger)?;
    Ok(Operation {
        id: uuid::Uuid::new_v4().to_string(),
        intent: intent.clone(),
        before,
        target,
        newest_version: None,
        closed_vault: None,
        watermark: found.map_or(0, |found| found.etcd_resource_version).to_string(),
        by: recorder.by().to_owned(),
        since: crate::clock::now(),
    })
}

/// The profile that a new operation begins with, and the one that it ends with as far as that is
/// known: after a change that did not succeed, which key goes off and on again is yet to be heard.
pub(super) fn before_and_target(
    intent: &Intent,
    plan: &Plan,
    cluster: &ClusterFacts,
    ledger: Option<&Ledger>,
) -> Result<(KmsChange, Option<KmsChange>)> {
    let is_known = cluster.is_succeeded() || !intent.turns_off_and_on();
    let target = plan.target().filter(|_| is_known).cloned();
    Ok((profile_in_force(cluster, ledger)?, target))
}

/// Whether what keeps the cluster busy is the change that an earlier run of this operation sent.
pub(super) fn is_our_operation(intent: &Intent, seen: &Observation) -> bool {
    let cluster = &seen.observed.cluster;
    let Some(found) = seen.observed.recorded() else { return false };
    let is_pending =
        found.record.ledger.pending.as_ref().is_some_and(|pending| {
            cluster.expected().is_ok_and(|configured| pending.is(&configured))
        });
    cluster.busy().is_some() && is_pending && seen.observed.unfinished(intent).is_some()
}

/// The intent with the key version that the operation has made already.
pub(super) fn with_key_made(intent: &Intent, made: Option<&KeyId>) -> Intent {
    match (intent, made.cloned()) {
        (Intent::Rotate(rotate), Some(key_id)) if rotate.key_id.is_none() => {
            Intent::Rotate(Rotate { key_id: Some(key_id), made: true, ..rotate.clone() })
        }
        _ => intent.clone(),
    }
}

/// What going on with a recorded operation comes to: said before anything is done.
pub(super) fn goes_on(operation: &Operation, plan: &Plan) -> String {
    let sets = match plan.target() {
        Some(KmsChange::On(target)) => format!("it is going to set key {}", target.key_id),
        Some(KmsChange::Off) => "it is going to turn KMS off".to_owned(),
        Some(KmsChange::CustomerManaged(target)) => {
            format!("it is going to set customer-managed key {}", target.key_id)
        }
        Some(KmsChange::PlatformManaged) => "it is going to set a platform-managed key".to_owned(),
        None => "it sets no other key".to_owned(),
    };
    let verb = operation.intent.verb();
    format!("Going on with {verb}, which {} recorded: {sets}", operation.by())
}
