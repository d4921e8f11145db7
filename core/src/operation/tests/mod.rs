mod data_encryption;

use std::sync::Arc;

use super::*;
use crate::{
    catalogue::RuleId,
    facts::ClusterFacts,
    ids::{ExpectedKey, KeyId, NetworkMode, VaultId},
    ledger::Certainty,
    operation::change::InUse,
    options::{Intent, ReencryptOptions, Rotate},
    rules::testing::{KEY_1, KEY_2, VAULT, World, kms_on},
    verbs,
};

fn key(text: &str) -> ExpectedKey {
    ExpectedKey::Key(KeyId::parse(text).unwrap())
}

fn cluster(etag: &str, key_id: &str, state: &str) -> ClusterFacts {
    let mut cluster = World::rotate().observed.cluster;
    cluster.etag = Some(etag.to_owned());
    cluster.kms = Some(kms_on(key_id, NetworkMode::Public));
    state.clone_into(&mut cluster.provisioning_state);
    cluster
}

/// A rotation from the first key to the second, planned for eTag `a`.
fn rotation(world: &World) -> OperationState {
    let key_id = Some(KeyId::parse(KEY_2).unwrap());
    planned(world, Rotate { key_id, ..new_version() })
}

fn new_version() -> Rotate {
    Rotate { key_id: None, network_mode: None, key_vault_id: None, reencrypt: true, made: false }
}

fn planned(world: &World, asked: Rotate) -> OperationState {
    let intent = Intent::Rotate(asked);
    let allow: &[RuleId] = &[];
    let plan = verbs::plan(&world.observed, &intent, &ReencryptOptions::default(), allow).unwrap();
    let context = Context {
        steps: plan.steps.into(),
        recorded: world.observed.recorded().map(|found| Arc::new(found.clone())),
        is_proven: false,
        off_and_on: false,
        accepts_unproven: false,
        accepts_retry: false,
    };
    OperationState::new(
        context,
        Some("a".to_owned()),
        world.observed.cluster.configured().ok(),
        false,
    )
}

fn verdict(keys: &[&str]) -> Verdict {
    let keys = keys.iter().map(|text| key(text)).collect();
    Verdict { keys, ended: true, weak: false, left: Vec::new(), within: true }
}

/// What comes of an effect where nothing goes wrong, in a cluster that is set to `now`.
fn well(effect: &Effect, now: &mut ClusterFacts) -> Outcome {
    match effect {
        Effect::ReadCluster { .. } => Outcome::Cluster(Box::new(now.clone())),
        Effect::Converge { expected, .. } => Outcome::Heard(vec![expected.clone()]),
        Effect::FindKeyInUse { candidates, .. } => Outcome::Heard(vec![candidates[0].clone()]),
        Effect::PutKms { target } => {
            let key_id = target.expected().key_id().unwrap().to_string();
            *now = cluster("b", &key_id, "Succeeded");
            Outcome::Set { etag: now.etag.clone(), seen_at_once: true }
        }
        Effect::Verify => {
            let in_use = now.kms_on().and_then(|profile| profile.key_id()).unwrap().to_string();
            Outcome::Verified(verdict(&[&in_use]))
        }
        _ => Outcome::Done,
    }
}

/// Runs it to its end; what `change` gives is what comes of an effect.
fn run(
    state: &mut OperationState,
    now: &mut ClusterFacts,
    mut change: impl FnMut(&Effect, &mut ClusterFacts) -> Option<Outcome>,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    loop {
        let effect = next(state);
        effects.push(effect.clone());
        if matches!(effect, Effect::Finish | Effect::Replan(_) | Effect::Stop(_)) {
            return effects;
        }
        let outcome = change(&effect, now).unwrap_or_else(|| well(&effect, now));
        state.apply(&effect, outcome);
        assert!(effects.len() < 100, "{effects:#?}");
    }
}

fn names(effects: &[Effect]) -> Vec<String> {
    let name = |effect: &Effect| format!("{effect:?}").split([' ', '(']).next().unwrap().to_owned();
    effects.iter().map(name).collect()
}

#[test]
fn a_rotation_as_it_is_performed() {
    let world = World::rotate();
    let mut state = rotation(&world);
    let mut now = cluster("a", KEY_1, "Succeeded");
    let effects = run(&mut state, &mut now, |_, _| None);
    insta::assert_snapshot!(names(&effects).join("\n"), @"
    BeginRecord
    Converge
    Rewrite
    Verify
    ReadCluster
    Conclude
    Pass
    ReadCluster
    Intend
    ReadCluster
    PutKms
    RecordSettled
    Converge
    Rewrite
    Verify
    ReadCluster
    Conclude
    Pass
    FinishRecord
    Finish
    ");
    assert_eq!(state.etag.as_deref(), Some("b"));
}

/// Others may have set another key and this one again since: what is read with besides is not known.
#[test]
fn a_key_whose_setting_was_seen_late_is_recorded_as_in_use_only() {
    for (seen_at_once, expected) in [(true, Certainty::Seen), (false, Certainty::InUse)] {
        let world = World::rotate();
        let mut state = rotation(&world);
        let mut now = cluster("a", KEY_1, "Succeeded");
        let effects = run(&mut state, &mut now, |effect, now| match effect {
            Effect::PutKms { .. } => {
                *now = cluster("b", KEY_2, "Succeeded");
                Some(Outcome::Set { etag: now.etag.clone(), seen_at_once })
            }
            _ => None,
        });
        let recorded: Vec<Certainty> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::RecordSettled { certainty, .. } => Some(*certainty),
                _ => None,
            })
            .collect();
        assert_eq!(recorded, [expected]);
    }
}

/// The request came through or not: only a new look at everything tells.
#[test]
fn a_request_whose_outcome_is_not_known_is_planned_again_if_the_cluster_changed() {
    for comes_through in [true, false] {
        let world = World::rotate();
        let mut state = rotation(&world);
        let mut now = cluster("a", KEY_1, "Succeeded");
        let mut lost = 0;
        let effects = run(&mut state, &mut now, |effect, now| {
            let is_first = matches!(effect, Effect::PutKms { .. }) && lost == 0;
            is_first.then(|| {
                lost += 1;
                if comes_through {
                    *now = cluster("b", KEY_2, "Succeeded");
                }
                Outcome::Failed(Failure::NoOutcome)
            })
        });
        let end = effects.last().unwrap();
        if comes_through {
            assert_eq!(*end, Effect::Replan(Replan::Changed));
        } else {
            assert_eq!(*end, Effect::Finish, "it is sent again: {effects:#?}");
        }
    }
}

#[test]
fn a_pass_during_which_the_cluster_changed_proves_nothing() {
    for busy in [true, false] {
        let world = World::rotate();
        let mut state = rotation(&world);
        let mut now = cluster("a", KEY_1, "Succeeded");
        let effects = run(&mut state, &mut now, |effect, now| {
            matches!(effect, Effect::ReadCluster { wait: false }).then(|| {
                let (etag, state) = if busy { ("a", "Updating") } else { ("c", "Succeeded") };
                *now = cluster(etag, KEY_1, state);
                Outcome::Cluster(Box::new(now.clone()))
            })
        });
        let told = Effect::Conclude { unchanged: false, weak: false };
        assert_eq!(effects[effects.len() - 2..], [told, Effect::Replan(Replan::Changed)]);
        assert_eq!(state.in_use, InUse::NotHeard);
    }
}

#[test]
fn nothing_is_set_after_a_gate_that_proves_too_little() {
    let blocked = Verdict { left: vec!["a/b".to_owned()], ..verdict(&[KEY_1]) };
    let weak = Verdict { weak: true, within: false, ..verdict(&[KEY_1]) };
    let unlisted = Verdict { within: false, ..verdict(&[KEY_1]) };
    let broken = Verdict { ended: false, ..verdict(&[KEY_1]) };
    for (verdict, accepts_unproven, goes_on) in [
        (&blocked, true, false),
        (&weak, false, false),
        (&weak, true, true),
        (&unlisted, true, false),
        (&broken, true, false),
    ] {
        let world = World::rotate();
        let mut state = rotation(&world);
        state.context.accepts_unproven = accepts_unproven;
        let mut now = cluster("a", KEY_1, "Succeeded");
        let effects = run(&mut state, &mut now, |effect, now| {
            (*effect == Effect::Verify && now.etag.as_deref() == Some("a"))
                .then(|| Outcome::Verified(verdict.clone()))
        });
        let is_set = effects.iter().any(|effect| matches!(effect, Effect::PutKms { .. }));
        assert_eq!(is_set, goes_on, "{verdict:?}");
        assert_eq!(*effects.last().unwrap() == Effect::Finish, goes_on, "{verdict:?}");
    }
}

/// The cluster's last change, to the second key, did not succeed, and API servers write with the
/// first: it is set back to that, and then everything is looked at anew.
#[test]
fn after_a_change_that_failed_the_key_in_use_is_set_first() {
    let mut world = World::rotate();
    world.observed.cluster = cluster("a", KEY_2, "Failed");
    let mut state = rotation(&world);
    let mut now = world.observed.cluster.clone();
    let effects = run(&mut state, &mut now, |effect, _| match effect {
        Effect::FindKeyInUse { candidates, .. } => {
            assert!(candidates.contains(&key(KEY_1)), "{candidates:?}");
            Some(Outcome::Heard(vec![key(KEY_1)]))
        }
        Effect::Verify => Some(Outcome::Verified(verdict(&[KEY_1]))),
        _ => None,
    });
    let put = effects.iter().find_map(|effect| match effect {
        Effect::PutKms { target } => Some(target.expected()),
        _ => None,
    });
    assert_eq!(put, Some(key(KEY_1)), "{effects:#?}");
    assert_eq!(*effects.last().unwrap(), Effect::Replan(Replan::SetBack(key(KEY_1))));
    let looked = effects.iter().any(|effect| matches!(effect, Effect::ReadPublicAccess { .. }));
    assert!(looked, "the public way is not taken to a closed vault: {effects:#?}");
}

/// A vault is opened again only by the operation that closed it.
#[test]
fn a_vault_that_kms_needs_is_opened_again_by_the_operation_that_closed_it() {
    use crate::report::{Step, StepKind};

    let vault = VaultId::parse(VAULT).unwrap();
    for (open, reopen) in [(true, true), (false, false)] {
        let close = StepKind::SetVaultPublicAccess { key_vault_id: vault.clone(), enabled: false };
        let mut state = rotation(&World::rotate());
        state.context.steps = [Step::new(close)].into();
        let mut look =
            closing::Look { in_private_use: true, unchanged: true, open, connected: true };
        let mut now = cluster("a", KEY_1, "Succeeded");
        let effects = run(&mut state, &mut now, |effect, _| match effect {
            Effect::ReadVault(_) => Some(Outcome::Vault(look)),
            Effect::CloseVault(_) => {
                look.open = false;
                None
            }
            Effect::CheckKms => Some(Outcome::Failed(Failure::KmsUnavailable)),
            _ => None,
        });
        let vault = vault.clone();
        assert_eq!(*effects.last().unwrap(), Effect::Stop(Stop::Unhealthy { vault, reopen }));
    }
}

/// The request to close the vault has no outcome that is known: it is sent again only after another
/// look, and what was closed is opened again as if the response had come.
#[test]
fn a_closing_whose_outcome_is_not_known_is_looked_at_before_it_is_sent_again() {
    use crate::report::{Step, StepKind};

    let vault = VaultId::parse(VAULT).unwrap();
    let open = closing::Look { in_private_use: true, unchanged: true, open: true, connected: true };
    let stop = |why| (Effect::Stop(why), 1);
    for (what, after, expected) in [
        ("nothing happened", open, (Effect::Finish, 2)),
        ("it is closed", closing::Look { open: false, ..open }, (Effect::Finish, 1)),
        (
            "closed, and changed meanwhile",
            closing::Look { open: false, unchanged: false, ..open },
            (Effect::Finish, 1),
        ),
        (
            "open, and changed meanwhile",
            closing::Look { unchanged: false, ..open },
            (Effect::Replan(Replan::Changed), 1),
        ),
        (
            "used publicly meanwhile",
            closing::Look { in_private_use: false, ..open },
            stop(Stop::NotInPrivateUse { vault: vault.clone(), reopen: true }),
        ),
    ] {
        let close = StepKind::SetVaultPublicAccess { key_vault_id: vault.clone(), enabled: false };
        let mut state = rotation(&World::rotate());
        state.context.steps = [Step::new(close)].into();
        let (mut look, mut tries) = (open, 0);
        let mut now = cluster("a", KEY_1, "Succeeded");
        let effects = run(&mut state, &mut now, |effect, _| match effect {
            Effect::ReadVault(_) => Some(Outcome::Vault(look)),
            Effect::CloseVault(_) => {
                tries += 1;
                look = if tries == 1 { after } else { closing::Look { open: false, ..look } };
                (tries == 1).then_some(Outcome::Failed(Failure::NoOutcome))
            }
            _ => None,
        });
        assert_eq!((effects.last().unwrap().clone(), tries), expected, "{what}: {effects:#?}");
        let closings = effects.iter().filter(|effect| matches!(effect, Effect::CloseVault(_)));
        assert_eq!(closings.count(), tries);
    }
}

#[test]
fn a_proof_takes_the_gates_place_and_no_more() {
    let mut state = rotation(&World::rotate());
    state.context.is_proven = true;
    let mut now = cluster("a", KEY_1, "Succeeded");
    let effects = run(&mut state, &mut now, |_, _| None);
    let count = |name: &str| names(&effects).iter().filter(|it| *it == name).count();
    assert_eq!((count("TakeProof"), count("Verify"), count("PutKms")), (1, 1, 1), "{effects:#?}");
    assert_eq!((count("Converge"), count("Rewrite")), (1, 1), "of the rewrite: {effects:#?}");
}
