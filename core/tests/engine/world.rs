//! What the tests of re-encryption do to a cluster.

use std::sync::Arc;

use aks_kms::{
    Error, OnProgress, OperationReport, Phase, ReencryptOptions, ReencryptReport,
    ReencryptSecretsOptions,
};
use aks_kms_simulator::{backend::KubernetesBackend, embedded::Embedded, writes::Write};
use serde_json::Value;

pub(crate) use crate::common::{block_on, embedded::EmbeddedWorld as World};
use crate::common::{once, watched};

impl World {
    pub(crate) async fn reencrypt(&self) -> Result<OperationReport, Error> {
        self.manager().reencrypt_secrets(ReencryptSecretsOptions::default()).await
    }

    /// The only pass of a run that succeeds.
    pub(crate) async fn pass(&self) -> ReencryptReport {
        only(self.reencrypt().await.unwrap())
    }

    /// Options under which these faults come up when rewriting begins.
    pub(crate) fn faults_when_rewriting(&self, faults: Value) -> ReencryptSecretsOptions {
        let embedded = Arc::clone(&self.embedded);
        during(Phase::Reencrypt, 0, move || set_faults(&embedded, &faults))
    }

    /// How many patches of secrets were sent, dry runs and the canary left out.
    pub(crate) fn patches(&self) -> u64 {
        let writes = self.simulator.writes(&self.case.id).unwrap();
        writes
            .iter()
            .map(|write| match write {
                Write::PatchSecrets { patch_secrets } => *patch_secrets,
                Write::Request { .. } => 0,
            })
            .sum()
    }

    /// All secrets are under this key, and none is lost.
    pub(crate) async fn assert_all_under(&self, key: usize) {
        let truth = self.truth().await;
        assert_eq!(truth.by_key.get(&self.case.key_ids[key]), Some(&truth.total), "{truth:?}");
        assert_eq!(truth.unreadable, 0, "{truth:?}");
    }
}

/// The only pass of a report.
pub(crate) fn only(report: OperationReport) -> ReencryptReport {
    let [pass] = <[ReencryptReport; 1]>::try_from(report.reencryption).unwrap();
    pass
}

/// Replaces the faults of a cluster's Kubernetes, from within a run.
pub(crate) fn set_faults(embedded: &Embedded, faults: &Value) {
    let faults = serde_json::from_value(faults.clone()).unwrap();
    block_on(embedded.set_faults(faults)).unwrap();
}

/// Options with which `act` is called once, when a phase has begun and so many secrets are done.
pub(crate) fn during(
    phase: Phase,
    done: u64,
    act: impl Fn() + Send + Sync + 'static,
) -> ReencryptSecretsOptions {
    with_progress(once(phase, done, act), ReencryptOptions::default())
}

pub(crate) fn with_progress(
    on_progress: OnProgress,
    reencrypt: ReencryptOptions,
) -> ReencryptSecretsOptions {
    ReencryptSecretsOptions { reencrypt, ..ReencryptSecretsOptions::from(watched(on_progress)) }
}
