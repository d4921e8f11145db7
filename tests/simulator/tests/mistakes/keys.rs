//! A key that is deleted, disabled or expired, a vault that is closed or gone, a right that is
//! taken away: the plugin fails, and what was written is unreadable until the mistake is undone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Backend,
    cluster::{Cluster, SECRETS, secret},
    common::KEY_VAULT,
};

/// What somebody does to the key of a cluster, and how it is undone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mistake {
    KeyDeleted,
    KeyDisabled,
    KeyExpired,
    VaultClosed,
    VaultBehindFirewall,
    VaultDeleted,
    PolicyRemoved,
    RoleRemoved,
}

/// Key Vault Crypto User.
const ROLE: &str = "12338af0-0e69-4776-bea7-57ae8d297424";

impl Mistake {
    fn given(self) -> Value {
        let policies = self == Self::PolicyRemoved;
        json!({ "vault": { "authorization": if policies { "access-policy" } else { "rbac" } } })
    }

    async fn make(self, cluster: &Cluster) {
        match self {
            Self::KeyDeleted => {
                cluster.must(Method::DELETE, &cluster.key_name(), None).await;
            }
            Self::KeyDisabled => cluster.change_key(json!({ "enabled": false })).await,
            Self::KeyExpired => cluster.change_key(json!({ "exp": 1 })).await,
            Self::VaultClosed => {
                cluster.change_vault(json!({ "publicNetworkAccess": "Disabled" })).await;
            }
            Self::VaultBehindFirewall => cluster.change_firewall("Deny").await,
            Self::VaultDeleted => {
                let path = cluster.vault_path("");
                assert_eq!(cluster.arm(Method::DELETE, &path, None).await.0, 200);
            }
            Self::PolicyRemoved => cluster.change_policy("remove").await,
            Self::RoleRemoved => cluster.remove_role().await,
        }
    }

    async fn undo(self, cluster: &Cluster) {
        match self {
            Self::KeyDeleted => {
                let deleted = cluster.key_name().replace("/keys/", "/deletedkeys/");
                cluster.must(Method::POST, &format!("{deleted}/recover"), None).await;
            }
            Self::KeyDisabled => cluster.change_key(json!({ "enabled": true })).await,
            Self::KeyExpired => cluster.change_key(json!({ "exp": null })).await,
            Self::VaultClosed => {
                cluster.change_vault(json!({ "publicNetworkAccess": "Enabled" })).await;
            }
            Self::VaultBehindFirewall => cluster.change_firewall("Allow").await,
            Self::VaultDeleted => {
                let body =
                    json!({ "location": "eastus", "properties": { "createMode": "recover" }});
                let path = cluster.vault_path("");
                assert_eq!(cluster.arm(Method::PUT, &path, Some(&body)).await.0, 200);
                // A recovered vault has no role assignments.
                cluster.assign_role().await;
            }
            Self::RoleRemoved => cluster.assign_role().await,
            Self::PolicyRemoved => cluster.change_policy("add").await,
        }
    }

    /// What the vault says to the plugin.
    fn code(self) -> &'static str {
        match self {
            Self::KeyDeleted => "KeyNotFound",
            Self::KeyDisabled => "KeyDisabled",
            Self::KeyExpired => "KeyExpired",
            Self::VaultClosed => "ForbiddenByConnection",
            Self::VaultBehindFirewall => "ForbiddenByFirewall",
            Self::VaultDeleted => "VaultNotFound",
            Self::PolicyRemoved => "AccessDenied",
            Self::RoleRemoved => "ForbiddenByRbac",
        }
    }
}

impl Cluster {
    /// URL of the key without a version.
    fn key_name(&self) -> String {
        self.key(1).rsplit_once('/').unwrap().0.to_owned()
    }

    /// A request to the vault that succeeds.
    async fn must(&self, method: Method, url: &str, body: Option<&Value>) {
        let (status, answer) = self.vault(method, url, body).await;
        assert!(status < 300, "{url}: {answer}");
    }

    async fn change_key(&self, attributes: Value) {
        let body = json!({ "attributes": attributes });
        self.must(Method::PATCH, self.key(1), Some(&body)).await;
    }

    fn vault_path(&self, rest: &str) -> String {
        format!("{}{rest}?api-version={KEY_VAULT}", self.case.key_vault_id)
    }

    async fn change_vault(&self, properties: Value) {
        let body = json!({ "properties": properties });
        let (status, answer) = self.arm(Method::PATCH, &self.vault_path(""), Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn change_firewall(&self, action: &str) {
        self.change_vault(json!({ "networkAcls": { "defaultAction": action } })).await;
    }

    async fn change_policy(&self, kind: &str) {
        let body = json!({ "properties": { "accessPolicies": [{
            "tenantId": self.case.tenant_id,
            "objectId": self.case.principal_id,
            "permissions": { "keys": ["encrypt", "decrypt"] },
        }]}});
        let path = self.vault_path(&format!("/accessPolicies/{kind}"));
        let (status, answer) = self.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
    }

    fn roles(&self, rest: &str) -> String {
        let vault = &self.case.key_vault_id;
        let roles = "providers/Microsoft.Authorization/roleAssignments";
        format!("{vault}/{roles}{rest}?api-version=2022-04-01")
    }

    async fn remove_role(&self) {
        let (_, list) = self.arm(Method::GET, &self.roles(""), None).await;
        let mut removed = 0;
        for assignment in list["value"].as_array().unwrap() {
            let role = assignment["properties"]["roleDefinitionId"].as_str().unwrap();
            if role.ends_with(ROLE) {
                let name = format!("/{}", assignment["name"].as_str().unwrap());
                let (status, answer) = self.arm(Method::DELETE, &self.roles(&name), None).await;
                assert_eq!(status, 200, "{answer}");
                removed += 1;
            }
        }
        assert_eq!(removed, 1);
    }

    async fn assign_role(&self) {
        let subscription = self.case.key_vault_id.split("/resourceGroups").next().unwrap();
        let definitions = "providers/Microsoft.Authorization/roleDefinitions";
        let body = json!({ "properties": {
            "roleDefinitionId": format!("{subscription}/{definitions}/{ROLE}"),
            "principalId": self.case.principal_id,
            "principalType": "ServicePrincipal",
        }});
        let path = self.roles("/6b1b2c3d-0000-4000-8000-000000000001");
        let (status, answer) = self.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!(status, 201, "{answer}");
    }

    async fn healthy(&self) -> (bool, String) {
        let (status, text) = self.ask(Method::GET, "/readyz/kms-providers", None).await;
        (status == 200, text)
    }
}

async fn is_destructive_until_undone(backend: Backend, mistake: Mistake) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, mistake.given()).await;
    assert!(cluster.healthy().await.0, "{mistake:?}");
    mistake.make(&cluster).await;
    cluster.until("the plugin stays healthy", async || !cluster.healthy().await.0).await;
    let reason = cluster.healthy().await.1;
    assert!(reason.contains(mistake.code()), "{mistake:?}: {reason}");
    assert_eq!(cluster.readable().await, SECRETS, "the data keys are still in memory");

    cluster.restart().await;
    // Even with an expired key, which Azure still decrypts with: an API server reads nothing until
    // its plugin has been well once.
    assert_eq!(cluster.readable().await, 0, "{mistake:?}");
    let (status, body) = cluster.get(1).await;
    assert!(status == 500 && body.contains("InternalError"), "{mistake:?}: {body}");
    let new = json!({ "metadata": { "name": "new" } });
    let secrets = "/api/v1/namespaces/team-1/secrets";
    assert_eq!(cluster.ask(Method::POST, secrets, Some(&new)).await.0, 500, "no write either");
    assert_eq!(cluster.ask(Method::GET, "/readyz", None).await.0, 500);

    mistake.undo(&cluster).await;
    cluster
        .until("it stays unready", async || {
            cluster.ask(Method::GET, "/readyz", None).await.0 == 200
        })
        .await;
    assert_eq!(cluster.readable().await, SECRETS, "{mistake:?}");
}

/// Nothing brings back what was under a purged key.
async fn is_final(backend: Backend) {
    if !backend.available() {
        return;
    }
    let given = json!({ "vault": { "purge_protection": false } });
    let cluster = Cluster::start(backend, given).await;
    let deleted = cluster.key_name().replace("/keys/", "/deletedkeys/");
    cluster.must(Method::DELETE, &cluster.key_name(), None).await;
    cluster.must(Method::DELETE, &deleted, None).await;
    assert_eq!(cluster.vault(Method::POST, &format!("{deleted}/recover"), None).await.0, 404);
    // A key of the same name is another key.
    let create = json!({ "kty": "RSA" });
    cluster.must(Method::POST, &format!("{}/create", cluster.key_name()), Some(&create)).await;
    cluster.restart().await;
    assert_eq!(cluster.readable().await, 0);
    assert_eq!(cluster.ask(Method::PATCH, &secret(1), Some(&json!({}))).await.0, 500);
    assert!(!cluster.replace_all().await);
    assert_eq!(cluster.update(Some(1)).await, "Failed", "AKS can't use the key any more either");
    assert_eq!(cluster.under(1).await, SECRETS, "all of them are still under the key that is gone");
}

/// The previous key is needed until the next rotation, even when no secret is under it any more.
async fn the_previous_key_is_needed(backend: Backend) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, json!({})).await;
    cluster.rotate(2).await;
    assert!(cluster.replace_all().await);
    assert_eq!(cluster.under(2).await, SECRETS);
    cluster.change_key(json!({ "enabled": false })).await;
    cluster.until("the plugin stays healthy", async || !cluster.healthy().await.0).await;
    cluster.restart().await;
    assert_eq!(cluster.ask(Method::GET, "/readyz", None).await.0, 500);
    assert_eq!(cluster.readable().await, SECRETS, "nothing is lost, but it is never ready");
    cluster.change_key(json!({ "enabled": true })).await;
    cluster
        .until("it stays unready", async || {
            cluster.ask(Method::GET, "/readyz", None).await.0 == 200
        })
        .await;
    // After the next rotation it can go.
    cluster.rotate(3).await;
    assert!(cluster.replace_all().await);
    cluster.change_key(json!({ "enabled": false })).await;
    cluster.restart().await;
    assert_eq!(cluster.ask(Method::GET, "/readyz", None).await.0, 200);
    assert_eq!(cluster.readable().await, SECRETS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::KeyDeleted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::KeyDisabled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::KeyExpired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_vault_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::VaultClosed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_behind_a_firewall_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::VaultBehindFirewall).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_vault_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::VaultDeleted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_policy_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::PolicyRemoved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_role_stops_the_plugin_until_undone_embedded() {
    is_destructive_until_undone(Backend::Embedded, Mistake::RoleRemoved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_stops_the_plugin_until_undone_real() {
    is_destructive_until_undone(Backend::Real, Mistake::KeyDisabled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_stops_the_plugin_until_undone_real() {
    is_destructive_until_undone(Backend::Real, Mistake::KeyExpired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_vault_stops_the_plugin_until_undone_real() {
    is_destructive_until_undone(Backend::Real, Mistake::VaultClosed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_key_loses_its_secrets_for_good_embedded() {
    is_final(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_key_loses_its_secrets_for_good_real() {
    is_final(Backend::Real).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_key_must_stay_usable_until_the_next_rotation_embedded() {
    the_previous_key_is_needed(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_key_must_stay_usable_until_the_next_rotation_real() {
    the_previous_key_is_needed(Backend::Real).await;
}
