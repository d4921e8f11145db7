//! `enable` on a real kube-apiserver and etcd: what it leaves in etcd, read from etcd itself.

use aks_kms::{EnableOptions, Evidence, Purpose};
use aks_kms_simulator::{Given, Options, Simulator, real::Binaries, writes::Write};
use serde_json::json;

use crate::common;

#[tokio::test(flavor = "multi_thread")]
async fn enable_encrypts_every_secret_in_etcd_and_a_second_run_changes_nothing() {
    if !Binaries::available() {
        return;
    }
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given: Given = serde_json::from_value(json!({
        "cluster": {"backend": "real", "api_servers": 1},
        "secrets": {"namespaces": 5, "each": 100},
    }))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let before = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((before.total, before.plaintext), (500, 500));
    let manager = common::builder(&case).timing(common::real_timing()).build().unwrap();

    let report = manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap();
    let purposes: Vec<Purpose> = report.reencryption.iter().map(|pass| pass.purpose).collect();
    assert_eq!(purposes, [Purpose::Gate, Purpose::Rewrite]);
    for pass in &report.reencryption {
        assert!(pass.complete, "{pass:?}");
        assert_eq!(pass.evidence, Evidence::Metrics);
        assert_eq!(pass.counts.total, 501);
    }
    let after = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((after.total, after.plaintext, after.unreadable), (501, 0, 0));
    assert_eq!(after.by_key.get(&case.key_ids[0]), Some(&501), "{after:?}");

    simulator.clear_writes(&case.id).unwrap();
    let again = manager.enable(&case.key_ids[0], EnableOptions::default()).await.unwrap();
    assert!(again.reencryption[0].complete);
    assert_eq!(again.reencryption[0].counts.current, 501);
    let writes = simulator.writes(&case.id).unwrap();
    assert!(
        writes.iter().all(|write| matches!(write, Write::PatchSecrets { .. })),
        "nothing but empty patches is sent: {writes:?}"
    );
    assert_eq!(
        simulator.secrets(&case.id).await.unwrap(),
        after,
        "and none of them wrote anything"
    );
}
