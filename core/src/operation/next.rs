//! What to do next. The rules are those of the [module](super), in the order of the steps.

use super::{
    change::{self, candidates, key_to_settle_on, profile_of},
    closing,
    effect::{Effect, Replan, Stop, Upgrade, Verdict},
    state::{OperationState, Stage},
};
use crate::{
    facts::ClusterFacts,
    ids::{ExpectedKey, KeyId, KubernetesVersion, NetworkMode, VaultId},
    report::{KmsChange, Purpose, StepKind, StepOutcome},
};

/// A look at the cluster when nothing is at work on it.
const READ: Effect = Effect::ReadCluster { wait: true };
const CHANGED: Effect = Effect::Replan(Replan::Changed);

/// What the run does next.
pub(crate) fn next(state: &OperationState) -> Effect {
    let Some(step) = state.step() else { return Effect::Finish };
    match &state.stage {
        Stage::Replan(why) => return Effect::Replan(why.clone()),
        Stage::Stopped(why) => return Effect::Stop(why.clone()),
        Stage::Set { key, etag, certainty, .. } => {
            let (key, etag, certainty) = (key.clone(), etag.clone(), *certainty);
            return Effect::RecordSettled { key, etag, certainty };
        }
        _ => {}
    }
    match &step.kind {
        StepKind::RecordOperation => Effect::BeginRecord,
        StepKind::CreateKeyVersion { key_id } => Effect::CreateKeyVersion {
            key_id: key_id.clone(),
            target: state.next_target().filter(KmsChange::is_on),
        },
        StepKind::SetKms { target } => set_kms(state, &state.resolved(target)),
        StepKind::Settle => settle(state),
        StepKind::ReencryptSecrets { purpose: Purpose::Gate, expected: Some(expected), .. }
            if state.context.is_proven =>
        {
            Effect::TakeProof { expected: expected.clone() }
        }
        StepKind::ReencryptSecrets { expected, purpose, .. } => {
            reencrypt_secrets(state, expected.as_ref(), *purpose)
        }
        StepKind::WaitForKey { expected } => wait_for_key(state, &state.expected(expected)),
        StepKind::WaitForKeyVersion { key_id } => match state.version(key_id) {
            Some(version) => wait_for_version(state, version),
            None => Effect::Stop(Stop::Failed),
        },
        // Done without a run, or before it.
        StepKind::VerifySecrets | StepKind::CreateCluster { .. } => {
            Effect::Pass(StepOutcome::Skipped)
        }
        StepKind::UpgradeControlPlane { version } => upgrade_control_plane(state, *version),
        StepKind::UpgradeNodePools { .. } => upgrade_node_pools(state),
        StepKind::SetVaultPublicAccess { key_vault_id, enabled: true } => {
            Effect::OpenVault(key_vault_id.clone())
        }
        StepKind::SetVaultPublicAccess { key_vault_id, enabled: false } => {
            close_vault(state, key_vault_id)
        }
        StepKind::RecordKey => Effect::FinishRecord,
    }
}

fn set_kms(state: &OperationState, target: &KmsChange) -> Effect {
    match (&state.seen, &state.stage) {
        (None, _) => READ,
        (Some(seen), Stage::Change { target, progress, .. }) => {
            change_to(state, target, *progress, seen)
        }
        (Some(seen), _) => change_to(state, target, change::Progress::Begun, seen),
    }
}

/// The cluster is set to what its API servers write with.
fn settle(state: &OperationState) -> Effect {
    let Some(seen) = &state.seen else { return READ };
    if let Stage::Change { target, progress, .. } = &state.stage {
        return change_to(state, target, *progress, seen);
    }
    if seen.etag != state.etag {
        return CHANGED;
    }
    let configured = seen.expected().ok();
    let Some(key) = key_to_settle_on(&state.in_use, configured.as_ref()) else {
        return Effect::Stop(Stop::MayLose { configured });
    };
    let (later, before) = (state.next_target(), state.before.as_ref());
    let Some(target) = profile_of(key, seen, later.as_ref(), before, state.ledger()) else {
        return Effect::Stop(Stop::UnknownAccess(key.clone()));
    };
    if target.on().is_some_and(|target| target.network_mode == NetworkMode::Public) {
        return Effect::ReadPublicAccess { target };
    }
    change_to(state, &target, change::Progress::Begun, seen)
}

fn change_to(
    state: &OperationState,
    target: &KmsChange,
    progress: change::Progress,
    seen: &ClusterFacts,
) -> Effect {
    let look = change::Look::of(seen, target);
    let may_repeat = state.context.accepts_retry && target.is_data_encryption();
    match change::next(target, state.etag.as_deref(), &state.in_use, progress, &look, may_repeat) {
        change::Next::Wait => READ,
        change::Next::Done => Effect::Pass(StepOutcome::AlreadyDone),
        change::Next::Intend => Effect::Intend {
            target: target.clone(),
            ends_with: state.ends_with().map(Box::new),
            turns_off: turns_off(state, target, seen).map(Box::new),
        },
        change::Next::Put => Effect::PutKms { target: target.clone() },
        change::Next::Replan => CHANGED,
        change::Next::Refuse => Effect::Stop(Stop::MayLose { configured: look.configured }),
    }
}

/// The profile in force that an operation turns off, to turn it on again.
fn turns_off(state: &OperationState, target: &KmsChange, seen: &ClusterFacts) -> Option<KmsChange> {
    let is_in_force = state.context.off_and_on && !target.is_on() && seen.is_succeeded();
    seen.configured().ok().filter(|configured| is_in_force && configured.is_on())
}

/// What the API servers write with, where the cluster's configuration does not tell.
fn find_key_in_use(state: &OperationState, purpose: Purpose) -> Effect {
    let Some(seen) = &state.seen else { return READ };
    if seen.etag != state.etag {
        return CHANGED;
    }
    // Whoever made the change that failed may have made one before that did not.
    let is_known =
        state.context.recorded.as_ref().is_some_and(|recorded| {
            recorded.is_unbroken() && recorded.record.ledger.current.is_some()
        });
    let later = state.next_target().as_ref().map(KmsChange::expected);
    let candidates = if seen.kubernetes_version >= KubernetesVersion::KMS_V2 || is_known {
        candidates(seen, later, state.before.as_ref(), state.ledger())
    } else {
        // A key of KMS v1 has no name, so it could be taken for the only one that is looked for.
        vec![ExpectedKey::Plaintext]
    };
    Effect::FindKeyInUse { purpose, candidates }
}

fn wait_for_key(state: &OperationState, expected: &ExpectedKey) -> Effect {
    match (&state.stage, &state.seen) {
        (Stage::Converged, None) => READ,
        (Stage::Converged, Some(seen)) if seen.etag != state.etag => CHANGED,
        (Stage::Converged, Some(_)) => Effect::Pass(StepOutcome::Done),
        _ => Effect::Converge { purpose: Purpose::Rewrite, expected: expected.clone() },
    }
}

/// AKS takes it up in its own time, which changes no eTag. Meanwhile others may have set another key.
fn wait_for_version(state: &OperationState, version: KeyId) -> Effect {
    match (&state.stage, &state.seen) {
        (Stage::Converged, None) => READ,
        (Stage::Converged, Some(seen)) if seen.expected().is_ok_and(|key| key.covers(&version)) => {
            Effect::RecordVersion { version }
        }
        (Stage::Converged, Some(_)) => CHANGED,
        _ => Effect::AwaitVersion { expected: ExpectedKey::Key(version) },
    }
}

/// Where the API servers do not come to write with what is configured, they may write with the
/// target: then the change goes back to what they have.
fn reencrypt_secrets(
    state: &OperationState,
    expected: Option<&ExpectedKey>,
    purpose: Purpose,
) -> Effect {
    match (&state.stage, &state.seen) {
        (Stage::NotConverged, _) => {
            let target = state.next_target().as_ref().map(KmsChange::expected);
            let candidates = expected.cloned().into_iter().chain(target).collect();
            Effect::FindKeyInUse { purpose, candidates }
        }
        (Stage::Converged, _) => Effect::Rewrite,
        (Stage::Rewritten, _) => Effect::Verify,
        (Stage::Verified(_), None) => Effect::ReadCluster { wait: false },
        (Stage::Verified(verdict), Some(seen)) => {
            let is_planned = seen.etag.is_some() && seen.etag == state.etag;
            let unchanged = is_planned && seen.busy().is_none();
            let is_kept = unchanged && judged(state, purpose, verdict).is_none();
            Effect::Conclude { unchanged, weak: is_kept && verdict.weak }
        }
        (Stage::Concluded { unchanged: false, .. }, _) => CHANGED,
        (Stage::Concluded { verdict, .. }, _) => {
            judged(state, purpose, verdict).map_or(Effect::Pass(StepOutcome::Done), Effect::Stop)
        }
        _ => match expected {
            Some(key) => Effect::Converge { purpose, expected: state.expected(key) },
            None => find_key_in_use(state, purpose),
        },
    }
}

/// Why nothing may come after a pass. `None`: it proves what it is for.
fn judged(state: &OperationState, purpose: Purpose, verdict: &Verdict) -> Option<Stop> {
    let before_change = purpose == Purpose::Gate || state.key_change_follows();
    let incomplete = |left: &[String]| Stop::Incomplete { purpose, left: left.to_vec() };
    if !verdict.ended {
        Some(Stop::Failed)
    } else if !verdict.left.is_empty() {
        Some(incomplete(&verdict.left))
    } else if verdict.weak && before_change && !state.context.accepts_unproven {
        Some(Stop::Unproven)
    } else if purpose == Purpose::Rewrite && verdict.keys.len() > 1 {
        Some(Stop::TwoKeys(verdict.keys.clone()))
    } else if !verdict.within && !verdict.weak && before_change {
        Some(incomplete(&["secrets that were not listed".to_owned()]))
    } else {
        None
    }
}

fn upgrade_control_plane(state: &OperationState, version: KubernetesVersion) -> Effect {
    let Some(seen) = &state.seen else { return READ };
    if seen.etag != state.etag {
        return CHANGED;
    }
    if seen.kubernetes_version >= version && seen.is_succeeded() {
        return Effect::Pass(StepOutcome::AlreadyDone);
    }
    Effect::PutVersions(Upgrade::ControlPlane(version))
}

fn upgrade_node_pools(state: &OperationState) -> Effect {
    let Some(seen) = &state.seen else { return READ };
    if seen.etag != state.etag {
        return CHANGED;
    }
    let version = seen.kubernetes_version;
    let mut pools = seen.node_pools.iter();
    if pools.all(|pool| pool.kubernetes_version.is_none_or(|it| it >= version)) {
        return Effect::Pass(StepOutcome::AlreadyDone);
    }
    Effect::PutVersions(Upgrade::NodePools(version))
}

fn close_vault(state: &OperationState, id: &VaultId) -> Effect {
    let Stage::Closing { progress, seen: Some(look) } = &state.stage else {
        return Effect::ReadVault(id.clone());
    };
    let (vault, reopen) = (id.clone(), state.closed.as_ref() == Some(id));
    match closing::next(*progress, *look) {
        closing::Next::Refuse => Effect::Stop(Stop::NotInPrivateUse { vault, reopen }),
        closing::Next::Replan => CHANGED,
        closing::Next::AwaitConnection => Effect::AwaitConnection(vault),
        closing::Next::Record => Effect::RecordClosing(vault),
        closing::Next::Close => Effect::CloseVault(vault),
        closing::Next::CheckKms => Effect::CheckKms,
        closing::Next::NotConnected => Effect::Stop(Stop::NotConnected { vault, reopen }),
    }
}
