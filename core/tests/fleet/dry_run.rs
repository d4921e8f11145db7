//! A dry run of each verb, and what only reads, writes nothing at all: in Azure, in vaults, in clusters.

use aks_kms::{
    EnableOptions, FleetOptions, FleetVerb, KeySource, OperationOutcome, PerCluster,
    ReencryptSecretsOptions, RuleId, SetDataEncryptionOptions, StatusOptions, VerifySecretsOptions,
};
use serde_json::json;

use crate::{
    common::kubectl::Kubectl,
    world::{DAY, FleetWorld, daily},
};

/// The verbs, for a fleet whose clusters have KMS with the first version of their keys.
fn verbs(world: &FleetWorld) -> Vec<FleetVerb> {
    let new = (0..world.cases.len())
        .map(|number| (world.id(number), world.cases[number].key_ids[1].clone()));
    let allow = vec![RuleId::DataEncryptionIrreversible];
    vec![
        daily().into(),
        FleetVerb::Enable {
            key_ids: PerCluster::Each(new.collect()),
            options: EnableOptions::default(),
        },
        FleetVerb::SetDataEncryption {
            key_sources: PerCluster::All(KeySource::PlatformManaged),
            options: SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::default() },
        },
        ReencryptSecretsOptions::default().into(),
        VerifySecretsOptions::default().into(),
        StatusOptions { secrets: true, when_older_than: Some(DAY) }.into(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_anywhere() {
    let off = json!({"cluster": {"kms": null}});
    let world = FleetWorld::new(2, &json!({}), &[(1, off)]).await;
    let versions = world.versions(0).await;
    for verb in verbs(&world) {
        let name = verb.verb();
        let options = FleetOptions { dry_run: true, waves: vec![1], ..FleetOptions::default() };
        let report = world.fleet().run(verb, options).await.unwrap();
        assert_eq!(report.totals.not_started, 0, "{name}: {report}");
        let did = |row: &aks_kms::FleetRow| row.outcome == OperationOutcome::Done;
        let reads = matches!(name.as_str(), "status" | "verify_secrets");
        assert!(reads || !report.clusters.iter().any(did), "{name}: {report}");
        for (number, case) in world.cases.iter().enumerate() {
            assert_eq!(world.simulator.writes(&case.id).unwrap(), [], "{name}: {number}");
            let record = Kubectl::new(&world.simulator, case).record().await;
            assert_eq!(record, None, "{name}: {number}");
        }
        assert_eq!(world.versions(0).await, versions, "{name}");
    }
}
