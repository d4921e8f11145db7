//! How AKS writes an encryption configuration for a cluster's keys, in either wiring.

use std::sync::Arc;

use super::transform::{Key, sha256_label};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    given::Wiring,
};

/// The two names that providers alternate between.
const NAMES: [&str; 2] = ["azurekms-a", "azurekms-b"];

/// What the names of the providers of KMS data encryption begin with.
const PLUS: &str = "azurekms-plus";

/// The name of a provider of KMS data encryption: one for each key, whatever its version, or one for all.
fn plus_name(wiring: Wiring, key: &KeyRef) -> Arc<str> {
    if wiring == Wiring::OneProvider {
        return PLUS.into();
    }
    if key.is_platform() {
        return format!("{PLUS}-platform").into();
    }
    let digest = sha256_label(key.source());
    let digest = digest.rsplit(':').next().unwrap_or_default();
    format!("{PLUS}-{}", &digest[..8]).into()
}

/// Whether a provider of this name is one of KMS data encryption.
pub(super) fn is_plus(name: &str) -> bool {
    name.starts_with(PLUS)
}

/// One provider of an encryption configuration, as in its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ProviderSpec {
    /// `identity: {}`.
    Identity,
    /// `kms: {…}`, and the keys of its plugin, the current one first.
    Kms { name: Arc<str>, version: KmsVersion, keys: Vec<Arc<Key>> },
}

impl ProviderSpec {
    /// Whether it is the same provider to the API server, whatever the plugin's keys are.
    fn same_provider(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Identity, Self::Identity) => true,
            (
                Self::Kms { name, version, .. },
                Self::Kms { name: other_name, version: other_version, .. },
            ) => name == other_name && version == other_version,
            _ => false,
        }
    }

    /// Puts the key first that another one writes with, if it has it.
    fn write_as(&mut self, other: &Self) {
        let (Self::Kms { keys, .. }, Self::Kms { keys: others, .. }) = (self, other) else {
            return;
        };
        let position = keys.iter().position(|key| Some(key) == others.first());
        if let Some(position) = position {
            let key = keys.remove(position);
            keys.insert(0, key);
        }
    }
}

/// An encryption configuration; without providers: none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Wired(pub(super) Vec<ProviderSpec>);

impl Wired {
    /// Whether only the keys of plugins differ.
    pub(super) fn same_providers(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, two)| one.same_provider(two))
    }

    /// The step between this configuration and `next` in which an API server can read what is
    /// to come and still writes what it wrote. `None`: there is no such step, or it is this one.
    pub(super) fn before(&self, next: &Self) -> Option<Self> {
        let writes = self.0.first().cloned().unwrap_or(ProviderSpec::Identity);
        let position = next.0.iter().position(|provider| provider.same_provider(&writes))?;
        let mut providers = next.0.clone();
        let mut first = providers.remove(position);
        first.write_as(&writes);
        providers.insert(0, first);
        let step = Self(providers);
        (step != *self && step != *next).then_some(step)
    }
}

/// Which provider name a key has.
#[derive(Clone, Debug)]
pub(super) struct Names {
    wiring: Wiring,
    named: Vec<(KeyRef, &'static str)>,
}

impl Names {
    pub(super) fn new(wiring: Wiring) -> Self {
        Self { wiring, named: Vec::new() }
    }

    /// Names the keys of `config`: a key keeps its name, a new one takes the one that is free.
    pub(super) fn assign(&mut self, config: &EncryptionConfig) {
        let keys = config.retained.iter().chain(&config.previous).chain(&config.current);
        let keys: Vec<&KeyRef> = keys.filter(|key| !key.is_data_encryption()).collect();
        self.named.retain(|(key, _)| keys.contains(&key));
        for key in keys {
            if self.of(key).is_none() {
                self.named.push((key.clone(), self.free()));
            }
        }
    }

    fn of(&self, key: &KeyRef) -> Option<Arc<str>> {
        if key.is_data_encryption() {
            return Some(plus_name(self.wiring, key));
        }
        if self.wiring == Wiring::OneProvider {
            return Some(NAMES[0].into());
        }
        self.named.iter().find(|(named, _)| named == key).map(|(_, name)| (*name).into())
    }

    /// The name that the next new key takes. With both taken: the newest key's, which the key
    /// before the other one had too.
    fn free(&self) -> &'static str {
        let taken = |name: &&str| self.named.iter().any(|(_, taken)| taken == name);
        let newest = self.named.last().map_or(NAMES[0], |(_, name)| name);
        NAMES.into_iter().find(|name| !taken(name)).unwrap_or(newest)
    }

    /// The name that a value under `key` has in front. A key that is not configured has the name
    /// that it would get.
    pub(super) fn provider_of(&self, key: &KeyRef) -> Arc<str> {
        self.of(key).unwrap_or_else(|| self.free().into())
    }

    /// The configuration file for `config`. `old_first`: what was written before the change is
    /// still written, although the new key can be read.
    pub(super) fn wire(&self, config: &EncryptionConfig, old_first: bool) -> Wired {
        let current = config.current.as_ref();
        let previous = config.previous.as_ref().filter(|previous| Some(*previous) != current);
        let mut keys: Vec<&KeyRef> = Vec::new();
        let plaintext_first = if old_first {
            keys.extend(previous);
            keys.extend(current);
            previous.is_none()
        } else {
            keys.extend(current);
            keys.extend(previous);
            current.is_none()
        };
        keys.extend(&config.retained);
        if keys.is_empty() {
            return Wired::default();
        }
        let mut providers: Vec<ProviderSpec> = Vec::new();
        for key in keys {
            let name: Arc<str> = self.provider_of(key);
            let same = providers.iter_mut().find_map(|provider| match provider {
                ProviderSpec::Kms { name: named, version, keys }
                    if *named == name && *version == key.kms_version =>
                {
                    Some(keys)
                }
                _ => None,
            });
            match same {
                Some(keys) => keys.push(Key::new(&key.key_id)),
                None => providers.push(ProviderSpec::Kms {
                    name,
                    version: key.kms_version,
                    keys: vec![Key::new(&key.key_id)],
                }),
            }
        }
        let position = if plaintext_first { 0 } else { providers.len() };
        providers.insert(position, ProviderSpec::Identity);
        Wired(providers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> KeyRef {
        KeyRef { key_id: format!("https://vault/keys/{name}/1"), kms_version: KmsVersion::V2 }
    }

    fn config(current: Option<&str>, previous: Option<&str>) -> EncryptionConfig {
        let (current, previous) = (current.map(key), previous.map(key));
        EncryptionConfig { current, previous, ..EncryptionConfig::default() }
    }

    fn version(number: usize) -> KeyRef {
        let key_id = format!("https://vault/keys/customer/{number}");
        KeyRef { key_id, kms_version: KmsVersion::V2Plus }
    }

    /// `a:k2+k1 identity`: provider names, keys and order.
    fn shown(wired: &Wired) -> String {
        let providers = wired.0.iter().map(|provider| match provider {
            ProviderSpec::Identity => "identity".to_owned(),
            ProviderSpec::Kms { name, keys, .. } => {
                let keys: Vec<_> =
                    keys.iter().filter_map(|key| key.key_id.split('/').nth(4)).collect();
                format!("{}:{}", &name[9..], keys.join("+"))
            }
        });
        providers.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn provider_names_alternate_and_a_key_keeps_its_name() {
        let mut names = Names::new(Wiring::TwoProviders);
        let mut seen = Vec::new();
        for next in [
            config(Some("k1"), None),
            config(Some("k2"), Some("k1")),
            config(Some("k3"), Some("k2")),
            config(None, Some("k3")),
        ] {
            names.assign(&next);
            seen.push(shown(&names.wire(&next, false)));
        }
        assert_eq!(
            seen,
            ["a:k1 identity", "b:k2 a:k1 identity", "a:k3 b:k2 identity", "identity a:k3"]
        );
    }

    #[test]
    fn a_key_change_goes_through_the_order_old_new() {
        let mut names = Names::new(Wiring::TwoProviders);
        names.assign(&config(Some("k1"), None));
        let before = names.wire(&config(Some("k1"), None), false);
        let next = config(Some("k2"), Some("k1"));
        names.assign(&next);
        let after = names.wire(&next, false);
        let step = names.wire(&next, true);
        assert_eq!(shown(&step), "a:k1 b:k2 identity");
        assert_eq!(before.before(&after).as_ref(), Some(&step));
        assert_eq!(step.before(&after), None);
    }

    #[test]
    fn one_provider_holds_both_keys() {
        let mut names = Names::new(Wiring::OneProvider);
        let next = config(Some("k2"), Some("k1"));
        names.assign(&next);
        assert_eq!(shown(&names.wire(&next, false)), "a:k2+k1 identity");
        assert_eq!(shown(&names.wire(&next, true)), "a:k1+k2 identity");
        assert_eq!(shown(&names.wire(&config(None, None), false)), "");
    }

    #[test]
    fn versions_of_a_customers_key_have_one_provider_which_reads_the_next_before_it_writes_it() {
        let mut names = Names::new(Wiring::TwoProviders);
        let first = EncryptionConfig {
            current: Some(version(1)),
            previous: Some(key("k1")),
            ..EncryptionConfig::default()
        };
        names.assign(&first);
        let before = names.wire(&first, false);
        let ProviderSpec::Kms { name, keys, .. } = &before.0[0] else { panic!("{before:?}") };
        assert!(is_plus(name) && keys.len() == 1);
        assert_eq!(shown(&Wired(before.0[1..].to_vec())), "a:k1 identity");
        let second = EncryptionConfig {
            current: Some(version(2)),
            previous: Some(version(1)),
            retained: vec![key("k1")],
        };
        names.assign(&second);
        let after = names.wire(&second, false);
        let written = |wired: &Wired| match &wired.0[0] {
            ProviderSpec::Kms { keys, .. } => (keys[0].key_id.clone(), keys.len()),
            ProviderSpec::Identity => panic!("{wired:?}"),
        };
        assert_eq!(written(&after), (version(2).key_id, 2));
        let step = before.before(&after).unwrap();
        assert_eq!(written(&step), (version(1).key_id, 2), "it reads both");
        assert_eq!(step.before(&after), None);
    }

    #[test]
    fn the_platforms_keys_have_a_provider_of_their_own_unless_one_has_all() {
        let platform = KeyRef::of_platform();
        let both = EncryptionConfig {
            current: Some(platform),
            previous: Some(version(1)),
            ..EncryptionConfig::default()
        };
        for (wiring, providers) in [(Wiring::TwoProviders, 3), (Wiring::OneProvider, 2)] {
            assert_eq!(Names::new(wiring).wire(&both, false).0.len(), providers, "{wiring:?}");
        }
    }
}
