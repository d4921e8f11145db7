//! KMS data encryption: keys of the platform, versions of a customer's key, and what AKS does to secrets by
//! itself.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Backend,
    cluster::{Cluster, SECRETS, secret},
};

const PROFILE: &str = "kubernetesResourceObjectEncryptionProfile";
/// A secret that nobody may change.
const DENIED: &str = "/api/v1/namespaces/team-1/secrets/denied";

/// What a case adds to the one with legacy KMS; AKS rewrites the secrets within moments.
fn given(cluster: Value, data_encryption: Value) -> Value {
    let mut given = json!({
        "data_encryption": { "rewrite_seconds": 0.5 },
        "secrets": { "special": [{ "name": "team-1/denied", "kind": "denied" }] },
    });
    given["cluster"] = cluster;
    if let Value::Object(settings) = data_encryption {
        for (name, value) in settings {
            given["data_encryption"][name] = value;
        }
    }
    given
}

fn by_customer() -> Value {
    json!({ "infrastructure_encryption": true, "kms": { "key": "{{key}}", "in_use": "{{key.1}}" } })
}

fn by_platform() -> Value {
    json!({ "infrastructure_encryption": true, "kms": { "key": null, "enabled": false } })
}

impl Cluster {
    fn platform() -> Value {
        json!({
            "azureKeyVaultKms": { "enabled": false }, PROFILE: { "infrastructureEncryption": "Enabled" },
        })
    }

    fn customer(&self) -> Value {
        json!({
            "azureKeyVaultKms": {
                "enabled": true,
                "keyId": self.key(1).rsplit_once('/').unwrap().0,
                "keyVaultNetworkAccess": "Public",
                "keyVaultResourceId": self.case.key_vault_id,
            },
            PROFILE: { "infrastructureEncryption": "Enabled" },
        })
    }

    /// Asks for a security profile and waits until the operation has ended: the state.
    async fn set(&self, security: &Value) -> String {
        assert_eq!(self.begin_security(security).await, 200);
        self.ended().await
    }

    /// Waits until AKS has rewritten what it can.
    async fn settled(&self) {
        let rewriting = || self.simulator.is_rewriting(&self.case.id).unwrap();
        self.until("AKS still rewrites", async || !rewriting()).await;
    }

    /// How many secrets are under keys of the platform.
    async fn under_platform(&self) -> usize {
        let by_key = self.truth().await.by_key;
        by_key.iter().filter(|(key, _)| key.starts_with("platform/")).map(|(_, count)| count).sum()
    }

    /// AKS looks for a newer version, and rewrites with it.
    async fn look(&self) {
        self.simulator.look_for_key_versions(&self.case.id).await.unwrap();
        self.settled().await;
    }

    /// The hashes of keys that an API server writes with, as its metrics name them.
    async fn written_hashes(&self) -> Vec<String> {
        let (_, metrics) = self.ask(Method::GET, "/metrics", None).await;
        let name = "apiserver_envelope_encryption_key_id_hash_total{";
        let lines =
            metrics.lines().filter(|line| line.starts_with(name) && line.contains("to_storage"));
        lines
            .filter_map(|line| {
                Some(line.split_once("key_id_hash=\"")?.1.split_once('"')?.0.to_owned())
            })
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// What metrics call a version of a key.
fn hash(key_id: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(hex(&Sha256::digest(key_id)))))
}

/// From legacy KMS to the platform's keys: AKS rewrites what admission lets through, and reads the rest with the
/// old provider as long as it keeps that.
async fn what_is_denied_stays_behind(backend: Backend, old_provider: &str) {
    if !backend.available() {
        return;
    }
    let given = given(json!({}), json!({ "old_provider": old_provider }));
    let cluster = Cluster::start(backend, given).await;
    assert_eq!(cluster.under(1).await, SECRETS + 1);
    assert_eq!(cluster.set(&Cluster::platform()).await, "Succeeded");
    cluster.settled().await;
    assert_eq!(cluster.under_platform().await, SECRETS);
    assert_eq!(cluster.under(1).await, 1, "what is denied stays under the old key");
    let truth = cluster.truth().await;
    assert_eq!((truth.unreadable, truth.by_provider.len()), (0, 2));
    let (status, text) = cluster.ask(Method::GET, "/readyz/kms-providers", None).await;
    assert_eq!(status, 200, "{text}");

    // The next change keeps the old provider, or not.
    assert_eq!(cluster.set(&cluster.customer()).await, "Succeeded");
    cluster.settled().await;
    cluster.restart().await;
    assert_eq!(cluster.under(4).await, SECRETS, "the newest version of the key");
    let lost = usize::from(old_provider == "until-next-change");
    assert_eq!(cluster.truth().await.unreadable, lost);
    let (status, _) = cluster.ask(Method::GET, DENIED, None).await;
    assert_eq!(status == 500, lost == 1, "{status}");
    assert_eq!(cluster.readable().await, SECRETS);
}

/// A provider that nothing is under any more is taken away.
async fn an_old_provider_goes(backend: Backend) {
    if !backend.available() {
        return;
    }
    let mut given = given(json!({}), json!({}));
    given["secrets"]["special"] = json!([]);
    let cluster = Cluster::start(backend, given).await;
    assert_eq!(cluster.set(&Cluster::platform()).await, "Succeeded");
    let (during, _) = cluster.simulator.rolled_out(&cluster.case.id).unwrap();
    assert_eq!(during.previous.map(|key| key.key_id).as_deref(), Some(cluster.key(1)));
    cluster.settled().await;
    let (after, _) = cluster.simulator.rolled_out(&cluster.case.id).unwrap();
    assert_eq!((after.previous, after.retained), (None, vec![]));
    // So the old key is not needed, and neither is its vault.
    let vault = format!("{}?api-version=2026-05-15", cluster.case.key_vault_id);
    assert_eq!(cluster.arm(Method::DELETE, &vault, None).await.0, 200);
    cluster.restart().await;
    assert_eq!(cluster.readable().await, SECRETS);
    assert_eq!(cluster.ask(Method::GET, "/readyz", None).await.0, 200);
}

/// Hashes in the metrics name versions of a customer's key, and nothing names the platform's.
async fn what_metrics_tell(backend: Backend) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, given(by_customer(), json!({}))).await;
    let new = json!({ "metadata": { "name": "new" } });
    let secrets = "/api/v1/namespaces/team-1/secrets";
    assert_eq!(cluster.ask(Method::POST, secrets, Some(&new)).await.0, 201);
    assert!(cluster.written_hashes().await.contains(&hash(cluster.key(1))));
    assert_eq!(cluster.set(&Cluster::platform()).await, "Succeeded");
    cluster.settled().await;
    let hashes = cluster.written_hashes().await;
    assert!(!hashes.is_empty());
    let known: Vec<String> = (1..=4).map(|number| hash(cluster.key(number))).collect();
    let now = hashes.iter().filter(|hash| !known.contains(hash)).count();
    assert_eq!(now, 1, "{hashes:?}");
    assert_eq!(cluster.under_platform().await, SECRETS + 1);
    // The platform rotates its own key; the hash is another.
    cluster.simulator.rotate_platform_key(&cluster.case.id).await.unwrap();
    cluster.settled().await;
    let by_key = cluster.truth().await.by_key;
    assert_eq!(by_key.values().filter(|count| **count == SECRETS + 1).count(), 1, "{by_key:?}");
    let after = cluster.written_hashes().await;
    assert!(after.iter().any(|hash| !hashes.contains(hash)), "{after:?}");
}

/// Which versions of a customer's key can be read with.
async fn versions_of_a_customers_key(backend: Backend, readable: &str) {
    if !backend.available() {
        return;
    }
    let mut given = given(by_customer(), json!({ "readable_versions": readable }));
    given["key"] = json!({ "versions": 1 });
    let cluster = Cluster::start(backend, given).await;
    assert_eq!(cluster.under(1).await, SECRETS + 1);
    let rotate = format!("{}/rotate", cluster.key(1).rsplit_once('/').unwrap().0);
    for number in 2..=3 {
        let (status, answer) = cluster.vault(Method::POST, &rotate, None).await;
        assert_eq!(status, 200, "{answer}");
        let version = answer["key"]["kid"].as_str().unwrap().to_owned();
        assert_eq!(cluster.truth().await.by_key.get(&version), None, "AKS has not looked yet");
        cluster.look().await;
        assert_eq!(cluster.truth().await.by_key[&version], SECRETS, "version {number}");
    }
    assert_eq!(cluster.under(1).await, 1, "what is denied");
    cluster.restart().await;
    let lost = usize::from(readable == "current-and-previous");
    assert_eq!(cluster.truth().await.unreadable, lost);
    assert_eq!(cluster.ask(Method::GET, DENIED, None).await.0 == 500, lost == 1);
    assert_eq!(cluster.readable().await, SECRETS);
    if lost == 0 {
        // Disabled, the oldest version is of no use; the plugin is healthy all the same.
        let off = json!({ "attributes": { "enabled": false } });
        assert_eq!(cluster.vault(Method::PATCH, cluster.key(1), Some(&off)).await.0, 200);
        if !cluster.gets_ready_again().await {
            assert!(matches!(backend, Backend::Real), "only a real one wants to read everything");
            return;
        }
        assert_eq!(cluster.ask(Method::GET, DENIED, None).await.0, 500);
        assert_eq!(cluster.readable().await, SECRETS);
        assert_eq!(cluster.ask(Method::GET, "/readyz/kms-providers", None).await.0, 200);
    }
}

/// The version in use is disabled, or its vault is closed: KMS fails as legacy KMS does.
async fn what_breaks_a_customers_key(backend: Backend) {
    if !backend.available() {
        return;
    }
    let mut given = given(by_customer(), json!({}));
    given["cluster"]["kms"]["network_mode"] = json!("private");
    given["vault"] = json!({ "public_access": false });
    let cluster = Cluster::start(backend, given).await;
    let healthy = async || cluster.ask(Method::GET, "/readyz/kms-providers", None).await.0 == 200;
    assert!(healthy().await, "a closed vault lets it through as a trusted service");
    let vault = format!("{}?api-version=2026-05-15", cluster.case.key_vault_id);
    for (bypass, expected) in [("None", false), ("AzureServices", true)] {
        let change = json!({ "properties": { "networkAcls": { "bypass": bypass } } });
        let (status, answer) = cluster.arm(Method::PATCH, &vault, Some(&change)).await;
        assert_eq!(status, 200, "{answer}");
        cluster.until(bypass, async || healthy().await == expected).await;
    }
    for (enabled, expected) in [(false, false), (true, true)] {
        let change = json!({ "attributes": { "enabled": enabled } });
        cluster.simulator.patch_key(&cluster.case.id, cluster.key(1), &change).unwrap();
        cluster.until("health", async || healthy().await == expected).await;
        cluster.restart().await;
        assert_eq!(cluster.readable().await == SECRETS, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_taken_up_when_aks_looks_again_and_not_before() {
    // Six hours are 6.48 s at this scale.
    let scale = 0.0003;
    let given = given(by_customer(), json!({ "rewrite_seconds": 60 }));
    let started = Instant::now();
    let cluster = Cluster::start_at(Backend::Embedded, given, scale).await;
    let six_hours = Duration::from_secs_f64(6.0 * 3600.0 * scale);
    assert_eq!(cluster.under(1).await, SECRETS + 1);
    let new = json!({ "metadata": { "name": "new" } });
    let secrets = "/api/v1/namespaces/team-1/secrets";
    cluster.ask(Method::POST, secrets, Some(&new)).await;
    assert!(started.elapsed() < six_hours);
    assert_eq!(cluster.under(1).await, SECRETS + 2, "another version than the newest is in use");
    // Nor does a PUT take it up.
    assert_eq!(cluster.set(&cluster.customer()).await, "Succeeded");
    cluster.ask(Method::PATCH, &secret(1), Some(&json!({}))).await;
    assert!(started.elapsed() < six_hours);
    assert_eq!(cluster.under(4).await, 0);
    cluster.until("not taken up", async || cluster.under(4).await == SECRETS + 1).await;
    assert!(started.elapsed() >= six_hours, "{:?}", started.elapsed());
    assert_eq!(cluster.under(1).await, 1, "what is denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_version_that_is_of_no_use_is_not_taken_up() {
    let mut given = given(by_customer(), json!({}));
    given["key"] = json!({ "exceptions": [{ "version": 4, "enabled": false }] });
    let cluster = Cluster::start(Backend::Embedded, given).await;
    cluster.look().await;
    assert_eq!(cluster.under(1).await, SECRETS + 1);
    let enabled = json!({ "attributes": { "enabled": true } });
    cluster.simulator.patch_key(&cluster.case.id, cluster.key(4), &enabled).unwrap();
    cluster.look().await;
    assert_eq!(cluster.under(4).await, SECRETS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_ends_before_the_secrets_are_rewritten_or_after() {
    for (ends, rewritten) in [("before-rewrite", 0), ("after-rewrite", SECRETS)] {
        let settings = json!({ "operation_ends": ends, "rewrite_seconds": 1000 });
        let cluster = Cluster::start(Backend::Embedded, given(json!({}), settings)).await;
        assert_eq!(cluster.set(&Cluster::platform()).await, "Succeeded");
        assert_eq!(cluster.under_platform().await, rewritten, "{ends}");
        assert_eq!(cluster.simulator.is_rewriting(&cluster.case.id).unwrap(), rewritten == 0);
        cluster.settled().await;
        assert_eq!(cluster.under_platform().await, SECRETS, "{ends}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_under_the_legacy_key_before_the_last_is_lost_by_the_move() {
    let mut given =
        given(json!({ "kms": { "key": "{{key.2}}", "previous": "{{key.1}}" } }), json!({}));
    given["secrets"]["special"] =
        json!([{ "name": "team-1/denied", "kind": "denied", "under": "{{key.1}}" }]);
    let cluster = Cluster::start(Backend::Embedded, given).await;
    assert_eq!(cluster.ask(Method::GET, DENIED, None).await.0, 200);
    assert_eq!(cluster.set(&cluster.customer()).await, "Succeeded");
    cluster.settled().await;
    cluster.restart().await;
    assert_eq!(cluster.truth().await.unreadable, 1);
    assert_eq!(cluster.ask(Method::GET, DENIED, None).await.0, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_between_the_platforms_keys_and_a_customers() {
    for wiring in ["two-providers", "one-provider"] {
        let mut cluster = by_platform();
        cluster["wiring"] = json!(wiring);
        cluster["api_servers"] = json!(3);
        let cluster = Cluster::start(Backend::Embedded, given(cluster, json!({}))).await;
        assert_eq!(cluster.under_platform().await, SECRETS + 1);
        for _ in 0..2 {
            assert_eq!(cluster.set(&cluster.customer()).await, "Succeeded");
            cluster.settled().await;
            assert_eq!(
                (cluster.under(4).await, cluster.under_platform().await),
                (SECRETS, 1),
                "{wiring}"
            );
            assert_eq!(cluster.set(&Cluster::platform()).await, "Succeeded");
            cluster.settled().await;
            assert_eq!(cluster.under_platform().await, SECRETS + 1, "{wiring}");
            cluster.restart().await;
            assert_eq!(cluster.truth().await.unreadable, 0, "{wiring}");
        }
    }
}

macro_rules! on_both {
    ($($name:ident => $embedded:ident, $real:ident, $($argument:expr),*;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $embedded() {
            $name(Backend::Embedded, $($argument),*).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $real() {
            $name(Backend::Real, $($argument),*).await;
        }
    )*};
}

on_both! {
    what_is_denied_stays_behind => denied_and_kept_embedded, denied_and_kept_real, "while-needed";
    what_is_denied_stays_behind => denied_and_lost_embedded, denied_and_lost_real, "until-next-change";
    an_old_provider_goes => an_old_provider_goes_embedded, an_old_provider_goes_real, ;
    what_metrics_tell => what_metrics_tell_embedded, what_metrics_tell_real, ;
    versions_of_a_customers_key => all_versions_embedded, all_versions_real, "all";
    versions_of_a_customers_key => two_versions_embedded, two_versions_real, "current-and-previous";
    what_breaks_a_customers_key => a_broken_key_embedded, a_broken_key_real, ;
}
