//! A cluster of a sequence: a case of the simulator, and what is known of it beyond doubt.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use aks_kms::{KmsManager, Timing};
use aks_kms_simulator::{
    Case, Simulator,
    backend::{EncryptionConfig, GroundTruth, KeyRef, KmsVersion},
    embedded::Embedded,
    given::Given,
    writes::Write,
};
use serde_json::{Map, Value, json};

use crate::{
    common::{self, SCALE, kubectl::Kubectl},
    data_encryption::{self, is_of},
    faults::Troubles,
    region::Region,
    sequence::{Denied, Fault, Kms, Start, Wiring},
};

/// Namespaces with secrets, `team-1` and so on.
pub(crate) const NAMESPACES: usize = 3;
/// Secrets of each at the start.
const EACH: usize = 4;
/// The library's own secret while it finds out what API servers write with.
pub(crate) const CANARY: &str = "aks-kms-canary";
/// The secret that cannot be rewritten, where there is one.
pub(crate) const DENIED: &str = "team-1/denied";
/// Whatever goes on in Azure is over by then.
const OPERATION: Duration = Duration::from_secs(10);

/// Nobody waits longer until AKS takes up a version.
const VERSION_LIMIT: Duration = Duration::from_secs(8);

const AT_REST: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// How many secrets are under a key, which the truth may name as plugins do.
pub(crate) fn under(truth: &GroundTruth, key_id: &str) -> usize {
    // Whichever version of it.
    if key_id.matches('/').count() == 4 {
        let versions = truth.by_key.iter().filter(|(key, _)| is_of(key, key_id));
        return versions.map(|(_, count)| count).sum();
    }
    let key = KeyRef { key_id: key_id.to_owned(), kms_version: KmsVersion::V2 };
    let seen = truth.by_key.get(key_id).or_else(|| truth.by_key.get(&key.plugin_key_id()));
    seen.copied().unwrap_or_default()
}

/// A cluster of a sequence.
pub(crate) struct Cluster {
    region: Arc<Region>,
    case: Case,
    /// Whether there is a secret that cannot be rewritten.
    pub(crate) denied: Denied,
    pub(crate) kubectl: Kubectl,
    troubles: Mutex<Troubles>,
    /// The record as it was when it was backed up.
    pub(crate) backup: Mutex<Option<Value>>,
    /// Namespaces that are gone and have left a secret.
    pub(crate) orphans: Mutex<Vec<String>>,
    pub(crate) forged_leases: Mutex<Vec<String>>,
    /// A secret of somebody's has the canary's name.
    pub(crate) canarys_name_taken: Mutex<bool>,
    /// The numbers of the keys that somebody has asked for.
    asked: Mutex<BTreeSet<usize>>,
    /// The key that others have set since a call last set one, by a change that succeeded.
    pub(crate) set_by_others: Mutex<Option<usize>>,
    /// Others have asked for a change that did not succeed.
    pub(crate) others_failed: AtomicBool,
    /// Versions that somebody has disabled, by their numbers.
    pub(crate) disabled: Mutex<Vec<usize>>,
    names: AtomicUsize,
}

impl Cluster {
    pub(crate) async fn new(region: &Arc<Region>, start: Start) -> Self {
        let troubles = Troubles::none();
        let mut given = json!({
            "cluster": {
                "kubernetes_version": if start.kms == Kms::V1 { "1.25.3" } else { "1.34.3" },
                "vnet_integration": true,
                "wiring": match start.wiring {
                    Wiring::OneProvider => "one-provider",
                    Wiring::TwoProviders => "two-providers",
                },
            },
            "key": {"versions": 3},
            "other_vault": {},
            "vault": {"public_access": start.kms != Kms::Private},
            // AKS looks for versions within the time that a call has.
            "data_encryption": {"look_seconds": 150.0, "rewrite_seconds": 20.0},
            "secrets": {"namespaces": NAMESPACES, "each": EACH},
        });
        given["faults"] = serde_json::to_value(troubles.faults()).unwrap();
        if start.denied != Denied::Nowhere {
            given["secrets"]["special"] = json!([{"name": DENIED, "kind": "denied"}]);
        }
        match start.kms {
            Kms::Off => {}
            Kms::Platform | Kms::Customer => {
                let whole = data_encryption::given(start.kms == Kms::Platform);
                for (name, value) in whole.as_object().unwrap() {
                    given["cluster"][name] = value.clone();
                }
            }
            Kms::Public | Kms::V1 => given["cluster"]["kms"] = json!({"key": "{{key.1}}"}),
            Kms::Private => {
                given["cluster"]["kms"] = json!({"key": "{{key.1}}", "network_mode": "private"});
            }
        }
        let given: Given = serde_json::from_value(given).unwrap();
        let case = region.simulator.put_case(given).await.unwrap();
        Self {
            kubectl: Kubectl::new(&region.simulator, &case),
            region: Arc::clone(region),
            case,
            denied: start.denied,
            troubles: Mutex::new(troubles),
            backup: Mutex::default(),
            orphans: Mutex::default(),
            forged_leases: Mutex::default(),
            canarys_name_taken: Mutex::default(),
            asked: Mutex::new(if start.kms.is_first_key() { [1].into() } else { BTreeSet::new() }),
            set_by_others: Mutex::default(),
            others_failed: AtomicBool::default(),
            disabled: Mutex::default(),
            names: AtomicUsize::default(),
        }
    }

    /// Counts what came of something.
    pub(crate) fn note(&self, what: String) {
        self.region.note(what);
    }

    /// A manager as on a machine of its own.
    pub(crate) fn manager(&self) -> KmsManager {
        let timing = Timing { key_version_limit: VERSION_LIMIT, ..Timing::scaled(SCALE) };
        common::builder(&self.case).timing(timing).build().unwrap()
    }

    /// A key by its number: three in the first vault, then two in the other.
    pub(crate) fn key(&self, number: usize) -> &str {
        let first = &self.case.key_ids;
        match number.checked_sub(first.len() + 1) {
            None => &first[number - 1],
            Some(other) => &self.case.other_key_ids[other],
        }
    }

    /// The number of a key of the case.
    pub(crate) fn number_of(&self, key_id: &str) -> Option<usize> {
        let keys = self.case.key_ids.iter().chain(&self.case.other_key_ids);
        Some(keys.into_iter().position(|key| key == key_id)? + 1)
    }

    /// Somebody asks for a key, whatever comes of it.
    pub(crate) fn is_asked_for(&self, number: usize) {
        self.asked.lock().unwrap().insert(number);
    }

    /// Whether somebody did; a key that the case did not make is one that the library made.
    pub(crate) fn was_asked_for(&self, key_id: &str) -> bool {
        let number = self.number_of(key_id);
        number.is_none_or(|number| self.asked.lock().unwrap().contains(&number))
    }

    /// A name that nothing has.
    pub(crate) fn next_name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// The resource id of the vault that a key is in.
    pub(crate) fn vault_of(&self, key_id: &str) -> &str {
        let host = |key_id: &str| key_id.split('/').nth(2).map(str::to_owned);
        if host(key_id) == host(&self.case.key_ids[0]) {
            &self.case.key_vault_id
        } else {
            &self.case.other_key_vault_id
        }
    }

    /// Whether the public way to a key's vault is open.
    pub(crate) fn is_open(&self, key_id: &str) -> bool {
        let name = self.vault_of(key_id).rsplit('/').next().unwrap();
        let vault = self.simulator().patch_vault(&self.case.id, name, &json!({})).unwrap();
        vault["properties"]["publicNetworkAccess"] != "Disabled"
    }

    fn simulator(&self) -> &Simulator {
        &self.region.simulator
    }

    pub(crate) fn case(&self) -> &Case {
        &self.case
    }

    pub(crate) fn ask_for_security(&self, members: &Map<String, Value>) -> bool {
        self.simulator().ask_for_security(&self.case.id, members, None, None).unwrap()
    }

    pub(crate) fn set_enabled(&self, key: &str, enabled: bool) {
        let change = json!({"attributes": {"enabled": enabled}});
        self.simulator().patch_key(&self.case.id, key, &change).unwrap();
    }

    pub(crate) async fn look_for_key_versions(&self) {
        self.simulator().look_for_key_versions(&self.case.id).await.unwrap();
    }

    pub(crate) async fn rotate_platform_key(&self) {
        self.simulator().rotate_platform_key(&self.case.id).await.unwrap();
    }

    pub(crate) fn is_rewriting(&self) -> bool {
        self.simulator().is_rewriting(&self.case.id).unwrap()
    }

    /// The cluster as Resource Manager has it.
    pub(crate) fn document(&self) -> Value {
        self.simulator().cluster(&self.case.id).unwrap()
    }

    /// `azureKeyVaultKms`.
    pub(crate) fn profile(&self) -> Value {
        self.document()["properties"]["securityProfile"]["azureKeyVaultKms"].clone()
    }

    /// The key that the cluster is set to.
    pub(crate) fn configured(&self) -> Option<String> {
        let profile = self.profile();
        (profile["enabled"] == true).then(|| profile["keyId"].as_str().unwrap().to_owned())
    }

    /// Whether it is set to reach its vault privately.
    pub(crate) fn is_private(&self) -> bool {
        self.profile()["keyVaultNetworkAccess"] == "Private"
    }

    /// What the API servers were last given, and whether all of them were.
    pub(crate) fn rolled_out(&self) -> (EncryptionConfig, bool) {
        self.simulator().rolled_out(&self.case.id).unwrap()
    }

    /// When they were last given something.
    pub(crate) fn rolled_out_at(&self) -> Option<Instant> {
        self.simulator().rolled_out_at(&self.case.id).unwrap()
    }

    /// Whether nothing goes on in Azure.
    pub(crate) fn is_terminal_state(&self) -> bool {
        let state = self.document()["properties"]["provisioningState"].clone();
        AT_REST.iter().any(|at_rest| state == *at_rest)
    }

    /// The eTag that the cluster has now.
    pub(crate) fn etag(&self) -> Option<String> {
        self.document()["eTag"].as_str().map(str::to_owned)
    }

    /// Others ask for a KMS profile, for the cluster as they have seen it if they name its eTag, and
    /// are told how that ends; absent: well, if nothing is in the way. Whether it was accepted.
    pub(crate) fn ask_for_kms(
        &self,
        profile: &Value,
        etag: Option<&str>,
        ends: Option<&Value>,
    ) -> bool {
        let ends = ends.map(|ends| serde_json::from_value(ends.clone()).unwrap());
        self.simulator().ask_for_kms(&self.case.id, profile, etag, ends).unwrap()
    }

    /// Whether a secret is in the store, whatever API servers say.
    pub(crate) fn is_stored(&self, namespace: &str, name: &str) -> bool {
        self.embedded().is_some_and(|embedded| embedded.stored(namespace, name).is_some())
    }

    /// Whether every API server is as it should be.
    pub(crate) fn spares_servers(&self) -> bool {
        self.troubles.lock().unwrap().spare_servers()
    }

    /// Whether somebody's credential may be refused.
    pub(crate) fn expires_credentials(&self) -> bool {
        self.troubles.lock().unwrap().expire_credentials()
    }

    /// Under what the secrets are.
    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator().secrets(&self.case.id).await.unwrap()
    }

    /// How many writes there were.
    pub(crate) fn writes(&self) -> usize {
        self.simulator().writes(&self.case.id).unwrap().len()
    }

    /// How many changes of the cluster the library has sent.
    pub(crate) fn changes(&self) -> usize {
        let writes = self.simulator().writes(&self.case.id).unwrap();
        let is_change = |write: &&Write| {
            matches!(write, Write::Request { target: "arm", method, path, .. }
                if method == "PUT" && path.contains("managedClusters"))
        };
        writes.iter().filter(is_change).count()
    }

    pub(crate) fn tag(&self, value: usize) {
        let tags = json!({"tags": {"owner": format!("somebody-{value}")}});
        self.simulator().patch_cluster(&self.case.id, &tags).unwrap();
    }

    fn embedded(&self) -> Option<Arc<Embedded>> {
        self.region.api_servers.at(&self.case.kubernetes)
    }

    pub(crate) fn compact(&self) {
        if let Some(embedded) = self.embedded() {
            embedded.compact();
        }
    }

    pub(crate) async fn restart(&self) {
        self.simulator().restart_api_servers(&self.case.id).await.unwrap();
    }

    /// Something goes wrong from now on.
    pub(crate) async fn fail(&self, fault: Fault) {
        let faults = {
            let mut troubles = self.troubles.lock().unwrap();
            troubles.add(fault);
            troubles.faults()
        };
        self.simulator().set_faults(&self.case.id, faults).await.unwrap();
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn heal(&self) {
        let faults = {
            let mut troubles = self.troubles.lock().unwrap();
            *troubles = Troubles::none();
            troubles.faults()
        };
        self.simulator().set_faults(&self.case.id, faults).await.unwrap();
    }

    /// Waits until nothing goes on in Azure: the state in which it ended.
    pub(crate) async fn idle(&self) -> Result<String, String> {
        let began = Instant::now();
        loop {
            let state = self.document()["properties"]["provisioningState"].clone();
            let state = state.as_str().unwrap_or_default();
            if AT_REST.contains(&state) {
                return Ok(state.to_owned());
            }
            if began.elapsed() > OPERATION {
                return Err(format!("the cluster stays in {state}"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.region.api_servers.forget(&self.case.kubernetes);
        drop(self.region.simulator.delete_case(&self.case.id));
    }
}
