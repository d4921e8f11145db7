//! KMS data encryption: what a document asks for, and what AKS accepts of it.

use serde_json::Value;

use super::{
    Cluster,
    kms::{self, Profile},
    version::Version,
};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    key_id::KeyId,
    vault::KeyAction,
    world::World,
};

/// In `securityProfile`.
pub(crate) const PROFILE: &str = "kubernetesResourceObjectEncryptionProfile";
/// The first minor version that can have it.
pub(super) const FIRST_MINOR: u32 = 33;

/// What a cluster's secrets are encrypted with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Experience {
    /// Nothing.
    Off,
    /// KMS with a version of a key.
    Legacy,
    /// Keys of the platform.
    Platform,
    /// A customer's key without a version.
    Customer,
}

impl Experience {
    /// What a document asks for. Either sign tells of a customer's key: the profile, or a key id without a
    /// version.
    pub(crate) fn of(document: &Value) -> Self {
        let profile = Profile::of(document);
        let key = profile.key_id.as_deref().and_then(KeyId::parse);
        let versionless = key.is_some_and(|key| key.version.is_none());
        match (profile.enabled, is_enabled(document)) {
            (false, false) => Self::Off,
            (false, true) => Self::Platform,
            (true, false) if !versionless => Self::Legacy,
            (true, _) => Self::Customer,
        }
    }

    /// Whether it is KMS data encryption.
    pub(crate) fn is_data_encryption(self) -> bool {
        matches!(self, Self::Platform | Self::Customer)
    }
}

fn word(document: &Value) -> &Value {
    &document["properties"]["securityProfile"][PROFILE]["infrastructureEncryption"]
}

fn is_enabled(document: &Value) -> bool {
    word(document).as_str().is_some_and(|word| word.eq_ignore_ascii_case("Enabled"))
}

/// What AKS refuses at once, with status 400. `before` is the document there is, `after` the one
/// that is asked for; `silent`: the request could not say anything of it.
pub(crate) fn check(
    before: &Value,
    after: &Value,
    silent: bool,
    rolled_out: &EncryptionConfig,
) -> Result<(), &'static str> {
    let (was, wants) = (Experience::of(before), Experience::of(after));
    let known = |word: &str| ["Enabled", "Disabled"].iter().any(|it| it.eq_ignore_ascii_case(word));
    if !word(after).is_null() && !word(after).as_str().is_some_and(known) {
        return Err("infrastructureEncryption must be Enabled or Disabled.");
    }
    if wants.is_data_encryption() {
        return check_on(was, before, after, rolled_out);
    }
    // The service knows what the API servers have, whatever became of the document.
    let is_on = rolled_out.current.as_ref().is_some_and(KeyRef::is_data_encryption);
    if wants == Experience::Legacy && (was.is_data_encryption() || is_on) {
        return Err(
            "azureKeyVaultKms.keyId can't name a key version: KMS data encryption, for which \
                    infrastructureEncryption is enabled, can't be disabled.",
        );
    }
    if was.is_data_encryption() && !silent {
        return Err(
            "KMS data encryption can't be disabled once infrastructureEncryption is enabled.",
        );
    }
    kms::check(before, after, rolled_out)
}

/// What is refused of a request that asks for it.
fn check_on(
    was: Experience,
    before: &Value,
    after: &Value,
    rolled_out: &EncryptionConfig,
) -> Result<(), &'static str> {
    if rolled_out.current.as_ref().is_some_and(|key| key.kms_version == KmsVersion::V1) {
        return Err("KMS data encryption can't be enabled while KMS v1 is. Disable KMS first.");
    }
    let version = after["properties"]["kubernetesVersion"].as_str().and_then(Version::parse);
    if !version.is_some_and(|version| version.at_least(FIRST_MINOR)) {
        return Err(
            "azureKeyVaultKms.keyId must name a key version, and infrastructureEncryption must not \
                    be enabled, before Kubernetes 1.33.",
        );
    }
    let kind = after["identity"]["type"].as_str().unwrap_or_default();
    let is = |wanted: &str| kind.eq_ignore_ascii_case(wanted);
    if Experience::of(after) == Experience::Platform {
        let managed = is("UserAssigned") || is("SystemAssigned");
        return if managed {
            Ok(())
        } else {
            Err("KMS data encryption requires a managed identity.")
        };
    }
    if !is("UserAssigned") {
        return Err("KMS requires a user-assigned managed identity.");
    }
    check_key(was, before, after)
}

fn check_key(was: Experience, before: &Value, after: &Value) -> Result<(), &'static str> {
    let profile = Profile::of(after);
    let key_id =
        profile.key_id.as_ref().ok_or("azureKeyVaultKms.keyId is required when KMS is enabled.")?;
    let key =
        KeyId::parse(key_id).ok_or("azureKeyVaultKms.keyId is not a valid key identifier.")?;
    // As the page turns it on from legacy KMS: the profile stays as it is.
    if profile == Profile::of(before) && matches!(was, Experience::Legacy | Experience::Customer) {
        return Ok(());
    }
    if key.version.is_some() {
        return Err(
            "azureKeyVaultKms.keyId can't name a key version while infrastructureEncryption is \
                    enabled.",
        );
    }
    profile.check_mode()?;
    match profile.vault() {
        Some(vault) if vault.eq_ignore_ascii_case(key.vault()) => Ok(()),
        Some(_) => Err("azureKeyVaultKms.keyVaultResourceId is not the key's vault."),
        None => {
            Err("azureKeyVaultKms.keyId must name a key version, or keyVaultResourceId its vault.")
        }
    }
}

/// What AKS finds out while the operation runs: whether the identity can use the key, in words.
pub(crate) fn validate(world: &World, cluster: &Cluster, profile: &Profile) -> Result<(), String> {
    let current = cluster.state().rolled_out.current.clone();
    let key = customer_key(world, profile, current.as_ref())?;
    if profile.private() {
        let host = KeyId::parse(&key.key_id).map(|key| key.host).unwrap_or_default();
        let vault_id = world
            .with_vault_at(&host, |vault| vault.id().to_owned())
            .map_err(|refusal| refusal.to_string())?;
        let may_look = world.roles_of(cluster).iter().any(|assignment| {
            assignment.covers(&vault_id)
                && assignment.role.grants("Microsoft.KeyVault/vaults/keys/read")
        });
        if !may_look {
            return Err(
                "The identity may not read the vault's keys in the management plane.".to_owned()
            );
        }
    }
    for action in [KeyAction::Encrypt, KeyAction::Decrypt] {
        world
            .data_encryption_key(cluster, &key.key_id, action, profile.private())
            .map_err(|refusal| refusal.to_string())?;
    }
    Ok(())
}

/// The version of a customer's key that API servers are to have: the one that they have, or the newest.
pub(super) fn customer_key(
    world: &World,
    profile: &Profile,
    current: Option<&KeyRef>,
) -> Result<KeyRef, String> {
    let id = profile.key_id.as_deref().and_then(KeyId::parse).ok_or("The key id is malformed.")?;
    let source = id.source();
    match current.filter(|key| key.is_data_encryption() && key.source() == source) {
        Some(current) => Ok(current.clone()),
        None => newest(world, &source),
    }
}

/// The newest version of a key.
pub(super) fn newest(world: &World, source: &str) -> Result<KeyRef, String> {
    let versions = versions(world, source).map_err(|refusal| refusal.to_string())?;
    versions.into_iter().next().ok_or_else(|| "The key has no version.".to_owned())
}

/// All versions of a key, the newest first.
pub(super) fn versions(world: &World, source: &str) -> Result<Vec<KeyRef>, crate::vault::Refusal> {
    let id = KeyId::parse(source)
        .ok_or_else(|| crate::vault::Refusal::bad_parameter("The key id is malformed."))?;
    world
        .with_vault_at(&id.host, |vault| {
            let versions = vault.key(&id.name)?.versions.iter().rev();
            Ok(versions
                .map(|version| KeyRef {
                    key_id: format!("{source}/{}", version.version),
                    kms_version: KmsVersion::V2Plus,
                })
                .collect())
        })
        .and_then(|versions| versions)
}
