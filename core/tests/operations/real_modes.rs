//! Change of the network mode and migration to KMS v2 on a real kube-apiserver and etcd.

use aks_kms::{ChangeNetworkModeOptions, KmsVersion, MigrateToV2Options, NetworkMode, RuleId};
use aks_kms_simulator::{Given, Options, Simulator, real::Binaries};
use serde_json::json;

use crate::common::{self, world::is_all_proven};

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_becomes_private_and_public_again() {
    if !Binaries::available() {
        return;
    }
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given: Given = serde_json::from_value(json!({
        "cluster": {
            "backend": "real", "api_servers": 1, "vnet_integration": true,
            "kms": {"key": "{{key.1}}"},
        },
        "secrets": {"namespaces": 5, "each": 100},
    }))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let manager = common::builder(&case).timing(common::real_timing()).build().unwrap();
    for mode in [NetworkMode::Private, NetworkMode::Public] {
        let options = ChangeNetworkModeOptions::default();
        let report = manager.change_network_mode(mode, options).await.unwrap();
        assert!(is_all_proven(&report), "{report:#?}");
        assert_eq!(report.after.network_mode, Some(mode));
        let truth = simulator.secrets(&case.id).await.unwrap();
        assert_eq!(truth.violations, Vec::<String>::new(), "to {mode}");
        assert_eq!((truth.total, truth.plaintext, truth.unreadable), (501, 0, 0), "to {mode}");
        assert_eq!(truth.by_key.get(&case.key_ids[0]), Some(&501), "to {mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_v1_becomes_v2_and_nothing_is_left_in_plaintext() {
    if !Binaries::available() {
        return;
    }
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given: Given = serde_json::from_value(json!({
        "cluster": {
            "backend": "real", "api_servers": 1, "kubernetes_version": "1.25.3",
            "kms": {"key": "{{key.1}}"},
        },
        "secrets": {"namespaces": 20, "each": 100},
    }))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let before = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((before.total, before.plaintext), (2_000, 0));
    let manager = common::builder(&case).timing(common::real_timing()).build().unwrap();
    let options = MigrateToV2Options {
        allow: vec![RuleId::KeyInUseUnproven],
        ..MigrateToV2Options::default()
    };
    let report = manager.migrate_to_v2(options).await.unwrap();
    assert_eq!(report.before.kms_version, Some(KmsVersion::V1));
    assert_eq!(report.after.kms_version, Some(KmsVersion::V2));
    // the gate cannot be proven on KMS v1
    let mut rest = report.reencryption.iter().skip(1);
    assert!(report.is_proven() && rest.all(|pass| pass.complete), "{report:#?}");
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((truth.total, truth.plaintext, truth.unreadable), (2_001, 0, 0));
    assert_eq!(truth.by_key.get(&case.key_ids[0]), Some(&2_001), "{truth:?}");
}
