//! What others do to a cluster, and how it and the outcome of a call are looked at.

use std::time::{Duration, Instant};

use aks_kms::{Error, ErrorKind, Finding, KmsManager, Level, RuleId, Timing};
use aks_kms_simulator::{
    backend::{GroundTruth, OWN_SECRETS},
    writes::Write,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::{NOTICE_SECONDS, SCALE, until, world::World};

/// How the simulator ends an operation for the key's permission error.
pub(crate) const PERMISSION_ERROR: &str = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";
/// And for its own.
pub(crate) const INTERNAL_ERROR: &str = "InternalOperationError";

/// The next operation on the cluster fails.
pub(crate) fn failing(code: &str) -> Value {
    json!({"operations": [{"status": "Failed", "code": code, "message": "it broke"}]})
}

impl World {
    /// A manager that waits a second for API servers to agree.
    pub(crate) fn impatient(&self) -> KmsManager {
        let convergence_limit = Duration::from_secs(1);
        self.builder_timing(Timing { convergence_limit, ..self.timing() })
    }

    /// A process of ours asks Azure for its change, and dies while Azure is at it.
    pub(crate) async fn dies_while_azure_works(&self, verb: &str, number: Option<usize>) {
        let mut ours = self.subprocess(verb, number);
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        ours.go_on().await;
        self.comes_to_be("Updating").await;
        ours.kill().await;
    }

    /// Waits until the cluster is in a provisioning state.
    pub(crate) async fn comes_to_be(&self, state: &str) {
        until(state, async || self.property("provisioningState") == state).await;
    }

    /// Others ask for a KMS profile, and that fails.
    pub(crate) async fn others_fail_to_set(&self, profile: Value, code: &str) {
        self.faults(failing(code)).await;
        let (status, response) = self.az().await.ask_for_kms(profile).await;
        assert!(status.is_success(), "{response}");
        self.comes_to_be("Failed").await;
        self.faults(json!({})).await;
    }

    /// A property of the cluster's document.
    pub(crate) fn property(&self, name: &str) -> Value {
        self.simulator.cluster(&self.case.id).unwrap()["properties"][name].clone()
    }

    /// `kubectl get secrets -A -o json | kubectl replace -f -`, again until every API server has
    /// noticed its key: all secrets are under it.
    pub(crate) async fn kubectl_replace_all(&self, number: usize) {
        let kubectl = self.kubectl();
        until("every secret is under the key", async || {
            for secret in 0..10 {
                let (namespace, name) =
                    (format!("team-{}", secret / 5 + 1), format!("secret-{}", secret % 5 + 1));
                assert!(kubectl.update(&namespace, &name, "again").await, "{namespace}/{name}");
            }
            // The library's own, where there are any: all are replaced with what they hold.
            for name in OWN_SECRETS {
                let path = format!("/api/v1/namespaces/kube-system/secrets/{name}");
                let change = json!({"metadata": {"annotations": {"again": "yes"}}});
                kubectl.ask(Method::PATCH, &path, Some(&change)).await.unwrap();
            }
            let truth = self.truth().await;
            self.under(&truth, number) == truth.total
        })
        .await;
    }

    /// `kubectl patch secret`, again until it is under this version of the key.
    pub(crate) async fn write_under(&self, namespace: &str, name: &str, number: usize) {
        let kubectl = self.kubectl();
        let before = self.under(&self.truth().await, number);
        until("the secret is under the key", async || {
            assert!(kubectl.update(namespace, name, "again").await, "{namespace}/{name}");
            self.under(&self.truth().await, number) > before
        })
        .await;
    }

    /// Others set another key for a while, write one secret under it, and set the key of before.
    pub(crate) async fn others_there_and_back(&self, there: usize, back: usize) {
        let az = self.az().await;
        az.set_key(self.key(there)).await;
        self.write_under("team-1", "secret-1", there).await;
        az.set_key(self.key(back)).await;
        let truth = self.nothing_is_lost().await;
        assert_eq!(self.under(&truth, there), 1, "nobody has rewritten it: {truth:?}");
    }

    /// Waits until every API server writes with what it was last given.
    pub(crate) async fn have_noticed(&self) {
        let Some(at) = self.simulator.rolled_out_at(&self.case.id).unwrap() else { return };
        let noticed = at + Duration::from_secs_f64(NOTICE_SECONDS * SCALE);
        tokio::time::sleep(noticed.saturating_duration_since(Instant::now())).await;
    }

    /// How many secrets are under a version of the key.
    pub(crate) fn under(&self, truth: &GroundTruth, number: usize) -> usize {
        truth.by_key.get(self.key(number)).copied().unwrap_or(0)
    }

    /// Whether the API servers were last given this version of the key.
    pub(crate) fn reads_with(&self, number: usize) -> bool {
        let (config, _) = self.simulator.rolled_out(&self.case.id).unwrap();
        let key = self.key(number);
        config.current.iter().chain(&config.previous).any(|it| it.key_id == key)
    }

    pub(crate) fn set_key_attributes(&self, number: usize, attributes: &Value) {
        let change = json!({"attributes": attributes});
        self.simulator.patch_key(&self.case.id, self.key(number), &change).unwrap();
    }

    /// The API servers restart, each with all that etcd holds, and become ready.
    pub(crate) async fn restarts_ready(&self) {
        self.simulator.restart_api_servers(&self.case.id).await.unwrap();
        until("every API server is ready", async || self.readyz().await == Some(StatusCode::OK))
            .await;
        self.nothing_is_lost().await;
    }

    pub(crate) async fn readyz(&self) -> Option<StatusCode> {
        self.kubectl().ask(Method::GET, "/readyz", None).await.map(|(status, _)| status)
    }

    /// How many requests to Azure were writes of this kind.
    pub(crate) fn requests(&self, method: &str, part: &str) -> usize {
        let is_one = |write: &&Write| {
            matches!(write, Write::Request { method: seen, path, .. }
                if seen == method && path.contains(part))
        };
        self.simulator.writes(&self.case.id).unwrap().iter().filter(is_one).count()
    }

    /// Since the writes were cleared, nothing was written.
    pub(crate) fn nothing_was_written(&self) {
        assert_eq!(self.simulator.writes(&self.case.id).unwrap(), []);
    }

    /// No operation is recorded that another verb would have to wait for.
    pub(crate) async fn nothing_is_unfinished(&self) {
        let status = self.manager().status(aks_kms::StatusOptions::default()).await.unwrap();
        assert_eq!(status.operation_in_progress, None);
    }

    /// `publicNetworkAccess` of one of the case's vaults, by its resource id.
    pub(crate) fn public_access(&self, vault_id: &str) -> Value {
        self.patch_vault(vault_id, &json!({}))["publicNetworkAccess"].clone()
    }

    /// Edits the properties of a vault, and gives them.
    pub(crate) fn patch_vault(&self, vault_id: &str, properties: &Value) -> Value {
        let (_, name) = vault_id.rsplit_once('/').unwrap();
        let patch = json!({"properties": properties});
        self.simulator.patch_vault(&self.case.id, name, &patch).unwrap()["properties"].clone()
    }
}

/// Refused beforehand, for this rule: what it says.
pub(crate) fn refused(error: &Error, rule: RuleId) -> &Finding {
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    let blocks = |it: &&Finding| it.rule == rule && it.level == Level::Block;
    let found = error.findings().iter().find(blocks);
    found.unwrap_or_else(|| panic!("not for {rule}: {error}"))
}
