//! What a fleet says of its clusters: as data, as a table, and which keys may go.

use aks_kms::{
    FleetOptions, FleetReport, OperationOutcome, ReencryptSecretsOptions, RotateOptions, RuleId,
    StatusOptions, Verb, VerifySecretsOptions,
};
use serde_json::json;

use crate::world::{DAY, FleetWorld, daily};

#[tokio::test(flavor = "multi_thread")]
async fn status_of_all_has_the_state_of_each_and_says_what_is_due() {
    let closed = json!({"faults": {"kubernetes": [{"path": "", "status": 503}]}});
    let world = FleetWorld::new(3, &json!({}), &[(2, closed)]).await;
    let status = StatusOptions { secrets: true, when_older_than: Some(DAY) };
    let waves = FleetOptions { waves: vec![1], ..FleetOptions::default() };
    let report = world.fleet().run(status, waves).await.unwrap();
    assert_eq!(report.operation, Verb::Status);
    for row in &report.clusters {
        assert_eq!(row.outcome, OperationOutcome::Done, "{report}");
        assert!(row.rules.contains(&RuleId::KeyAge), "{row:#?}");
        assert!(row.key_created_at.is_some());
    }
    let total = |number: usize| report.clusters[number].status.as_ref().unwrap().secrets;
    assert_eq!(total(0).unwrap().total, 10);
    assert!(total(2).is_none(), "a cluster whose API server does not respond has a state, too");
    let shown = report.to_string();
    assert_eq!(shown.lines().count(), 2 + 3 + 1, "{shown}");
    assert!(shown.ends_with("3 clusters: 3 done\n"), "{shown}");
    let data = serde_json::to_value(&report).unwrap();
    let back: FleetReport = serde_json::from_value(data).unwrap();
    assert_eq!(back, report);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_when_every_cluster_has_said_that_it_does_not_need_them() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    world.prove().await;
    for _ in 0..2 {
        for number in 0..2 {
            world.manager(number).rotate(None, RotateOptions::default()).await.unwrap();
        }
    }
    let verify = VerifySecretsOptions::default();
    let report = world.fleet().run(verify, FleetOptions::default()).await.unwrap();
    assert!(report.is_complete() && report.clusters.iter().all(|row| row.proven), "{report}");
    let mut first: Vec<_> = world.cases.iter().map(|case| case.key_ids[0].clone()).collect();
    first.sort_unstable();
    let removable = |report: &FleetReport| -> Vec<String> {
        report.removable_keys.iter().map(ToString::to_string).collect()
    };
    assert_eq!(removable(&report), first);

    world.faults(1, json!({"kubernetes": [{"path": "", "status": 503}]})).await;
    let report =
        world.fleet().run(StatusOptions::default(), FleetOptions::default()).await.unwrap();
    assert!(removable(&report).is_empty(), "the other cluster cannot say");
    let own: Vec<String> =
        report.clusters[0].removable_keys.iter().map(ToString::to_string).collect();
    assert_eq!(own, [world.cases[0].key_ids[0].clone()]);

    let denied = json!({"azure": [{"path": "managedClusters", "status": 403, "code": "AuthorizationFailed"}]});
    world.faults(1, denied).await;
    let found = world.builder(world.subscriptions()).build().unwrap();
    let report = found.run(StatusOptions::default(), FleetOptions::default()).await.unwrap();
    assert_eq!((report.clusters.len(), report.unreadable.len()), (1, 1), "{report}");
    assert!(removable(&report).is_empty(), "clusters that were not found cannot say");
}

/// It goes on with what it began itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_to_a_key_that_somebody_named_is_not_gone_on_with() {
    let denied = json!({"secrets": {"special": [{"name": "team-1/refused", "kind": "denied", "under": "key.1"}]}});
    let world = FleetWorld::new(1, &denied, &[]).await;
    let key = world.cases[0].key_ids[1].clone();
    let allow = vec![RuleId::KeyInUseUnproven];
    let options = RotateOptions { allow, ..RotateOptions::default() };
    let stuck = world.manager(0).rotate(key.as_str(), options).await.unwrap_err();
    assert!(stuck.report().unwrap().after.operation_in_progress.is_some(), "{stuck}");
    let again = world.fleet().run(daily(), FleetOptions::default()).await.unwrap();
    let row = &again.clusters[0];
    assert_eq!(row.outcome, OperationOutcome::Unfinished);
    assert!(row.resume.as_ref().unwrap().contains("call resume or abandon"), "{row:#?}");
}

/// A cluster that the filter left out was found, and the key that it has is known.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_cluster_has_which_was_left_out_is_not_called_removable() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    world.prove().await;
    for _ in 0..2 {
        world.manager(0).rotate(None, RotateOptions::default()).await.unwrap();
    }
    let first = world.cases[0].key_ids[0].clone();
    let removable = async || {
        let chosen = world.id(0);
        let fleet = world
            .builder(world.subscriptions())
            .filter(move |cluster| cluster.id == chosen)
            .build()
            .unwrap();
        let report = fleet.run(StatusOptions::default(), FleetOptions::default()).await.unwrap();
        assert_eq!(report.clusters.len(), 1, "{report}");
        report.removable_keys.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(removable().await, std::slice::from_ref(&first));
    let shared = json!({"properties": {"securityProfile": {"azureKeyVaultKms": {"keyId": first}}}});
    world.simulator.patch_cluster(&world.cases[1].id, &shared).unwrap();
    assert!(removable().await.is_empty(), "the other cluster has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_verb_left_unfinished_is_named_with_the_way_out() {
    let denied = json!({"secrets": {"special": [{"name": "team-1/refused", "kind": "denied", "under": "plaintext"}]}});
    let world = FleetWorld::new(2, &json!({}), &[(0, denied)]).await;
    let stuck = world.manager(0).reencrypt_secrets(ReencryptSecretsOptions::default()).await;
    assert_eq!(stuck.unwrap_err().code(), "reencrypt_incomplete");
    let report = world.fleet().run(daily(), FleetOptions::default()).await.unwrap();
    let [stuck, done] = &report.clusters[..] else { panic!("{report}") };
    assert_eq!(done.outcome, OperationOutcome::Done);
    assert_eq!(stuck.outcome, OperationOutcome::Unfinished, "{stuck:#?}");
    let recorded = stuck.operation_in_progress.as_ref().unwrap();
    assert_eq!(recorded.operation, Verb::ReencryptSecrets);
    assert!(stuck.resume.as_ref().unwrap().contains("resume or abandon"));
    assert!(!world.has_rotated(0) && world.has_rotated(1));
}
