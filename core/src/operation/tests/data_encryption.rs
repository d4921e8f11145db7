use super::*;

/// To a new version of a customer-managed key, which the operation has made already where it is named.
fn rotation_to(world: &World, made: Option<&str>) -> OperationState {
    let key_id = made.map(|made| KeyId::parse(made).unwrap());
    planned(world, Rotate { made: key_id.is_some(), key_id, ..new_version() })
}

fn customer_managed(etag: &str) -> ClusterFacts {
    let key_id = KeyId::parse(KEY_1).unwrap().without_version();
    let cluster = cluster(etag, key_id.as_str(), "Succeeded");
    ClusterFacts { infrastructure_encryption: true, ..cluster }
}

/// AKS takes a new version up by itself: the cluster is not changed, and its eTag may change meanwhile.
#[test]
fn a_new_version_of_a_customer_managed_key_is_waited_for_and_recorded() {
    let mut world = World::rotate();
    world.observed.cluster = customer_managed("a");
    let mut state = rotation_to(&world, None);
    let mut now = customer_managed("a");
    let made = KeyId::parse(KEY_2).unwrap();
    let effects = run(&mut state, &mut now, |effect, now| match effect {
        Effect::CreateKeyVersion { .. } => {
            Some(Outcome::Made { key_id: made.clone(), is_new: true })
        }
        Effect::AwaitVersion { expected } => {
            assert_eq!(*expected, key(KEY_2));
            *now = customer_managed("c");
            Some(Outcome::Heard(vec![expected.clone()]))
        }
        Effect::Verify => {
            let any = ExpectedKey::AnyVersion(made.without_version());
            Some(Outcome::Verified(Verdict { keys: vec![any], ..verdict(&[KEY_1]) }))
        }
        _ => None,
    });
    insta::assert_snapshot!(names(&effects).join("\n"), @"
    BeginRecord
    Converge
    Rewrite
    Verify
    ReadCluster
    Conclude
    Pass
    CreateKeyVersion
    AwaitVersion
    ReadCluster
    RecordVersion
    Converge
    Rewrite
    Verify
    ReadCluster
    Conclude
    Pass
    FinishRecord
    Finish
    ");
    assert!(effects.contains(&Effect::RecordVersion { version: made }), "{effects:#?}");
}

/// Meanwhile somebody else has set another key.
#[test]
fn a_version_of_a_key_that_is_no_longer_configured_is_planned_again() {
    let mut world = World::rotate();
    world.observed.cluster = customer_managed("a");
    let mut state = rotation_to(&world, Some(KEY_2));
    let mut now = customer_managed("a");
    let effects = run(&mut state, &mut now, |effect, now| match effect {
        Effect::AwaitVersion { expected } => {
            *now = ClusterFacts { kms: None, ..customer_managed("c") };
            Some(Outcome::Heard(vec![expected.clone()]))
        }
        _ => None,
    });
    assert_eq!(*effects.last().unwrap(), Effect::Replan(Replan::Changed), "{effects:#?}");
}

/// Nothing but a key of data encryption is ever sent to a cluster that has it, whatever a plan says.
#[test]
fn there_is_no_way_back_from_data_encryption() {
    let world = World::rotate();
    for etag in ["a", "b"] {
        let mut state = rotation(&world);
        let mut now = customer_managed(etag);
        let effects = run(&mut state, &mut now, |effect, _| {
            (*effect == Effect::Verify).then(|| Outcome::Verified(verdict(&[KEY_1])))
        });
        let sent = effects.iter().any(|effect| matches!(effect, Effect::PutKms { .. }));
        assert!(!sent, "{effects:#?}");
    }
}
