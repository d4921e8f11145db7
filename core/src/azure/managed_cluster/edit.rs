//! A managed cluster's JSON, edited for a PUT.
//!
//! A PUT replaces the whole resource, so everything is sent back as it was read: fields that
//! nobody here knows are kept, read-only ones are left out. Pure.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::{
    ids::KubernetesVersion,
    report::{KmsChange, KmsConfiguration},
};

/// Read-only fields of the resource itself.
const RESOURCE: &[&str] = &["id", "name", "type", "systemData", "eTag"];
/// Read-only fields of `properties`. `fqdnSubdomain` and `nodeResourceGroup` are not: they can only
/// be given at creation, and must be sent back unchanged.
const PROPERTIES: &[&str] = &[
    "provisioningState",
    "status",
    "powerState",
    "currentKubernetesVersion",
    "maxAgentPools",
    "fqdn",
    "azurePortalFQDN",
    "privateFQDN",
    "resourceUID",
];
/// Read-only fields of each node pool, and its node image, which AKS would roll back. `powerState` is
/// sent back: a pool that is stopped stays so.
const NODE_POOL: &[&str] =
    &["provisioningState", "status", "currentOrchestratorVersion", "nodeImageVersion", "eTag"];
/// Read-only fields of the identity.
const IDENTITY: &[&str] = &["principalId", "tenantId"];

/// What is upgraded, and to which version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UpgradeTarget {
    ControlPlane(KubernetesVersion),
    NodePools(KubernetesVersion),
}

impl fmt::Display for UpgradeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane(version) => write!(f, "{version} of the control plane"),
            Self::NodePools(version) => write!(f, "{version} of the node pools"),
        }
    }
}

/// The body that sets the KMS profile and leaves everything else as it is.
///
/// Both signs of the newer experience are sent, and consistently: its own profile, and the key without a
/// version. Its vault is named in both modes. A cluster that never had a key in a vault gets no
/// profile of one.
pub(super) fn with_kms(cluster: &Value, target: &KmsChange) -> Value {
    let mut body = cluster.clone();
    strip_read_only(&mut body);
    match target {
        KmsChange::Off => {
            *kms_profile(&mut body) = json!({ "enabled": false });
        }
        KmsChange::On(target) => turn_on(&mut body, target),
        KmsChange::CustomerManaged(target) => {
            turn_on(&mut body, target);
            encrypt_data(&mut body);
        }
        KmsChange::PlatformManaged => {
            let profile = body.pointer("/properties/securityProfile/azureKeyVaultKms");
            if profile.is_some_and(Value::is_object) {
                *kms_profile(&mut body) = json!({ "enabled": false });
            }
            encrypt_data(&mut body);
        }
    }
    body
}

fn turn_on(body: &mut Value, target: &KmsConfiguration) {
    let KmsConfiguration { key_id, network_mode, key_vault_id } = target;
    let profile = kms_profile(body);
    profile["enabled"] = json!(true);
    profile["keyId"] = json!(key_id.as_str());
    profile["keyVaultNetworkAccess"] = json!(network_mode.as_arm());
    let vault = key_vault_id.as_ref().map(ToString::to_string).unwrap_or_default();
    profile["keyVaultResourceId"] = json!(vault);
}

/// The sign of the newer experience.
fn encrypt_data(body: &mut Value) {
    let path = ["properties", "securityProfile", "kubernetesResourceObjectEncryptionProfile"];
    path.into_iter().fold(body, object_in)["infrastructureEncryption"] = json!("Enabled");
}

/// The body that upgrades the control plane or the node pools and leaves everything else as it is.
pub(super) fn with_versions(cluster: &Value, target: UpgradeTarget) -> Value {
    let mut body = cluster.clone();
    strip_read_only(&mut body);
    match target {
        UpgradeTarget::ControlPlane(version) => {
            body["properties"]["kubernetesVersion"] = json!(version.to_string());
        }
        UpgradeTarget::NodePools(version) => {
            let pools = body.pointer_mut("/properties/agentPoolProfiles");
            let pools = pools.and_then(Value::as_array_mut).into_iter().flatten();
            for pool in pools.filter_map(Value::as_object_mut) {
                pool.insert("orchestratorVersion".to_owned(), json!(version.to_string()));
            }
        }
    }
    body
}

fn strip_read_only(body: &mut Value) {
    strip(body, RESOURCE);
    if let Some(properties) = body.get_mut("properties") {
        strip(properties, PROPERTIES);
        let pools = properties.get_mut("agentPoolProfiles").and_then(Value::as_array_mut);
        for pool in pools.into_iter().flatten() {
            strip(pool, NODE_POOL);
        }
    }
    if let Some(identity) = body.get_mut("identity") {
        strip(identity, IDENTITY);
        let assigned = identity.get_mut("userAssignedIdentities").and_then(Value::as_object_mut);
        for identity in assigned.into_iter().flat_map(Map::values_mut) {
            *identity = json!({});
        }
    }
}

fn strip(value: &mut Value, fields: &[&str]) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !fields.contains(&name.as_str()));
    }
}

fn kms_profile(body: &mut Value) -> &mut Value {
    ["properties", "securityProfile", "azureKeyVaultKms"].into_iter().fold(body, object_in)
}

/// The object under `name`, made where there is none.
fn object_in<'a>(parent: &'a mut Value, name: &str) -> &'a mut Value {
    let child = &mut parent[name];
    if !child.is_object() {
        *child = json!({});
    }
    child
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        azure::testing::cluster_json,
        ids::{KeyId, NetworkMode, VaultId},
    };

    const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    const VAULT: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/shop";

    fn on(network_mode: NetworkMode) -> KmsChange {
        KmsChange::On(KmsConfiguration {
            key_id: KeyId::parse(KEY).unwrap(),
            network_mode,
            key_vault_id: (network_mode == NetworkMode::Private)
                .then(|| VaultId::parse(VAULT).unwrap()),
        })
    }

    fn profile(body: &Value) -> &Value {
        &body["properties"]["securityProfile"]["azureKeyVaultKms"]
    }

    #[test]
    fn on_names_key_mode_and_vault() {
        assert_eq!(
            *profile(&with_kms(&cluster_json(), &on(NetworkMode::Public))),
            json!({"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""})
        );
        assert_eq!(
            *profile(&with_kms(&cluster_json(), &on(NetworkMode::Private))),
            json!({"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Private", "keyVaultResourceId": VAULT})
        );
    }

    #[test]
    fn on_works_whatever_was_there_before() {
        for security in [
            Value::Null,
            json!({}),
            json!({"azureKeyVaultKms": null}),
            json!({"azureKeyVaultKms": {"enabled": false}}),
        ] {
            let mut cluster = cluster_json();
            cluster["properties"]["securityProfile"] = security;
            assert_eq!(profile(&with_kms(&cluster, &on(NetworkMode::Public)))["keyId"], KEY);
        }
    }

    #[test]
    fn off_is_enabled_false_and_nothing_else() {
        let configured = with_kms(&cluster_json(), &on(NetworkMode::Private));
        let body = with_kms(&configured, &KmsChange::Off);
        assert_eq!(*profile(&body), json!({"enabled": false}));
    }

    fn customer_managed(network_mode: NetworkMode) -> KmsChange {
        KmsChange::CustomerManaged(KmsConfiguration {
            key_id: KeyId::parse(KEY).unwrap().without_version(),
            network_mode,
            key_vault_id: VaultId::parse(VAULT).ok(),
        })
    }

    #[test]
    fn both_signs_of_data_encryption_are_sent_and_the_rest_is_kept() {
        let encrypted = json!({"infrastructureEncryption": "Enabled"});
        let sent = |before: &Value, target: &KmsChange| {
            with_kms(before, target)["properties"]["securityProfile"].clone()
        };
        let defender = cluster_json()["properties"]["securityProfile"]["defender"].clone();
        let platform = json!({
            "defender": defender, "kubernetesResourceObjectEncryptionProfile": encrypted
        });
        assert_eq!(sent(&cluster_json(), &KmsChange::PlatformManaged), platform);
        for mode in [NetworkMode::Public, NetworkMode::Private] {
            let customer = json!({
                "defender": defender,
                "azureKeyVaultKms": {
                    "enabled": true,
                    "keyId": "https://shop.vault.azure.net/keys/etcd",
                    "keyVaultNetworkAccess": mode.as_arm(),
                    "keyVaultResourceId": VAULT
                },
                "kubernetesResourceObjectEncryptionProfile": encrypted
            });
            let legacy = with_kms(&cluster_json(), &on(mode));
            for before in [&cluster_json(), &legacy] {
                assert_eq!(sent(before, &customer_managed(mode)), customer);
            }
            let off = json!({
                "defender": defender,
                "azureKeyVaultKms": {"enabled": false},
                "kubernetesResourceObjectEncryptionProfile": encrypted
            });
            let customer = with_kms(&cluster_json(), &customer_managed(mode));
            for before in [&legacy, &customer] {
                assert_eq!(sent(before, &KmsChange::PlatformManaged), off);
            }
        }
    }

    #[test]
    fn what_is_no_node_pool_is_sent_back_as_it_is() {
        let mut cluster = cluster_json();
        let pools = cluster.pointer_mut("/properties/agentPoolProfiles").unwrap();
        pools.as_array_mut().unwrap().extend([json!(7), Value::Null, json!("a"), json!([])]);
        let version = KubernetesVersion::parse("1.34").unwrap();
        let body = with_versions(&cluster, UpgradeTarget::NodePools(version));
        let pools = &body["properties"]["agentPoolProfiles"];
        assert_eq!(pools[0]["orchestratorVersion"], "1.34");
        assert_eq!(pools.as_array().unwrap()[1..], [json!(7), Value::Null, json!("a"), json!([])]);
    }

    #[test]
    fn read_only_fields_are_left_out_and_the_rest_is_sent_back() {
        let mut body = cluster_json();
        strip_read_only(&mut body);
        insta::assert_json_snapshot!(body, @r#"
        {
          "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
              "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/control": {}
            }
          },
          "location": "westeurope",
          "properties": {
            "agentPoolProfiles": [
              {
                "count": 3,
                "name": "system",
                "orchestratorVersion": "1.33",
                "powerState": {
                  "code": "Running"
                },
                "upgradeSettings": {
                  "maxSurge": "10%"
                }
              }
            ],
            "dnsPrefix": "prod",
            "fqdnSubdomain": "prod-1",
            "identityProfile": {
              "kubeletidentity": {
                "clientId": "c"
              }
            },
            "kubernetesVersion": "1.33",
            "networkProfile": {
              "networkPlugin": "azure"
            },
            "nodeResourceGroup": "MC_shop_prod_westeurope",
            "securityProfile": {
              "defender": {
                "securityMonitoring": {
                  "enabled": false
                }
              }
            }
          },
          "sku": {
            "name": "Base",
            "tier": "Free"
          },
          "tags": {
            "team": "shop"
          }
        }
        "#);
    }

    /// Places of a cluster's JSON where a newer API may add fields.
    const PLACES: &[&str] = &[
        "",
        "/tags",
        "/sku",
        "/identity",
        "/properties",
        "/properties/agentPoolProfiles/0",
        "/properties/agentPoolProfiles/0/upgradeSettings",
        "/properties/securityProfile",
        "/properties/securityProfile/azureKeyVaultKms",
        "/properties/securityProfile/defender",
        "/properties/networkProfile",
    ];

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn any_target() -> impl Strategy<Value = KmsChange> {
        prop_oneof![
            Just(on(NetworkMode::Public)),
            Just(on(NetworkMode::Private)),
            Just(customer_managed(NetworkMode::Public)),
            Just(KmsChange::PlatformManaged),
            Just(KmsChange::Off),
        ]
    }

    proptest! {
        #[test]
        fn fields_that_nobody_here_knows_survive_wherever_they_are(
            unknown in prop::collection::vec((prop::sample::select(PLACES), "new[A-Z][a-z]{0,6}", any_json()), 1..8),
            target in any_target(),
        ) {
            let mut cluster = with_kms(&cluster_json(), &on(NetworkMode::Public));
            for (place, name, value) in &unknown {
                cluster.pointer_mut(place).unwrap()[name] = value.clone();
            }
            let body = with_kms(&cluster, &target);
            for (place, name, _) in &unknown {
                let is_off = matches!(target, KmsChange::Off | KmsChange::PlatformManaged);
                if is_off && place.ends_with("azureKeyVaultKms") {
                    continue;
                }
                let expected = &cluster.pointer(place).unwrap()[name];
                prop_assert_eq!(body.pointer(place).unwrap().get(name), Some(expected), "{}/{}", place, name);
            }
            prop_assert_eq!(with_kms(&body, &target), body.clone(), "editing twice changes nothing more");
        }
    }
}
