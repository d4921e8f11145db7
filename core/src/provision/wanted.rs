//! What a caller wants to be there: options, understood. Pure.

use std::{ops::RangeInclusive, time::Duration};

use sha2::{Digest, Sha256};

use crate::{
    error::Result,
    ids::{ClusterId, IdentityId, KeyId, NetworkMode, VaultAuthorization, VaultId, hex},
    options::ProvisionOptions,
    report::{Experience, KmsChange, KmsConfiguration},
    rules,
};

/// The sizes of RSA keys that vaults make.
const KEY_SIZES: [u32; 3] = [2048, 3072, 4096];
/// How long a key can be valid.
const VALID: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// The key's name where none is given.
const KEY: &str = "etcd";

/// What is to be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) cluster: ClusterId,
    pub(crate) vault: VaultId,
    /// The key: without a version, the newest one.
    pub(crate) key: KeyId,
    pub(crate) key_size: u32,
    pub(crate) key_expires_in: Option<Duration>,
    /// `None`: the one that the cluster runs as, or one that is made.
    pub(crate) identity: Option<IdentityId>,
    pub(crate) location: Option<String>,
    pub(crate) authorization: VaultAuthorization,
    pub(crate) network_mode: NetworkMode,
    /// The key is for KMS data encryption, which takes it without a version.
    pub(crate) is_customer_managed: bool,
    pub(crate) purge_protection: Option<bool>,
}

impl Wanted {
    /// Understands the options. `suffix` is the chosen cloud's, such as `vault.azure.net`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] that names everything that is wrong with them.
    pub(crate) fn new(
        cluster: &ClusterId,
        options: &ProvisionOptions,
        suffix: &str,
    ) -> Result<Self> {
        let (mut findings, mut problems) = (Vec::new(), Vec::new());
        if options.experience == Experience::PlatformManaged {
            problems.push(
                "experience is \"platform-managed\", for which nothing is to be made: pass that key to \
                 set_data_encryption or create_cluster, or pass \"key-vault\" or \"customer-managed\" here"
                    .to_owned(),
            );
        }
        let is_customer_managed = options.experience == Experience::CustomerManaged;
        if options.timeout.is_zero() {
            problems.push("timeout is 0; pass how long the call may take".to_owned());
        }
        if !KEY_SIZES.contains(&options.key_size) {
            problems.push(format!("key_size is {}; pass 2048, 3072 or 4096", options.key_size));
        }
        if options.key_expires_in.is_some_and(|time| !VALID.contains(&time)) {
            problems.push(
                "key_expires_in is under a second or over 100 years; pass how long the key is to be valid".to_owned(),
            );
        }
        if let Some(location) = options.location.as_deref().filter(|text| !is_location(text)) {
            problems.push(format!(
                "location is {location:?}, which is no Azure region; `az account list-locations --query [].name` names those that there are"
            ));
        }
        let identity = options.identity.as_deref().map(|text| identity(cluster, text));
        let given = options.key.as_deref().map_or_else(|| Ok(Key::named(KEY)), Key::parse);
        let vault = match (&options.key_vault, &given) {
            (Some(text), _) => vault(cluster, text),
            (None, Ok(Key { vault: Some(name), .. })) => vault(cluster, name),
            (None, _) => vault(cluster, &own_vault_name(cluster)),
        };
        let key = given.and_then(|key| match &vault {
            Ok(vault) => key.of(vault, suffix),
            // what is wrong with the vault is told
            Err(_) => Ok(None),
        });
        let mut take = |problem: &str| problems.push(problem.to_owned());
        let identity = identity.transpose().unwrap_or_else(|problem| {
            take(&problem);
            None
        });
        let key = key.unwrap_or_else(|problem| {
            take(&problem);
            None
        });
        let vault = vault.map_err(|problem| take(&problem)).ok();
        let named = key.as_ref().filter(|_| is_customer_managed);
        findings.extend(named.and_then(rules::version_forbidden));
        match (vault, key) {
            (Some(vault), Some(key)) if problems.is_empty() && findings.is_empty() => Ok(Self {
                cluster: cluster.clone(),
                vault,
                key,
                key_size: options.key_size,
                key_expires_in: options.key_expires_in,
                identity,
                location: options.location.clone(),
                authorization: options.authorization,
                network_mode: options.network_mode,
                is_customer_managed,
                purge_protection: options.purge_protection,
            }),
            _ => Err(rules::invalid_input(findings, problems)),
        }
    }

    /// Whether private endpoints lead to the vault, which somebody has to approve. AKS reaches a customer-managed key
    /// as a trusted service.
    pub(super) fn has_private_link(&self) -> bool {
        self.network_mode == NetworkMode::Private && !self.is_customer_managed
    }

    /// Whether the vault is closed to all but trusted services of Azure.
    pub(super) fn has_firewall(&self) -> bool {
        self.network_mode == NetworkMode::Private && self.is_customer_managed
    }

    /// The profile that a cluster with this key has.
    pub(super) fn target(&self, key_id: KeyId) -> KmsChange {
        let target = KmsConfiguration {
            key_id,
            network_mode: self.network_mode,
            key_vault_id: Some(self.vault.clone()),
        };
        if self.is_customer_managed {
            KmsChange::CustomerManaged(target)
        } else {
            KmsChange::On(target)
        }
    }

    /// The key's id as verbs take it, given the one with its version.
    pub(crate) fn named(&self, key_id: KeyId) -> KeyId {
        if self.is_customer_managed { key_id.without_version() } else { key_id }
    }
}

/// A key as it is asked for.
struct Key {
    name: String,
    /// Of a key id.
    host: Option<String>,
    vault: Option<String>,
    version: Option<String>,
}

impl Key {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), host: None, vault: None, version: None }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(id) = KeyId::parse(text) {
            return Ok(Self {
                name: id.name().to_owned(),
                host: Some(id.host().to_owned()),
                vault: Some(id.vault_name().to_owned()),
                version: id.version().map(str::to_owned),
            });
        }
        let is_name = (1..=127).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_name {
            return Ok(Self::named(text));
        }
        Err(format!(
            "key is {text:?}, which is not a key's name (letters, digits and hyphens) or key id; pass one such as \"{KEY}\""
        ))
    }

    /// Its id in a vault.
    fn of(self, vault: &VaultId, suffix: &str) -> Result<Option<KeyId>, String> {
        let host =
            format!("{}.{}", vault.name().to_ascii_lowercase(), suffix.trim_start_matches('.'));
        if let Some(other) = self.host.filter(|other| !other.eq_ignore_ascii_case(&host)) {
            return Err(format!(
                "key is on host {other}, and key_vault is on {host}; name the key alone, or its own vault in key_vault"
            ));
        }
        let version = self.version.map(|version| format!("/{version}")).unwrap_or_default();
        let id = format!("https://{host}/keys/{}{version}", self.name);
        KeyId::parse(&id).map(Some).map_err(|error| error.to_string())
    }
}

/// A vault by resource id, or by its name in the cluster's resource group.
fn vault(cluster: &ClusterId, text: &str) -> Result<VaultId, String> {
    let id =
        if text.starts_with('/') { VaultId::parse(text).ok() } else { cluster.vault_beside(text) };
    id.filter(|id| is_vault_name(id.name())).ok_or_else(|| {
        format!(
            "key_vault is {text:?}, which is not a vault's name (3 to 24 letters, digits and single hyphens, a letter first) \
             or resource id; `az keyvault show --query id` prints one"
        )
    })
}

/// An identity by resource id, or by its name in the cluster's resource group.
fn identity(cluster: &ClusterId, text: &str) -> Result<IdentityId, String> {
    let id = if text.starts_with('/') {
        IdentityId::parse(text).ok()
    } else {
        cluster.identity_beside(text)
    };
    id.filter(|id| is_identity_name(id.name())).ok_or_else(|| {
        format!(
            "identity is {text:?}, which is not the name (3 to 128 letters, digits, hyphens and underscores) or resource id \
             of a user-assigned identity; `az identity show --query id` prints one"
        )
    })
}

/// The identity that is made for a cluster that has none.
pub(super) fn own_identity(cluster: &ClusterId) -> Option<IdentityId> {
    cluster.identity_beside(&format!("{}-identity", cluster.name()))
}

/// A vault's name that no other cluster has: names of vaults are unique in all of Azure.
fn own_vault_name(cluster: &ClusterId) -> String {
    let digest = Sha256::digest(cluster.to_string().to_lowercase().as_bytes());
    format!("kms-{}", hex(&digest[..8]))
}

fn is_vault_name(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--")
}

fn is_identity_name(name: &str) -> bool {
    (3..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn is_location(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::CLUSTER;
    use crate::{RuleId, error::ErrorKind};

    const SUFFIX: &str = "vault.azure.net";

    fn wanted(change: impl FnOnce(&mut ProvisionOptions)) -> Result<Wanted> {
        let mut options = ProvisionOptions::default();
        change(&mut options);
        Wanted::new(&ClusterId::parse(CLUSTER).unwrap(), &options, SUFFIX)
    }

    #[test]
    fn without_names_each_cluster_has_a_vault_of_its_own() {
        let first = wanted(|_| {}).unwrap();
        assert_eq!(first, wanted(|_| {}).unwrap(), "the same each time");
        assert!(is_vault_name(first.vault.name()), "{}", first.vault);
        assert_eq!(
            first.key.as_str(),
            format!("https://{}.{SUFFIX}/keys/etcd", first.vault.name())
        );
        let upper = ClusterId::parse(&CLUSTER.to_uppercase()).unwrap();
        let same = Wanted::new(&upper, &ProvisionOptions::default(), SUFFIX).unwrap();
        assert_eq!(same.vault.name(), first.vault.name(), "ids have no case");
        let other = ClusterId::parse(&format!("{CLUSTER}-2")).unwrap();
        let other = Wanted::new(&other, &ProvisionOptions::default(), SUFFIX).unwrap();
        assert_ne!(other.vault.name(), first.vault.name());
    }

    #[test]
    fn a_part_is_named_or_given_by_its_id() {
        let id = format!(
            "{}/providers/Microsoft.KeyVault/vaults/shop",
            CLUSTER.split("/providers").next().unwrap()
        );
        for vault in ["shop", &id] {
            let wanted = wanted(|options| options.key_vault = Some(vault.to_owned())).unwrap();
            assert_eq!(wanted.vault.to_string(), id);
        }
        let version = "0123456789abcdef0123456789abcdef";
        let key = format!("https://shop.{SUFFIX}/keys/k/{version}");
        let given = wanted(|options| options.key = Some(key.clone())).unwrap();
        assert_eq!((given.vault.name(), given.key.version()), ("shop", Some(version)));
        let error = wanted(|options| {
            options.key = Some(key.clone());
            options.key_vault = Some("other".to_owned());
        });
        assert!(error.unwrap_err().to_string().contains("name the key alone"));
        let foreign =
            wanted(|options| options.key = Some("https://shop.example.org/keys/k".to_owned()));
        assert!(foreign.unwrap_err().to_string().contains("shop.example.org"));
    }

    #[test]
    fn a_customer_managed_key_has_no_version_and_a_platforms_is_not_made() {
        let of = |experience, key: &str| {
            wanted(|options| {
                options.experience = experience;
                options.key = Some(key.to_owned());
            })
        };
        let key = "https://shop.vault.azure.net/keys/etcd";
        let version = format!("{key}/0123456789abcdef0123456789abcdef");
        let error = of(Experience::CustomerManaged, &version).unwrap_err();
        assert_eq!(error.findings()[0].rule, RuleId::KeyIdVersionForbidden);
        assert!(error.to_string().contains(&format!("Pass {key}.")), "{error}");
        let given = of(Experience::CustomerManaged, key).unwrap();
        assert_eq!(given.named(KeyId::parse(&version).unwrap()).as_str(), key);
        let versioned = of(Experience::KeyVault, &version).unwrap();
        assert_eq!(versioned.named(KeyId::parse(&version).unwrap()).as_str(), version);
        let error = of(Experience::PlatformManaged, "etcd").unwrap_err().to_string();
        assert!(error.contains("set_data_encryption or create_cluster"), "{error}");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let error = wanted(|options| {
            options.timeout = Duration::ZERO;
            options.key_size = 1024;
            options.key_expires_in = Some(Duration::ZERO);
            options.location = Some("west/europe".to_owned());
            options.key_vault = Some("a--b".to_owned());
            options.key = Some("a/b".to_owned());
            options.identity = Some("x".to_owned());
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        let forever = wanted(|options| options.key_expires_in = Some(Duration::MAX));
        assert!(forever.unwrap_err().to_string().contains("over 100 years"));
        for argument in [
            "timeout is",
            "key_size is 1024",
            "key_expires_in is",
            "location is",
            "key_vault is",
            "key is",
            "identity is",
        ] {
            assert!(text.contains(argument), "{argument}: {text}");
        }
    }

    #[test]
    fn names_are_azures() {
        for name in ["abc", "Shop-1", "a23456789012345678901234"] {
            assert!(is_vault_name(name), "{name}");
        }
        for name in ["ab", "1abc", "-abc", "abc-", "a--b", "a_b", "a234567890123456789012345"] {
            assert!(!is_vault_name(name), "{name}");
        }
        assert!(
            is_identity_name("shop_1-a") && !is_identity_name("-ab") && !is_identity_name("a.b")
        );
    }
}
