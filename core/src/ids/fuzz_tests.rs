//! Identifiers and versions, as cluster, vault, record and caller write them.

use super::{ClusterId, IdentityId, KeyId, KubernetesVersion, VaultId};
use crate::{
    error::Error,
    testing::{Seen, Target},
};

const SUBSCRIPTION: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";

/// What is said of a text that is none is the crate's error.
fn seen<T>(parsed: Result<T, super::ParseError>) -> Seen {
    Seen::of(parsed.map_err(Error::from))
}

fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}

#[test]
fn fuzz_key_ids() {
    let documents = [
        "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef",
        "https://shop.vault.azure.net/keys/etcd",
        "HTTPS://Shop-1.vault.usgovcloudapi.net/Keys/a-B-9/FEDCBA9876543210fedcba9876543210",
    ];
    let target = Target {
        name: "key ids",
        documents: documents.map(Vec::from).to_vec(),
        read: 7,
        hidden: &[],
    };
    target.run(|input| {
        let parsed = KeyId::parse(&text(input));
        if let Ok(key_id) = &parsed {
            assert_eq!(key_id.as_str(), text(input));
            let version = key_id.version().map(|version| format!("/{version}"));
            let parts =
                format!("{}/keys/{}{}", key_id.host(), key_id.name(), version.unwrap_or_default());
            assert!(parts.eq_ignore_ascii_case(&key_id.as_str()["https://".len()..]), "{parts}");
            assert_eq!(key_id.without_version().version(), None);
            assert_eq!(
                KeyId::parse(key_id.without_version().as_str()).unwrap().name(),
                key_id.name()
            );
            let json = serde_json::to_string(key_id).unwrap();
            assert_eq!(serde_json::from_str::<KeyId>(&json).unwrap().as_str(), key_id.as_str());
            assert!(format!("{}.{}", key_id.vault_name(), key_id.vault_suffix()) == key_id.host());
        }
        seen(parsed)
    });
}

#[test]
fn fuzz_resource_ids() {
    let documents = [
        "/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod",
        "/resourcegroups/Größe_(1).x/providers/microsoft.containerservice/managedclusters/a-b",
        "/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop",
        "/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/control",
    ];
    let target = Target {
        name: "resource ids",
        documents: documents.map(|id| format!("{SUBSCRIPTION}{id}").into_bytes()).to_vec(),
        read: 4,
        hidden: &[],
    };
    target.run(|input| {
        let text = text(input);
        let cluster = ClusterId::parse(&text);
        if let Ok(id) = &cluster {
            assert_eq!(ClusterId::parse(&id.to_string()).as_ref(), Ok(id));
            let again = ClusterId::new(id.subscription_id(), id.resource_group(), id.name());
            assert_eq!(again.as_ref(), Ok(id));
            assert_eq!(id.to_string().matches('/').count(), 8);
        }
        let vault = VaultId::parse(&text);
        if let Ok(id) = &vault {
            assert_eq!(VaultId::parse(&id.to_string()).as_ref(), Ok(id));
        }
        let identity = IdentityId::parse(&text);
        if let Ok(id) = &identity {
            assert_eq!(IdentityId::parse(&id.to_string()).as_ref(), Ok(id));
        }
        let kinds = [cluster.is_ok(), vault.is_ok(), identity.is_ok()];
        assert!(kinds.into_iter().filter(|is| *is).count() <= 1, "{text}");
        if vault.is_ok() || identity.is_ok() { Seen::Read } else { seen(cluster) }
    });
}

#[test]
fn fuzz_kubernetes_versions() {
    let documents = ["1.33", "1.33.3", "1.27.0", "65535.65535.65535"];
    let target = Target {
        name: "Kubernetes versions",
        documents: documents.map(Vec::from).to_vec(),
        read: 8,
        hidden: &[],
    };
    let offered = ["1.34.1", "1.65535", "65535.65535.65535"]
        .map(|version| KubernetesVersion::parse(version).unwrap());
    target.run(|input| {
        let parsed = KubernetesVersion::parse(&text(input));
        if let Ok(version) = parsed {
            assert_eq!(KubernetesVersion::parse(&version.to_string()), Ok(version));
            assert!(version.next_minor() >= version || version.minor() == u16::MAX);
            for goal in offered {
                let next = version.next(goal, &offered);
                assert!(next.is_none_or(|next| next > version && offered.contains(&next)));
            }
        }
        seen(parsed)
    });
}
