//! A cluster that is made with KMS on from the start.

use std::fmt;

use azure_core::http::Method;
use serde_json::{Value, json};

use super::{ManagedCluster, Operation, edit::with_kms, facts::read_facts};
use crate::{
    azure::{
        action::AzureAction,
        call::{Call, CallTarget},
        client::Azure,
    },
    error::{Result, optional},
    facts::{ClusterFacts, NodePoolFacts},
    ids::{ClusterId, IdentityId, KubernetesVersion},
    report::KmsChange,
};

/// A cluster that is yet to be made.
#[derive(Clone)]
pub(crate) struct NewCluster {
    body: Value,
    /// KMS with a key that has a version, or data encryption.
    pub(crate) target: KmsChange,
    /// As it is going to be, but for KMS.
    pub(crate) facts: ClusterFacts,
    /// The document names a Kubernetes version.
    pub(crate) names_version: bool,
}

impl fmt::Debug for NewCluster {
    /// The body may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCluster").field("target", &self.target).finish_non_exhaustive()
    }
}

impl NewCluster {
    /// Puts identity and KMS profile into a caller's document. What only Azure can say is left out, so that
    /// the document of another cluster can be passed; every other field is sent as it is.
    ///
    /// # Errors
    /// Everything that is wrong with the document, at once.
    pub(crate) fn new(
        id: &ClusterId,
        mut body: Value,
        identity: Option<&IdentityId>,
        target: KmsChange,
    ) -> Result<Self, Vec<String>> {
        let facts = complete(id, &mut body, identity, Some(&target))?;
        let names_version = !body["properties"]["kubernetesVersion"].is_null();
        Ok(Self { body: with_kms(&body, &target.as_sent()), target, facts, names_version })
    }

    /// What is wrong with a caller's document, all at once, where the key that is asked for is wrong itself.
    pub(crate) fn problems(
        id: &ClusterId,
        mut body: Value,
        identity: Option<&IdentityId>,
    ) -> Vec<String> {
        complete(id, &mut body, identity, None).err().unwrap_or_default()
    }

    /// Whether a cluster that is there is this one: the same identity, and the same KMS profile.
    pub(crate) fn is(&self, cluster: &ClusterFacts) -> bool {
        let identities = |facts: &ClusterFacts| {
            let ids = facts.identities.iter().map(|it| it.resource_id.to_lowercase());
            ids.collect::<std::collections::BTreeSet<String>>()
        };
        cluster.has(&self.target)
            && cluster.identity_kind == self.facts.identity_kind
            && identities(cluster) == identities(&self.facts)
    }
}

/// Puts the identity into a caller's document, and leaves out what only Azure can say. Gives what is known of the
/// cluster before it is made.
///
/// # Errors
/// Everything that is wrong with the document, at once.
fn complete(
    id: &ClusterId,
    body: &mut Value,
    identity: Option<&IdentityId>,
    target: Option<&KmsChange>,
) -> Result<ClusterFacts, Vec<String>> {
    let mut problems = Vec::new();
    if !body.get("properties").is_some_and(Value::is_object) {
        let problem = "body has no properties; pass it as the Azure REST API takes it: \
                       `az rest --method get --url <id of such a cluster>?api-version=2026-08-01` prints one";
        return Err(vec![problem.to_owned()]);
    }
    if body["location"].as_str().is_none_or(str::is_empty) {
        problems.push("body has no location; pass the Azure region".to_owned());
    }
    let version = &body["properties"]["kubernetesVersion"];
    if !version.is_null() && version.as_str().is_none_or(|it| KubernetesVersion::parse(it).is_err())
    {
        problems.push(
            "kubernetesVersion in body is no version; pass one such as \"1.33\", or leave it out"
                .to_owned(),
        );
    }
    if let Some(identity) = identity {
        problems.extend(put_identity(body, identity));
    }
    if let Some(target) = target {
        problems.extend(other_profile(body, target));
    }
    of_another_cluster(id, body);
    match planned(id, body) {
        Err(field) if problems.is_empty() => Err(vec![format!(
            "{field} in body cannot be read; leave it out, or pass what Azure takes"
        )]),
        Ok(facts) if problems.is_empty() => Ok(facts),
        _ => Err(problems),
    }
}

/// What of the document asks for another KMS profile.
fn other_profile(body: &Value, target: &KmsChange) -> Vec<String> {
    let security = &body["properties"]["securityProfile"];
    let profile = &security["azureKeyVaultKms"];
    let names = |field: &str, wanted: &str| {
        let named = profile[field].as_str().filter(|text| !text.is_empty());
        named.is_none_or(|text| text.eq_ignore_ascii_case(wanted))
    };
    let same_key = match target.on() {
        Some(target) => {
            profile["enabled"] != false
                && names("keyId", target.key_id.as_str())
                && names("keyVaultNetworkAccess", target.network_mode.as_arm())
        }
        None => profile["enabled"] != true,
    };
    let word = &security["kubernetesResourceObjectEncryptionProfile"]["infrastructureEncryption"];
    let is_enabled = word.as_str().is_some_and(|word| word.eq_ignore_ascii_case("Enabled"));
    let same_word = word.is_null() || is_enabled == target.is_data_encryption();
    let other = |field: &str| {
        format!("{field} in body is not what key_source and network_mode say; leave it out")
    };
    let key = (!profile.is_null() && !same_key).then(|| other("azureKeyVaultKms"));
    let word = (!same_word).then(|| other("kubernetesResourceObjectEncryptionProfile"));
    key.into_iter().chain(word).collect()
}

/// Leaves out what belongs to the cluster alone whose document this is.
fn of_another_cluster(id: &ClusterId, body: &mut Value) {
    let named = body["id"].as_str().map(ClusterId::parse);
    if named.is_none_or(|named| named.is_ok_and(|named| named == *id)) {
        return;
    }
    if let Some(properties) = body["properties"].as_object_mut() {
        for name in ["nodeResourceGroup", "fqdnSubdomain", "identityProfile"] {
            properties.remove(name);
        }
    }
}

/// Makes an identity the only one of a document that has none, or has this one.
fn put_identity(body: &mut Value, identity: &IdentityId) -> Option<String> {
    let id = identity.to_string();
    let given = body.get("identity").filter(|given| !given.is_null());
    let is_same = given.is_none_or(|given| {
        let kind = given["type"].as_str().unwrap_or_default();
        let ids = given["userAssignedIdentities"].as_object();
        kind.eq_ignore_ascii_case("UserAssigned")
            && ids.is_some_and(|ids| {
                ids.len() == 1 && ids.keys().all(|it| it.eq_ignore_ascii_case(&id))
            })
    });
    if !is_same {
        return Some("identity in body is not identity_id; leave one of both out".to_owned());
    }
    body["identity"] = json!({ "type": "UserAssigned", "userAssignedIdentities": { id: {} } });
    None
}

/// What is known of it before it is made.
fn planned(id: &ClusterId, body: &Value) -> Result<ClusterFacts, &'static str> {
    let mut raw = body.clone();
    let properties = &mut raw["properties"];
    properties["provisioningState"] = json!("Succeeded");
    properties["currentKubernetesVersion"] = Value::Null;
    if properties["kubernetesVersion"].is_null() {
        properties["kubernetesVersion"] = json!(KubernetesVersion::OF_NEW_CLUSTERS.to_string());
    }
    if properties["nodeResourceGroup"].is_null() {
        properties["nodeResourceGroup"] = json!("MC");
    }
    let facts = read_facts(id, &raw)?;
    // What a document of another cluster says of its state is not this one's.
    let at_rest = |pool| NodePoolFacts { provisioning_state: "Succeeded".to_owned(), ..pool };
    let node_pools = facts.node_pools.into_iter().map(at_rest).collect();
    Ok(ClusterFacts {
        kms: None,
        infrastructure_encryption: false,
        etag: None,
        node_pools,
        ..facts
    })
}

impl Azure {
    /// Looks for a managed cluster. `None`: there is none.
    pub(crate) async fn find_cluster(&self, id: &ClusterId) -> Result<Option<ManagedCluster>> {
        optional(self.cluster(id).await)
    }

    /// Makes a managed cluster, provided that there is none of its name (`if-none-match`). It goes on in
    /// Azure: [`Operation::wait`] for its end.
    pub(crate) async fn create_cluster(
        &self,
        id: &ClusterId,
        new: &NewCluster,
    ) -> Result<Operation> {
        let api_version = self.managed_clusters_api_version.clone();
        let target = CallTarget::ManagementOnce { path: id.to_string(), api_version };
        let put = Call::new(
            Method::Put,
            target,
            format!("create managed cluster {id}"),
            AzureAction::WriteCluster,
        );
        let call = Call { body: Some(new.body.clone()), if_none_match: true, ..put };
        let response = self.send(&call).await?;
        Operation::accepted(id, &call.what, &response, self.endpoints().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::testing::{SUBSCRIPTION, cluster_id, cluster_json},
        facts::IdentityKind,
        ids::{KeyId, NetworkMode, VaultId},
        report::KmsConfiguration,
    };

    const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";

    fn target() -> KmsChange {
        KmsChange::On(KmsConfiguration {
            key_id: KeyId::parse(KEY).unwrap(),
            network_mode: NetworkMode::Public,
            key_vault_id: None,
        })
    }

    fn customer_managed() -> KmsChange {
        let vault = format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/shop"
        );
        KmsChange::CustomerManaged(KmsConfiguration {
            key_id: KeyId::parse(KEY).unwrap().without_version(),
            network_mode: NetworkMode::Private,
            key_vault_id: VaultId::parse(&vault).ok(),
        })
    }

    fn identity() -> IdentityId {
        let id = format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/own"
        );
        IdentityId::parse(&id).unwrap()
    }

    fn made(body: Value, identity: Option<&IdentityId>) -> Result<NewCluster, Vec<String>> {
        NewCluster::new(&cluster_id(), body, identity, target())
    }

    fn small() -> Value {
        json!({"location": "westeurope", "properties": {"dnsPrefix": "x", "brandNew": {"a": 1}}})
    }

    #[test]
    fn identity_and_profile_are_added_and_everything_else_is_kept() {
        let new = made(small(), Some(&identity())).unwrap();
        assert_eq!(new.facts.identity_kind, IdentityKind::UserAssigned);
        let mut expected = small();
        expected["identity"] = json!({"type": "UserAssigned", "userAssignedIdentities": {(identity().to_string()): {}}});
        expected["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({
            "enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""
        });
        assert_eq!(new.body, expected);
    }

    #[test]
    fn both_signs_of_data_encryption_are_sent_from_the_start() {
        let encrypted = json!({"infrastructureEncryption": "Enabled"});
        let security = |body: Value, target| {
            let new = NewCluster::new(&cluster_id(), body, Some(&identity()), target).unwrap();
            assert!(!new.facts.has_data_encryption() && !new.names_version);
            new.body["properties"]["securityProfile"].clone()
        };
        let platform = json!({"kubernetesResourceObjectEncryptionProfile": encrypted});
        assert_eq!(security(small(), KmsChange::PlatformManaged), platform, "no vault is named");
        let mut said = small();
        said["properties"]["securityProfile"] = platform.clone();
        assert_eq!(security(said, KmsChange::PlatformManaged), platform);
        let key = customer_managed();
        let vault = key.on().unwrap().key_vault_id.as_ref().unwrap().to_string();
        let expected = json!({
            "azureKeyVaultKms": {
                "enabled": true,
                "keyId": "https://shop.vault.azure.net/keys/etcd",
                "keyVaultNetworkAccess": "Private",
                "keyVaultResourceId": vault
            },
            "kubernetesResourceObjectEncryptionProfile": encrypted
        });
        assert_eq!(security(small(), key), expected);
    }

    #[test]
    fn a_document_that_asks_for_another_experience_is_told() {
        let on = json!({"enabled": true, "keyId": KEY});
        let (enabled, disabled) = (
            json!({"infrastructureEncryption": "Enabled"}),
            json!({"infrastructureEncryption": "Disabled"}),
        );
        let word = "kubernetesResourceObjectEncryptionProfile";
        let cases = [
            (target(), Value::Null, enabled.clone(), vec![word]),
            (target(), on.clone(), disabled.clone(), vec![]),
            (KmsChange::PlatformManaged, json!({"enabled": false}), enabled.clone(), vec![]),
            (KmsChange::PlatformManaged, on.clone(), enabled.clone(), vec!["azureKeyVaultKms"]),
            (KmsChange::PlatformManaged, Value::Null, disabled, vec![word]),
            (customer_managed(), on, enabled, vec!["azureKeyVaultKms"]),
        ];
        for (target, profile, encryption, told) in cases {
            let mut body = small();
            body["properties"]["securityProfile"] =
                json!({"azureKeyVaultKms": profile, (word): encryption});
            let made = NewCluster::new(&cluster_id(), body, Some(&identity()), target.clone());
            let problems = made.err().unwrap_or_default();
            let fields: Vec<&str> =
                problems.iter().filter_map(|problem| problem.split(' ').next()).collect();
            assert_eq!(fields, told, "{target:?}");
        }
    }

    #[test]
    fn the_document_of_another_cluster_can_be_passed() {
        let new = made(cluster_json(), None).unwrap();
        for gone in ["/id", "/eTag", "/properties/provisioningState", "/properties/fqdn"] {
            assert_eq!(new.body.pointer(gone), None, "{gone}");
        }
        assert!(new.body["properties"]["nodeResourceGroup"].is_string(), "it is its own");
        let mut other = cluster_json();
        other["id"] = json!(cluster_id().to_string() + "-2");
        let new = made(other, None).unwrap();
        for gone in ["nodeResourceGroup", "fqdnSubdomain", "identityProfile"] {
            assert!(new.body["properties"].get(gone).is_none(), "{gone}");
        }
        assert!(new.body["properties"]["networkProfile"].is_object());
        assert!(!new.is(&new.facts), "KMS is yet to be on");
    }

    #[test]
    fn all_that_is_wrong_with_a_document_is_told() {
        for body in [json!(null), json!([]), json!("x"), json!({"location": "x"})] {
            assert!(made(body, None).unwrap_err()[0].contains("no properties"));
        }
        let unreadable = json!({"location": "x", "properties": {"nodeResourceGroup": 7}});
        assert!(made(unreadable, None).unwrap_err()[0].contains("nodeResourceGroup in body"));
        let mut wrong = cluster_json();
        wrong["location"] = json!("");
        wrong["properties"]["kubernetesVersion"] = json!(1.33);
        wrong["properties"]["securityProfile"]["azureKeyVaultKms"] =
            json!({"enabled": true, "keyId": "https://other.vault.azure.net/keys/k"});
        let problems = made(wrong, Some(&identity())).unwrap_err().join(" ");
        for named in ["no location", "kubernetesVersion", "identity in body", "azureKeyVaultKms"] {
            assert!(problems.contains(named), "{named}: {problems}");
        }
    }
}
