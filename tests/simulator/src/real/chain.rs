//! Which providers an API server has, and in which order: how AKS's two keys become an
//! encryption configuration, in either wiring.

use std::borrow::Cow;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::plugin::PluginKeys;
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    given::{ReadableVersions, Wiring},
};

/// The providers of an API server: it writes with the first and reads with all. Empty: it has no
/// encryption configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Chain {
    pub(super) links: Vec<Link>,
    /// Its plugins may get other keys while the API server runs.
    hot: bool,
}

/// One provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Link {
    /// No encryption.
    Identity,
    /// A KMS plugin.
    Kms(Provider),
}

/// A KMS provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Provider {
    /// Its name, which stands in etcd before every object that it encrypted.
    pub(super) name: Cow<'static, str>,
    /// API version of its plugin.
    pub(super) version: KmsVersion,
    /// Keys of its plugin.
    pub(super) keys: PluginKeys,
}

/// During a key change there is an intermediate state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Reads new, still writes old.
    OldFirst,
    /// Writes new.
    NewFirst,
}

impl Chain {
    /// Its KMS providers.
    pub(super) fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.links.iter().filter_map(|link| match link {
            Link::Identity => None,
            Link::Kms(provider) => Some(provider),
        })
    }

    /// Whether an API server with `self` needs a restart to have `other`.
    pub(super) fn needs_restart(&self, other: &Self) -> bool {
        let shape = |chain: &Self| -> Vec<Option<(Cow<'static, str>, KmsVersion)>> {
            chain
                .links
                .iter()
                .map(|link| match link {
                    Link::Identity => None,
                    Link::Kms(provider) => Some((provider.name.clone(), provider.version)),
                })
                .collect()
        };
        if self.hot && other.hot { shape(self) != shape(other) } else { self != other }
    }

    /// An `EncryptionConfiguration`; the plugins of its providers are at `endpoints`, in order.
    pub(super) fn configuration<'a>(&self, endpoints: impl IntoIterator<Item = &'a str>) -> Value {
        let mut endpoints = endpoints.into_iter();
        let providers: Vec<Value> = self
            .links
            .iter()
            .map(|link| match link {
                Link::Identity => json!({"identity": {}}),
                Link::Kms(provider) => {
                    let mut kms = json!({
                        "apiVersion": "v2", "name": provider.name,
                        "endpoint": endpoints.next(), "timeout": "3s",
                    });
                    if provider.version == KmsVersion::V1 {
                        kms["apiVersion"] = json!("v1");
                        kms["cachesize"] = json!(1000);
                    }
                    json!({"kms": kms})
                }
            })
            .collect();
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets"], "providers": providers}],
        })
    }
}

/// Names the providers of a cluster, and remembers who has which name.
#[derive(Debug)]
pub(super) struct Wires {
    wiring: Wiring,
    readable_versions: ReadableVersions,
    /// Who has which of [`NAMES`], in the two-provider wiring.
    named: [Option<KeyRef>; 2],
}

const NAMES: [&str; 2] = ["azure-kms-a", "azure-kms-b"];

impl Wires {
    pub(super) fn new(wiring: Wiring, readable_versions: ReadableVersions) -> Self {
        Self { wiring, readable_versions, named: [None, None] }
    }

    /// The providers for a configuration. Plaintext can always be read.
    pub(super) fn chain(&mut self, config: &EncryptionConfig, order: Order) -> Chain {
        let hot = self.wiring == Wiring::OneProvider;
        if config.keys().next().is_none() {
            return Chain { links: Vec::new(), hot };
        }
        self.give_names(config);
        let mut keys = [config.current.as_ref(), config.previous.as_ref()];
        if order == Order::OldFirst {
            keys.swap(0, 1);
        }
        let mut links: Vec<Link> = Vec::new();
        if keys[0].is_none() {
            links.push(Link::Identity);
        }
        for key in keys.into_iter().flatten().chain(&config.retained) {
            self.add(&mut links, key);
        }
        if !links.contains(&Link::Identity) {
            links.push(Link::Identity);
        }
        Chain { links, hot }
    }

    /// Adds a key to the provider of its name, or that provider.
    fn add(&self, links: &mut Vec<Link>, key: &KeyRef) {
        let name = self.name(key);
        let provider = links.iter_mut().find_map(|link| match link {
            Link::Kms(provider) if provider.name == name && provider.version == key.kms_version => {
                Some(provider)
            }
            _ => None,
        });
        if let Some(provider) = provider {
            provider.keys.read.push(key.clone());
            return;
        }
        let needed = key.kms_version.needed_keys(self.readable_versions);
        let keys = PluginKeys { write: key.clone(), read: Vec::new(), needed };
        links.push(Link::Kms(Provider { name, version: key.kms_version, keys }));
    }

    /// The name of the provider that has the key.
    pub(super) fn name(&self, key: &KeyRef) -> Cow<'static, str> {
        match (self.wiring, key.kms_version) {
            (Wiring::TwoProviders, KmsVersion::V2Plus) if key.is_platform() => {
                "azure-kms-plus-platform".into()
            }
            // One for each key, whatever its version.
            (Wiring::TwoProviders, KmsVersion::V2Plus) => {
                let digest = Sha256::digest(key.source());
                format!("azure-kms-plus-{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]).into()
            }
            (Wiring::TwoProviders, _) => {
                let position = self.named.iter().position(|named| named.as_ref() == Some(key));
                NAMES[position.unwrap_or_default()].into()
            }
            (Wiring::OneProvider, KmsVersion::V1) => "azure-kms-v1".into(),
            (Wiring::OneProvider, KmsVersion::V2) => "azure-kms".into(),
            (Wiring::OneProvider, KmsVersion::V2Plus) => "azure-kms-plus".into(),
        }
    }

    /// A key of legacy KMS keeps its name as long as it is configured; a new one takes that of a key that is
    /// not.
    fn give_names(&mut self, config: &EncryptionConfig) {
        let keys = config.retained.iter().chain(&config.previous).chain(&config.current);
        let keys: Vec<&KeyRef> = keys.filter(|key| !key.is_data_encryption()).collect();
        for key in &keys {
            let key = *key;
            if self.named.iter().flatten().any(|named| named == key) {
                continue;
            }
            let free = self
                .named
                .iter_mut()
                .find(|named| named.as_ref().is_none_or(|named| !keys.contains(&named)));
            if let Some(free) = free {
                *free = Some(key.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key 0 is none.
    fn config(current: usize, previous: usize) -> EncryptionConfig {
        let key = |number: usize| {
            let key_id = format!("https://vault.test/keys/key/{number}");
            (number > 0).then_some(KeyRef { key_id, kms_version: KmsVersion::V2 })
        };
        EncryptionConfig {
            current: key(current),
            previous: key(previous),
            ..EncryptionConfig::default()
        }
    }

    /// `a1`: the provider whose name ends in `a`, with key 1. `s2+1`: key 2, and key 1 to read.
    fn short(chain: &Chain) -> String {
        let last = |text: &str| text.chars().last().unwrap().to_string();
        let links: Vec<String> = chain
            .links
            .iter()
            .map(|link| match link {
                Link::Identity => "identity".to_owned(),
                Link::Kms(provider) => {
                    let keys = &provider.keys;
                    let read: String =
                        keys.read.iter().map(|key| "+".to_owned() + &last(&key.key_id)).collect();
                    last(&provider.name) + &last(&keys.write.key_id) + &read
                }
            })
            .collect();
        links.join(" ")
    }

    #[test]
    fn two_providers_alternate_and_have_an_intermediate_order() {
        let mut wires = Wires::new(Wiring::TwoProviders, ReadableVersions::All);
        let mut both = |config: &EncryptionConfig| {
            [Order::OldFirst, Order::NewFirst].map(|order| short(&wires.chain(config, order)))
        };
        assert_eq!(both(&config(0, 0)), ["", ""]);
        assert_eq!(both(&config(1, 0)), ["identity a1", "a1 identity"]);
        assert_eq!(both(&config(2, 1)), ["a1 b2 identity", "b2 a1 identity"]);
        assert_eq!(both(&config(3, 2)), ["b2 a3 identity", "a3 b2 identity"]);
        assert_eq!(both(&config(0, 3)), ["a3 identity", "identity a3"]);
    }

    #[test]
    fn one_provider_changes_its_keys_without_a_restart() {
        let mut wires = Wires::new(Wiring::OneProvider, ReadableVersions::All);
        let first = wires.chain(&config(1, 0), Order::NewFirst);
        let second = wires.chain(&config(2, 1), Order::NewFirst);
        let third = wires.chain(&config(3, 2), Order::NewFirst);
        let off = wires.chain(&config(0, 3), Order::NewFirst);
        let chains = [&first, &second, &third, &off].map(short);
        assert_eq!(chains, ["s1 identity", "s2+1 identity", "s3+2 identity", "identity s3"]);
        assert!(!first.needs_restart(&second) && !second.needs_restart(&third));
        assert!(third.needs_restart(&off));
    }

    #[test]
    fn a_name_with_another_key_needs_a_restart() {
        let mut wires = Wires::new(Wiring::TwoProviders, ReadableVersions::All);
        let before = wires.chain(&config(2, 1), Order::NewFirst);
        let after = wires.chain(&config(2, 3), Order::NewFirst);
        assert_eq!([short(&before), short(&after)], ["b2 a1 identity", "b2 a3 identity"]);
        assert!(before.needs_restart(&after));
    }
}
