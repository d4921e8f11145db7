//! Properties of what is parsed at the edge.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use proptest::{prelude::*, string::string_regex};

use super::{ClusterId, KeyId, KubernetesVersion, NetworkMode, VaultId};

const UUID: &str = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}";
const GROUP: &str = "[a-zA-Z0-9äéß_().-]{0,20}[a-zA-Z0-9]";
const NAME: &str = "[a-zA-Z][a-zA-Z0-9-]{2,22}";

fn key_ids() -> impl Strategy<Value = String> {
    "[hH]ttps://[a-zA-Z][a-zA-Z0-9-]{1,22}(\\.[a-z]{1,10}){1,3}/[kK]eys/[0-9A-Za-z-]{1,127}(/[0-9a-fA-F]{32})?"
}

fn cluster_ids() -> impl Strategy<Value = String> {
    resource_ids("[mM]icrosoft\\.ContainerService/managed[cC]lusters")
}

fn vault_ids() -> impl Strategy<Value = String> {
    resource_ids("[mM]icrosoft\\.KeyVault/[vV]aults")
}

fn resource_ids(kind: &str) -> impl Strategy<Value = String> {
    let id =
        format!("/[sS]ubscriptions/{UUID}/resource[gG]roups/{GROUP}/[pP]roviders/{kind}/{NAME}");
    string_regex(&id).unwrap()
}

/// Parts of what is parsed, in an order that rarely makes sense, with anything in between.
fn almost() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("https://".to_owned()),
        Just("/keys/".to_owned()),
        Just("v.vault.azure.net".to_owned()),
        Just("0123456789abcdef0123456789abcdef".to_owned()),
        Just("/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8".to_owned()),
        Just("/resourceGroups/".to_owned()),
        Just("/providers/Microsoft.KeyVault/vaults/".to_owned()),
        Just("/providers/Microsoft.ContainerService/managedClusters/".to_owned()),
        Just("/".to_owned()),
        Just(".".to_owned()),
        Just("1.33".to_owned()),
        Just("65536".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Lower case becomes upper and the other way around, in ASCII.
fn other_case(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_ascii_lowercase() {
                character.to_ascii_uppercase()
            } else {
                character.to_ascii_lowercase()
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn no_input_panics(text in prop_oneof![any::<String>(), almost()]) {
        let _ = KeyId::parse(&text);
        let _ = ClusterId::parse(&text);
        let _ = VaultId::parse(&text);
        let _ = ClusterId::new(&text, &text, &text);
        let _ = text.parse::<NetworkMode>();
        let _ = KubernetesVersion::parse(&text);
    }

    #[test]
    fn what_parses_from_almost_anything_parses_to_the_same_again(text in almost()) {
        if let Ok(key) = KeyId::parse(&text) {
            prop_assert_eq!(KeyId::parse(key.as_str()).unwrap(), key);
        }
        if let Ok(vault) = VaultId::parse(&text) {
            prop_assert_eq!(VaultId::parse(&vault.to_string()).unwrap(), vault);
        }
        if let Ok(cluster) = ClusterId::parse(&text) {
            prop_assert_eq!(ClusterId::parse(&cluster.to_string()).unwrap(), cluster);
        }
        if let Ok(version) = KubernetesVersion::parse(&text) {
            prop_assert_eq!(KubernetesVersion::parse(&version.to_string()).unwrap(), version);
        }
    }

    #[test]
    fn a_key_id_keeps_its_text_and_its_parts_make_it_up(text in key_ids()) {
        let key = KeyId::parse(&text).unwrap();
        prop_assert_eq!(key.to_string(), text.clone());
        let host = format!("{}.{}", key.vault_name(), key.vault_suffix());
        prop_assert_eq!(key.host(), host);
        let version = key.version().map_or(String::new(), |version| format!("/{version}"));
        let parts = format!("https://{}/keys/{}{version}", key.host(), key.name());
        prop_assert!(parts.eq_ignore_ascii_case(&text));
    }

    #[test]
    fn key_ids_are_equal_in_any_case(text in key_ids()) {
        let key = KeyId::parse(&text).unwrap();
        let other = KeyId::parse(&other_case(&text)).unwrap();
        prop_assert_eq!(&key, &other);
        prop_assert_eq!(hash(&key), hash(&other));
    }

    #[test]
    fn key_ids_of_different_versions_differ(text in key_ids(), version in "[0-9a-f]{32}") {
        let key = KeyId::parse(&text).unwrap();
        prop_assume!(key.version().is_none_or(|own| !own.eq_ignore_ascii_case(&version)));
        let other = format!("https://{}/keys/{}/{version}", key.host(), key.name());
        prop_assert_ne!(key, KeyId::parse(&other).unwrap());
    }

    #[test]
    fn cluster_ids_parse_to_the_same_again_and_are_equal_in_any_case(text in cluster_ids()) {
        let id = ClusterId::parse(&text).unwrap();
        prop_assert_eq!(&ClusterId::parse(&id.to_string()).unwrap(), &id);
        let again = ClusterId::new(id.subscription_id(), id.resource_group(), id.name()).unwrap();
        prop_assert_eq!(&again, &id);
        let other = ClusterId::parse(&other_case(&text)).unwrap();
        prop_assert_eq!(&other, &id);
        prop_assert_eq!(hash(&other), hash(&id));
    }

    #[test]
    fn vault_ids_parse_to_the_same_again_and_are_equal_in_any_case(text in vault_ids()) {
        let id = VaultId::parse(&text).unwrap();
        prop_assert_eq!(&VaultId::parse(&id.to_string()).unwrap(), &id);
        let other = VaultId::parse(&other_case(&text)).unwrap();
        prop_assert_eq!(&other, &id);
        prop_assert_eq!(hash(&other), hash(&id));
    }

    #[test]
    fn ids_of_one_kind_are_not_of_the_other(cluster in cluster_ids(), vault in vault_ids()) {
        prop_assert!(VaultId::parse(&cluster).is_err());
        prop_assert!(ClusterId::parse(&vault).is_err());
    }

    #[test]
    fn network_modes_parse_in_any_case(
        text in "([pP][uU][bB][lL][iI][cC])|([pP][rR][iI][vV][aA][tT][eE])",
    ) {
        let mode: NetworkMode = text.parse().unwrap();
        prop_assert_eq!(mode.to_string().parse::<NetworkMode>().unwrap(), mode);
        prop_assert_eq!(mode.as_str(), text.to_ascii_lowercase());
    }

    #[test]
    fn versions_parse_to_the_same_again(major: u16, minor: u16, patch: Option<u16>) {
        let patch = patch.map_or(String::new(), |patch| format!(".{patch}"));
        let text = format!("{major}.{minor}{patch}");
        let version = KubernetesVersion::parse(&text).unwrap();
        prop_assert_eq!(version.to_string(), text);
        prop_assert_eq!((version.major(), version.minor()), (major, minor));
    }

    #[test]
    fn the_last_version_of_all_has_none_after_it(major: u16, patch: Option<u16>) {
        let patch = patch.map_or(String::new(), |patch| format!(".{patch}"));
        let last = KubernetesVersion::parse(&format!("{major}.65535{patch}")).unwrap();
        prop_assert_eq!(last.next_minor().minor(), u16::MAX);
        prop_assert_eq!(last.next(last, &[last]), None);
    }

    #[test]
    fn versions_are_ordered_by_number(left: (u16, u16, u16), right: (u16, u16, u16)) {
        let version = |(major, minor, patch): (u16, u16, u16)| {
            KubernetesVersion::parse(&format!("{major}.{minor}.{patch}")).unwrap()
        };
        prop_assert_eq!(version(left).cmp(&version(right)), left.cmp(&right));
    }
}
