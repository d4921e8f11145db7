//! A cluster, its managers, and what must hold of it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::atomic::{AtomicUsize, Ordering};

use aks_kms::{
    Action, DisableOptions, EnableOptions, Error, Finding, KeyId, KeyLedger, KmsManager,
    LedgerEntry, Level, OperationReport, Purpose, Reencrypt, RotateOptions, RunOptions,
    StatusOptions, Timing, VaultId,
};
use aks_kms_simulator::{
    Case, Options, Simulator,
    backend::{GroundTruth, KeyRef, KmsVersion},
    real::Binaries,
};
use serde_json::{Value, json};

use super::{
    az::Az,
    kubectl::Kubectl,
    subprocess::{Script, Subprocess},
};

/// How AKS may wire two keys: everything must hold for both.
pub(crate) const WIRINGS: [&str; 2] = ["one-provider", "two-providers"];

/// Real API servers take real time; the library's own waits need not.
const REAL_SCALE: f64 = 0.1;

/// The library's waits at this scale. What real API servers take, no scale makes shorter: the time
/// to begin, and the ten seconds between two renewals of an identity Lease.
pub(crate) fn timing(scale: f64) -> Timing {
    let scaled = Timing::scaled(scale);
    if scale < REAL_SCALE {
        return scaled;
    }
    let Timing { convergence_limit, server_liveness, .. } = Timing::default();
    Timing { convergence_limit, server_liveness, ..scaled }
}

/// A cluster with five versions of a key in its vault.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) case: Case,
    /// Factor of the library's waits.
    scale: f64,
    /// Versions of the key that earlier sequences used up.
    used: AtomicUsize,
}

impl World {
    /// On the embedded API servers. `given` is added to a cluster with ten secrets.
    pub(crate) async fn embedded(wiring: &str, given: Value) -> Self {
        let simulator = super::simulator().await;
        Self::with(simulator, json!({"wiring": wiring}), given, super::SCALE).await
    }

    /// On real API servers, whose waits are a tenth of Azure's. `None`: this machine has none.
    pub(crate) async fn real(api_servers: usize, given: Value) -> Option<Self> {
        if !Binaries::available() {
            return None;
        }
        let simulator = Simulator::start(Options::default()).await.unwrap();
        let cluster = json!({"backend": "real", "api_servers": api_servers});
        let mut whole = json!({"key": {"versions": 16}});
        merge(&mut whole, given);
        Some(Self::with(simulator, cluster, whole, REAL_SCALE).await)
    }

    pub(crate) async fn with(
        simulator: Simulator,
        cluster: Value,
        given: Value,
        scale: f64,
    ) -> Self {
        let mut whole = json!({"cluster": cluster, "key": {"versions": 5}});
        merge(&mut whole, given);
        let case = simulator.put_case(serde_json::from_value(whole).unwrap()).await.unwrap();
        Self { simulator, case, scale, used: AtomicUsize::new(0) }
    }

    /// A manager as on a machine of its own.
    pub(crate) fn manager(&self) -> KmsManager {
        self.builder_timing(self.timing())
    }

    pub(crate) fn timing(&self) -> Timing {
        timing(self.scale)
    }

    pub(crate) fn builder_timing(&self, timing: Timing) -> KmsManager {
        super::builder(&self.case).timing(timing).build().unwrap()
    }

    /// The N-th version of the key, from 1; of those that are left.
    pub(crate) fn key(&self, number: usize) -> &str {
        &self.case.key_ids[self.used.load(Ordering::Relaxed) + number - 1]
    }

    /// Makes room for another sequence on the same cluster: KMS off, and other versions of the key.
    pub(crate) async fn renew(&self, used: usize) {
        self.disable().await.unwrap();
        self.all_plaintext().await;
        self.used.fetch_add(used, Ordering::Relaxed);
    }

    /// The key without a version.
    pub(crate) fn versionless(&self) -> String {
        self.key(1).rsplit_once('/').unwrap().0.to_owned()
    }

    /// The names of the versions that the key has.
    pub(crate) async fn versions(&self) -> Vec<String> {
        let key_id = KeyId::parse(self.key(1)).unwrap();
        self.az().await.key_versions(&self.case.key_vault_id, key_id.name()).await
    }

    pub(crate) async fn enable(&self, number: usize) -> Result<OperationReport, Error> {
        self.manager().enable(self.key(number), EnableOptions::default()).await
    }

    pub(crate) async fn rotate(&self, number: usize) -> Result<OperationReport, Error> {
        self.manager().rotate(self.key(number), RotateOptions::default()).await
    }

    pub(crate) async fn rotate_with(
        &self,
        number: usize,
        run: RunOptions,
    ) -> Result<OperationReport, Error> {
        let options = RotateOptions::from(run);
        self.manager().rotate(self.key(number), options).await
    }

    /// Without rewriting afterwards.
    pub(crate) async fn rotate_only(&self, number: usize) -> Result<OperationReport, Error> {
        let options = RotateOptions { reencrypt: Reencrypt::Skip, ..RotateOptions::default() };
        self.manager().rotate(self.key(number), options).await
    }

    pub(crate) async fn disable(&self) -> Result<OperationReport, Error> {
        self.manager().disable(DisableOptions::default()).await
    }

    pub(crate) async fn ledger(&self) -> KeyLedger {
        self.manager().status(StatusOptions::default()).await.unwrap().ledger.unwrap()
    }

    /// What `check_action` has against an action, which it refuses.
    pub(crate) async fn refuses(&self, action: Action) -> Vec<Finding> {
        let findings = self.manager().check_action(action.clone()).await.unwrap();
        assert!(findings.iter().any(|finding| finding.level == Level::Block), "{action}");
        findings
    }

    pub(crate) fn vault(&self) -> VaultId {
        VaultId::parse(&self.case.key_vault_id).unwrap()
    }

    pub(crate) fn delete_key(&self, number: usize) -> Action {
        Action::DeleteKey { key_id: KeyId::parse(self.key(number)).unwrap() }
    }

    pub(crate) async fn az(&self) -> Az {
        Az::login(&self.case).await
    }

    pub(crate) fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.simulator, &self.case)
    }

    /// The library in another process.
    pub(crate) fn subprocess(&self, verb: &str, key: Option<usize>) -> Subprocess {
        Subprocess::start(&Script {
            case: self.case.clone(),
            verb: verb.to_owned(),
            key_id: key.map(|number| self.key(number).to_owned()),
            step_by_step: true,
            scale: self.scale,
        })
    }

    pub(crate) async fn faults(&self, faults: Value) {
        let faults = serde_json::from_value(faults).unwrap();
        self.simulator.set_faults(&self.case.id, faults).await.unwrap();
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap()
    }

    /// No secret is unreadable.
    pub(crate) async fn nothing_is_lost(&self) -> GroundTruth {
        let truth = self.truth().await;
        assert_eq!(truth.unreadable, 0, "{truth:?}");
        truth
    }

    /// Every secret is under this version of the key.
    pub(crate) async fn all_under(&self, number: usize) {
        self.all_under_key(self.key(number)).await;
    }

    /// Every secret is under this key, which the case did not make.
    pub(crate) async fn all_under_key(&self, key_id: &str) {
        let key = KeyRef { key_id: key_id.to_owned(), kms_version: KmsVersion::V2 };
        let truth = self.nothing_is_lost().await;
        let seen = truth.by_key.get(key_id).or_else(|| truth.by_key.get(&key.plugin_key_id()));
        assert_eq!(seen, Some(&truth.total), "{truth:?}");
    }

    /// Every secret is under a key of the platform's.
    pub(crate) async fn all_under_platform(&self) {
        let truth = self.nothing_is_lost().await;
        let platform = truth.by_key.iter().filter(|(key, _)| key.starts_with("platform/"));
        assert_eq!(platform.map(|(_, count)| count).sum::<usize>(), truth.total, "{truth:?}");
    }

    /// Every secret is plaintext.
    pub(crate) async fn all_plaintext(&self) {
        let truth = self.nothing_is_lost().await;
        assert_eq!(truth.plaintext, truth.total, "{truth:?}");
    }

    /// The version of the key that the cluster is set to, as the ARM document says.
    pub(crate) fn configured(&self) -> Option<String> {
        let cluster = self.simulator.cluster(&self.case.id).unwrap();
        let profile = &cluster["properties"]["securityProfile"]["azureKeyVaultKms"];
        let on = profile["enabled"] == true;
        on.then(|| profile["keyId"].as_str().map(str::to_owned)).flatten()
    }

    /// A key in the ledger.
    pub(crate) fn entry<'a>(
        &self,
        ledger: &'a KeyLedger,
        number: usize,
    ) -> Option<&'a LedgerEntry> {
        let parts = [&ledger.current, &ledger.pending, &ledger.previous];
        parts
            .into_iter()
            .flatten()
            .chain(&ledger.retired)
            .find(|entry| is(Some(entry), self.key(number)))
    }

    pub(crate) fn is_removable(&self, ledger: &KeyLedger, number: usize) -> bool {
        self.entry(ledger, number).is_some_and(|entry| entry.removable)
    }
}

/// The passes of a report with this purpose: all complete.
pub(crate) fn assert_complete(report: &OperationReport, purposes: &[Purpose]) {
    let seen: Vec<Purpose> = report.reencryption.iter().map(|pass| pass.purpose).collect();
    assert_eq!(seen, purposes, "{report:#?}");
    assert!(report.reencryption.iter().all(|pass| pass.complete), "{report:#?}");
}

/// Every pass came to its end, and the last one proved that all is under the key in use.
pub(crate) fn is_all_proven(report: &OperationReport) -> bool {
    report.is_proven() && report.reencryption.iter().all(|pass| pass.complete)
}

pub(crate) fn is(entry: Option<&LedgerEntry>, key: &str) -> bool {
    entry.and_then(|entry| entry.key_id.as_ref()).is_some_and(|key_id| key_id.as_str() == key)
}

pub(crate) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
