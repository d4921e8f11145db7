use azure_core::http::Method;
use serde_json::json;

use super::*;
use crate::{
    azure::{
        ManagedCluster,
        testing::{FakeAzure, Reply, SUBSCRIPTION, cluster_id, cluster_json, json_reply},
    },
    facts::VaultFacts,
};

const PRINCIPAL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const IDENTITY: &str = "/userAssignedIdentities/control?";
const ASSIGNMENTS: &str =
    "/vaults/shop/keys/etcd/providers/Microsoft.Authorization/roleAssignments?";
const CRYPTO_USER: &str = "/providers/Microsoft.Authorization/roleDefinitions/12338af0";

fn cluster() -> ClusterFacts {
    ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap().facts
}

fn vault(rbac: bool) -> Fact<Lookup<VaultFacts>> {
    let id = VaultId::parse(&format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop"
    ))
    .unwrap();
    Fact::Known(Lookup::Found(VaultFacts {
        id,
        tenant_id: TENANT.to_owned(),
        rbac,
        access_policies: Vec::new(),
        public_network_access: true,
        firewall: false,
        trusted_services: true,
        perimeter: false,
        soft_delete: true,
        purge_protection: true,
        private_endpoint_connections: Vec::new(),
        is_ready: true,
    }))
}

fn identity() -> Reply {
    json_reply(200, json!({"properties": {"tenantId": TENANT, "principalId": PRINCIPAL}}))
}

fn assignment(scope: &str, condition: Option<&str>) -> Value {
    json!({"properties": {
        "roleDefinitionId": format!("/subscriptions/{SUBSCRIPTION}{CRYPTO_USER}"),
        "scope": scope, "principalId": PRINCIPAL, "condition": condition
    }})
}

fn definition() -> Reply {
    json_reply(
        200,
        json!({"properties": {
            "roleName": "Key Vault Crypto User",
            "permissions": [
                {"actions": [], "notActions": [], "dataActions": ["Microsoft.KeyVault/vaults/keys/encrypt/action"], "notDataActions": ["x"]},
                {"actions": ["Microsoft.KeyVault/vaults/read"]}
            ]
        }}),
    )
}

fn denied() -> Reply {
    json_reply(403, json!({"error": {"code": "AuthorizationFailed", "message": "no"}}))
}

fn azure(identity: Reply, assignments: Reply, definition: Reply) -> FakeAzure {
    let fake = FakeAzure::default();
    fake.on(Method::Get, IDENTITY, [identity]);
    fake.on(Method::Get, ASSIGNMENTS, [assignments]);
    fake.on(Method::Get, CRYPTO_USER, [definition]);
    fake
}

fn list(assignments: &[Value]) -> Reply {
    json_reply(200, json!({"value": assignments}))
}

fn unknown<T: std::fmt::Debug>(fact: &Fact<T>) -> &str {
    match fact {
        Fact::Unknown(why) => why,
        Fact::Known(known) => panic!("known: {known:?}"),
    }
}

#[tokio::test]
async fn identity_and_roles_are_read_and_each_definition_once() {
    let page1 = json_reply(
        200,
        json!({
            "value": [assignment("/subscriptions/s", None)],
            "nextLink": "https://management.azure.com/more?$skiptoken=a"
        }),
    );
    let fake = azure(identity(), page1, definition());
    fake.on(
        Method::Get,
        "/more?$skiptoken=a",
        [list(&[assignment("/vaults/shop", Some("@Resource"))])],
    );
    let client = fake.client();
    let access = client.access(&cluster(), &vault(true), "etcd").await;
    assert_eq!(access.principal_id, Fact::Known(PRINCIPAL.to_owned()));
    assert_eq!(access.tenant_id, Fact::Known(TENANT.to_owned()));
    let roles = access.roles.known().unwrap();
    assert_eq!(roles.len(), 4, "one grant for each entry of permissions: {roles:?}");
    assert_eq!(roles[0].role, "Key Vault Crypto User");
    assert_eq!(roles[0].data_actions, ["Microsoft.KeyVault/vaults/keys/encrypt/action"]);
    assert_eq!(roles[0].not_data_actions, ["x"]);
    assert_eq!(roles[1].actions, ["Microsoft.KeyVault/vaults/read"]);
    assert_eq!((roles[0].conditional, roles[2].conditional), (false, true));
    assert_eq!(roles[2].scope, "/vaults/shop");

    client.access(&cluster(), &vault(true), "etcd").await;
    let seen = fake.seen();
    let asked = |part: &str| seen.iter().filter(|seen| seen.url.as_str().contains(part)).count();
    assert_eq!(asked("/roleDefinitions/"), 1);
    let filter = seen.iter().find(|seen| seen.url.as_str().contains(ASSIGNMENTS)).unwrap();
    let filter = filter.url.query_pairs().find(|(name, _)| name == "$filter").unwrap().1;
    assert_eq!(filter, format!("atScope() and assignedTo('{PRINCIPAL}')"));
}

/// Keys are granted by policy there, but the private link is granted by a role.
#[tokio::test]
async fn roles_are_read_for_a_vault_with_access_policies_too() {
    let fake = azure(identity(), list(&[]), denied());
    let access = fake.client().access(&cluster(), &vault(false), "etcd").await;
    assert_eq!(access.roles, Fact::Known(Vec::new()));
    assert!(fake.seen().iter().any(|seen| seen.url.as_str().contains(ASSIGNMENTS)));
}

#[tokio::test]
async fn each_missing_permission_is_named() {
    let one = || list(&[assignment("/subscriptions/s", None)]);
    let access = |fake: FakeAzure| async move {
        fake.client().access(&cluster(), &vault(true), "etcd").await
    };
    let no_identity = access(azure(denied(), one(), definition())).await;
    assert!(unknown(&no_identity.tenant_id).contains(AzureAction::ReadIdentity.name()));
    assert!(no_identity.roles.known().is_some(), "the cluster names the principal itself");
    let no_assignments = access(azure(identity(), denied(), definition())).await;
    assert!(unknown(&no_assignments.roles).contains(AzureAction::ReadRoleAssignments.name()));
    let no_definitions = access(azure(identity(), one(), denied())).await;
    assert!(unknown(&no_definitions.roles).contains(AzureAction::ReadRoleDefinitions.name()));
}

#[tokio::test]
async fn a_principal_that_the_cluster_does_not_name_is_read_off_the_identity() {
    let mut cluster = cluster();
    cluster.identities[0].principal_id = None;
    let fake = azure(identity(), list(&[]), definition());
    let access = fake.client().access(&cluster, &vault(true), "etcd").await;
    assert_eq!(access.principal_id, Fact::Known(PRINCIPAL.to_owned()));
    assert_eq!(access.roles, Fact::Known(Vec::new()));

    let fake = azure(denied(), list(&[]), definition());
    let access = fake.client().access(&cluster, &vault(true), "etcd").await;
    assert!(unknown(&access.principal_id).contains(AzureAction::ReadIdentity.name()));
    assert!(unknown(&access.roles).contains(AzureAction::ReadIdentity.name()));
}

#[tokio::test]
async fn a_cluster_without_an_identity_of_its_own_has_no_access_to_read() {
    let mut cluster = cluster();
    cluster.identities.clear();
    let fake = FakeAzure::default();
    let access = fake.client().access(&cluster, &vault(true), "etcd").await;
    assert!(unknown(&access.roles).contains("user-assigned"));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_principal_never_changes_the_filter() {
    let mut cluster = cluster();
    cluster.identities[0].principal_id = Some("x') or assignedTo('y".to_owned());
    let fake = azure(identity(), list(&[]), definition());
    let access = fake.client().access(&cluster, &vault(true), "etcd").await;
    assert!(unknown(&access.roles).contains("UUID"));
}

#[tokio::test]
async fn diagnostic_settings_are_there_not_there_or_not_known() {
    let Fact::Known(Lookup::Found(vault)) = vault(true) else { panic!("not found") };
    for (reply, expected) in [
        (json_reply(200, json!({"value": [{"name": "logs"}]})), Some(true)),
        (json_reply(200, json!({"value": []})), Some(false)),
        (denied(), None),
    ] {
        let fake = FakeAzure::default();
        fake.on(
            Method::Get,
            "/vaults/shop/providers/Microsoft.Insights/diagnosticSettings?",
            [reply],
        );
        let fact = fake.client().has_diagnostics(&vault.id).await;
        match expected {
            Some(expected) => assert_eq!(fact, Fact::Known(expected)),
            None => assert!(unknown(&fact).contains(AzureAction::ReadDiagnostics.name())),
        }
    }
}

#[tokio::test]
async fn an_identity_that_was_deleted_is_told_from_one_that_cannot_be_read() {
    let not_found = |code: &str| json_reply(404, json!({"error": {"code": code, "message": "no"}}));
    let another = json_reply(
        200,
        json!({"properties": {"tenantId": TENANT, "principalId": "bbbbbbbb-0000-4000-8000-000000000001"}}),
    );
    for (reply, missing) in [
        (not_found("ResourceNotFound"), Some("does not exist")),
        (not_found("ResourceGroupNotFound"), Some("does not exist")),
        (not_found("SubscriptionNotFound"), None),
        (another, Some("which does not exist any more")),
        (identity(), None),
        (denied(), None),
    ] {
        let fake = azure(reply, list(&[]), definition());
        let access = fake.client().access(&cluster(), &vault(true), "etcd").await;
        let told = access.identity_missing.as_deref();
        assert_eq!(told.is_some(), missing.is_some(), "{told:?}");
        assert!(told.unwrap_or_default().contains(missing.unwrap_or_default()), "{told:?}");
    }
}
