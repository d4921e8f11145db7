//! The KMS profile: what AKS accepts, what it then finds out, and the two-key rule.

use serde_json::Value;

use super::{Cluster, state::kms_version, version::Version};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    key_id::KeyId,
    vault::{KeyAction, network},
    world::World,
};

/// The service's catch-all for everything that it finds out about vault, key and rights.
pub(crate) const PERMISSION_ERROR: &str = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";

/// `securityProfile.azureKeyVaultKms`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Profile {
    pub(crate) enabled: bool,
    pub(crate) key_id: Option<String>,
    network_access: Option<String>,
    vault_id: Option<String>,
}

impl Profile {
    /// The profile in a cluster's document; absent: off.
    pub(crate) fn of(document: &Value) -> Self {
        let profile = &document["properties"]["securityProfile"]["azureKeyVaultKms"];
        let text =
            |name: &str| profile[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            enabled: profile["enabled"] == true,
            key_id: text("keyId"),
            network_access: text("keyVaultNetworkAccess"),
            vault_id: text("keyVaultResourceId"),
        }
    }

    /// Whether the vault is reached over a private endpoint; with KMS data encryption: as a trusted service.
    pub(crate) fn private(&self) -> bool {
        self.network_access.as_deref().is_some_and(|access| access.eq_ignore_ascii_case("Private"))
    }

    /// Refuses a word that is no mode.
    pub(super) fn check_mode(&self) -> Result<(), &'static str> {
        let access = self.network_access.as_deref().unwrap_or_default();
        if ["Public", "Private"].into_iter().any(|mode| mode.eq_ignore_ascii_case(access)) {
            return Ok(());
        }
        Err("azureKeyVaultKms.keyVaultNetworkAccess must be Public or Private.")
    }

    /// Name of the vault that it names; empty where it names something else.
    pub(super) fn vault(&self) -> Option<&str> {
        Some(vault_name(self.vault_id.as_deref()?).unwrap_or_default())
    }
}

/// Spells the words of the profile as AKS shows them: it takes them in any case.
pub(super) fn normalise(document: &mut Value) {
    let access =
        document.pointer_mut("/properties/securityProfile/azureKeyVaultKms/keyVaultNetworkAccess");
    if let Some(access) = access {
        let sent = access.as_str().unwrap_or_default();
        let shown =
            ["Public", "Private"].into_iter().find(|known| known.eq_ignore_ascii_case(sent));
        if let Some(shown) = shown {
            *access = Value::from(shown);
        }
    }
}

/// Fills in what a new cluster's profile leaves out.
pub(super) fn complete(document: &mut Value) {
    normalise(document);
    if let Some(profile) = document.pointer_mut("/properties/securityProfile/azureKeyVaultKms")
        && profile["enabled"] == true
        && profile["keyVaultResourceId"].is_null()
    {
        profile["keyVaultResourceId"] = Value::from("");
    }
}

/// What AKS refuses at once, with status 400. `before` is the document there is, `after` the one
/// that is asked for.
pub(crate) fn check(
    before: &Value,
    after: &Value,
    rolled_out: &EncryptionConfig,
) -> Result<(), &'static str> {
    let (was, wanted) = (Profile::of(before), Profile::of(after));
    let version = after["properties"]["kubernetesVersion"].as_str().and_then(Version::parse);
    let keeps_v1 = wanted.enabled
        && rolled_out.current.as_ref().is_some_and(|key| key.kms_version == KmsVersion::V1);
    if keeps_v1 && version.is_some_and(|version| version.at_least(27)) {
        return Err("Upgrading to 1.27 or later is not allowed while KMS v1 is enabled. Disable \
                    KMS first.");
    }
    if !wanted.enabled || was == wanted {
        return Ok(());
    }
    let key_id =
        wanted.key_id.as_ref().ok_or("azureKeyVaultKms.keyId is required when KMS is enabled.")?;
    let key =
        KeyId::parse(key_id).ok_or("azureKeyVaultKms.keyId is not a valid key identifier.")?;
    let kind = after["identity"]["type"].as_str().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("UserAssigned") {
        return Err("KMS requires a user-assigned managed identity.");
    }
    check_network(&was, &wanted, &key, after, version)
}

fn check_network(
    was: &Profile,
    wanted: &Profile,
    key: &KeyId,
    after: &Value,
    version: Option<Version>,
) -> Result<(), &'static str> {
    wanted.check_mode()?;
    match (&wanted.vault_id, wanted.private()) {
        (None, true) => {
            return Err("azureKeyVaultKms.keyVaultResourceId is required for private access.");
        }
        (Some(_), false) => {
            return Err("azureKeyVaultKms.keyVaultResourceId must be empty for public access.");
        }
        (Some(id), true) => {
            let vault = vault_name(id);
            if !vault.is_some_and(|vault| vault.eq_ignore_ascii_case(key.vault())) {
                return Err("azureKeyVaultKms.keyVaultResourceId is not the key's vault.");
            }
        }
        (None, false) => {}
    }
    let integrated = after["properties"]["apiServerAccessProfile"]["enableVnetIntegration"] == true;
    if wanted.private() && !integrated && version.is_none_or(|version| version.at_least(31)) {
        return Err("A private key vault requires API Server VNet Integration.");
    }
    let same_vault = was
        .key_id
        .as_deref()
        .and_then(KeyId::parse)
        .is_some_and(|old| old.vault().eq_ignore_ascii_case(key.vault()));
    if was.enabled && same_vault && was.private() != wanted.private() {
        return Err("keyVaultNetworkAccess can't be changed while KMS is enabled with this key \
                    vault. Disable KMS first.");
    }
    Ok(())
}

fn vault_name(id: &str) -> Option<&str> {
    let mut segments = id.trim_matches('/').rsplit('/');
    let name = segments.next()?;
    let is_vault = segments.next()?.eq_ignore_ascii_case("vaults")
        && segments.next()?.eq_ignore_ascii_case("Microsoft.KeyVault");
    is_vault.then_some(name)
}

/// What AKS finds out while the operation runs: whether the identity can use the key, in words.
pub(crate) fn validate(world: &World, cluster: &Cluster, profile: &Profile) -> Result<(), String> {
    let key_id = profile.key_id.as_deref().unwrap_or_default();
    let key = KeyId::parse(key_id).ok_or("The key id is malformed.")?;
    let (tenant, vault_id) = world
        .with_vault_at(&key.host, |vault| {
            (vault.properties()["tenantId"].clone(), vault.id().to_owned())
        })
        .map_err(|_| format!("The vault {} does not exist.", key.vault()))?;
    if tenant != world.names.tenant.as_str() {
        return Err("The vault is in another tenant.".to_owned());
    }
    if profile.private() {
        let may_approve = world.roles_of(cluster).iter().any(|assignment| {
            assignment.covers(&vault_id)
                && assignment
                    .role
                    .grants("Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action")
        });
        if !may_approve {
            return Err("The identity may not approve private endpoint connections.".to_owned());
        }
        world.update_private_connections(cluster);
    } else {
        // A private endpoint that is still there does not make a vault public.
        world
            .with_vault_at(&key.host, |vault| network::admits(vault, network::CLUSTER_ADDRESS))
            .and_then(|open| open)
            .map_err(|refusal| refusal.to_string())?;
    }
    for action in [KeyAction::Encrypt, KeyAction::Decrypt] {
        world.legacy_key(cluster, key_id, action).map_err(|refusal| refusal.to_string())?;
    }
    Ok(())
}

/// The two-key rule: API servers get the key that is asked for and the one they had before.
pub(crate) fn next_config(
    rolled_out: &EncryptionConfig,
    profile: &Profile,
    kubernetes_version: &str,
) -> EncryptionConfig {
    let wanted = profile.key_id.as_ref().filter(|_| profile.enabled);
    match (&rolled_out.current, wanted) {
        (None, None) => rolled_out.clone(),
        (Some(current), Some(wanted)) if current.key_id == *wanted => rolled_out.clone(),
        (current, wanted) => {
            let next = wanted.map(|key_id| KeyRef {
                key_id: key_id.clone(),
                kms_version: kms_version(kubernetes_version),
            });
            let previous = current.as_ref().or(rolled_out.previous.as_ref());
            EncryptionConfig {
                previous: previous.filter(|previous| Some(*previous) != next.as_ref()).cloned(),
                current: next,
                retained: Vec::new(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: Option<&str>) -> Option<KeyRef> {
        id.map(|id| KeyRef { key_id: id.to_owned(), kms_version: KmsVersion::V2 })
    }

    fn profile(id: Option<&str>) -> Profile {
        Profile { enabled: id.is_some(), key_id: id.map(str::to_owned), ..Profile::default() }
    }

    #[test]
    fn api_servers_have_the_key_asked_for_and_the_one_before() {
        for (current, previous, wanted, then_current, then_previous) in [
            (None, None, Some("a"), Some("a"), None),
            (Some("a"), None, Some("b"), Some("b"), Some("a")),
            (Some("b"), Some("a"), Some("c"), Some("c"), Some("b")),
            (Some("b"), Some("a"), Some("b"), Some("b"), Some("a")),
            (Some("b"), Some("a"), Some("a"), Some("a"), Some("b")),
            (Some("b"), Some("a"), None, None, Some("b")),
            (None, Some("b"), None, None, Some("b")),
            (None, Some("b"), Some("c"), Some("c"), Some("b")),
            (None, Some("b"), Some("b"), Some("b"), None),
        ] {
            let config = |current, previous| EncryptionConfig {
                current: key(current),
                previous: key(previous),
                ..EncryptionConfig::default()
            };
            let before = config(current, previous);
            let after = config(then_current, then_previous);
            assert_eq!(next_config(&before, &profile(wanted), "1.33.3"), after, "{before:?}");
        }
    }

    #[test]
    fn a_vault_is_named_by_a_vault_id_only() {
        let id = "/subscriptions/s/resourceGroups/g/providers/microsoft.keyvault/Vaults/v";
        assert_eq!(vault_name(id), Some("v"));
        assert_eq!(vault_name(&id.replace("Vaults", "managedHSMs")), None);
    }
}
