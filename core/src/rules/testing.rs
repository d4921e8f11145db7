//! A world for tests: healthy unless a case says otherwise.

mod record;
mod roles;
mod world;

use time::{Duration, OffsetDateTime, macros::datetime};

pub(crate) use self::{
    record::{entry, operation, plaintext_entry, platform_entry, proven, recorded, version_entry},
    roles::{
        crypto_service_encryption_user, crypto_user, key_vault_contributor, key_vault_reader, role,
    },
    world::World,
};
use crate::{
    facts::{
        AccessFacts, ClusterFacts, Fact, IdentityKind, KeyFacts, KeyVersion, KmsProfile,
        KubernetesFacts, Lookup, NodePoolFacts, UserAssignedIdentity, VaultFacts,
    },
    ids::{ClusterId, KeyId, KubernetesVersion, NetworkMode, VaultId},
    observed::{Observed, PreviousKey},
    report::KmsConfiguration,
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-08-01 12:00 UTC);
pub(crate) const CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/prod";
pub(crate) const VAULT: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop-keys";
pub(crate) const KEY_0: &str =
    "https://shop-keys.vault.azure.net/keys/etcd/00000000000000000000000000000000";
pub(crate) const KEY_1: &str =
    "https://shop-keys.vault.azure.net/keys/etcd/11111111111111111111111111111111";
pub(crate) const KEY_2: &str =
    "https://shop-keys.vault.azure.net/keys/etcd/22222222222222222222222222222222";
/// Without a version.
pub(crate) const KEY: &str = "https://shop-keys.vault.azure.net/keys/etcd";
/// In another vault.
pub(crate) const KEY_3: &str =
    "https://other-keys.vault.azure.net/keys/etcd/33333333333333333333333333333333";
pub(crate) const PRINCIPAL: &str = "5f2f2a0e-3c1b-4d1a-9a51-0a6a0d5a2b11";
pub(crate) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub(crate) const HOST: &str = "prod-dns-1a2b3c.hcp.westeurope.azmk8s.io";

/// A cluster without KMS, a vault with role-based access, a key, and an identity that may use it.
/// Everything was read, and no rule has anything to say.
pub(crate) fn observed() -> Observed {
    Observed {
        at: NOW,
        vault: Some(Fact::Known(Lookup::Found(vault()))),
        key: Some(Fact::Known(Lookup::Found(key(KEY_1)))),
        access: Some(access()),
        diagnostics: Some(Fact::Known(true)),
        ..Observed::of(cluster(), Fact::Known(kubernetes()))
    }
}

pub(crate) fn cluster() -> ClusterFacts {
    ClusterFacts {
        id: ClusterId::parse(CLUSTER).unwrap(),
        location: "westeurope".to_owned(),
        kubernetes_version: KubernetesVersion::parse("1.33.3").unwrap(),
        provisioning_state: "Succeeded".to_owned(),
        power_state: "Running".to_owned(),
        identity_kind: IdentityKind::UserAssigned,
        identities: vec![UserAssignedIdentity {
            resource_id: "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/prod".to_owned(),
            principal_id: Some(PRINCIPAL.to_owned()),
        }],
        kms: None,
        infrastructure_encryption: false,
        vnet_integration: false,
        private_cluster: false,
        hosts: vec![HOST.to_owned()],
        node_resource_group: "MC_shop_prod_westeurope".to_owned(),
        resource_uid: Some("66b9f0a5c2d4e10001a1b2c3".to_owned()),
        etag: Some("5e4b1d1a-6a35-4ff6-9e2b-5a1d7b8c9d0e".to_owned()),
        node_pools: vec![NodePoolFacts {
            name: "system".to_owned(),
            provisioning_state: "Succeeded".to_owned(),
            kubernetes_version: KubernetesVersion::parse("1.33.3").ok(),
            availability_set: false,
        }],
        basic_load_balancer: false,
        entra: false,
        tenant_id: None,
        system_principal_id: None,
    }
}

pub(crate) fn vault() -> VaultFacts {
    VaultFacts {
        id: VaultId::parse(VAULT).unwrap(),
        tenant_id: TENANT.to_owned(),
        rbac: true,
        access_policies: Vec::new(),
        public_network_access: true,
        firewall: false,
        trusted_services: true,
        perimeter: false,
        soft_delete: true,
        purge_protection: true,
        private_endpoint_connections: Vec::new(),
        is_ready: true,
    }
}

pub(crate) fn access() -> AccessFacts {
    AccessFacts {
        identity_missing: None,
        principal_id: Fact::Known(PRINCIPAL.to_owned()),
        tenant_id: Fact::Known(TENANT.to_owned()),
        roles: Fact::Known(vec![crypto_user(), key_vault_contributor()]),
    }
}

/// The key before the one in use, in good order.
pub(crate) fn previous_key(key_id: &str) -> PreviousKey {
    PreviousKey {
        key_id: KeyId::parse(key_id).unwrap(),
        vault: Fact::Known(Lookup::Found(vault())),
        key: Fact::Known(Lookup::Found(key(key_id))),
        access: access(),
    }
}

pub(crate) fn key(kid: &str) -> KeyFacts {
    KeyFacts {
        kid: kid.to_owned(),
        kind: "RSA".to_owned(),
        operations: ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
            .map(str::to_owned)
            .to_vec(),
        enabled: true,
        created: Some(NOW - Duration::days(30)),
        expires: Some(NOW + Duration::days(365)),
        not_before: Some(NOW - Duration::days(1)),
        rotation_expiry: Fact::Known(None),
    }
}

pub(crate) fn kubernetes() -> KubernetesFacts {
    KubernetesFacts {
        host: HOST.to_owned(),
        node_resource_groups: Fact::Known(vec!["/subscriptions/8ECADFC9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/mc_shop_prod_westeurope".to_owned()]),
        konnectivity: Fact::Known(true),
        missing_permissions: Fact::Known(Vec::new()),
        metrics: Fact::Known(true),
        written_hashes: Fact::Known(Vec::new()),
        missing_namespaces: Vec::new(),
        secrets: Fact::Known(300),
        mean_secret_bytes: None,
        unreadable: None,
        denied_patches: Fact::Known(Vec::new()),
        denied_canary: Fact::Known(None),
    }
}

/// A KMS configuration to ask for; in private mode with the vault's resource id.
pub(crate) fn target_of(key_id: &str, network_mode: NetworkMode) -> KmsConfiguration {
    let private = network_mode == NetworkMode::Private;
    KmsConfiguration {
        key_id: KeyId::parse(key_id).unwrap(),
        network_mode,
        key_vault_id: private.then(|| VaultId::parse(VAULT).unwrap()),
    }
}

/// A customer-managed key, with its vault.
pub(crate) fn customer_managed_of(key_id: &str, network_mode: NetworkMode) -> KmsConfiguration {
    let key_vault_id = VaultId::parse(VAULT).ok();
    KmsConfiguration { key_vault_id, ..target_of(key_id, network_mode) }
}

/// A version of a key, made that many days ago.
pub(crate) fn key_version(kid: &str, days: i64) -> KeyVersion {
    KeyVersion {
        key_id: KeyId::parse(kid).unwrap(),
        created: Some(NOW - Duration::days(days)),
        enabled: true,
        expires: None,
        not_before: None,
        operation: None,
    }
}

/// KMS on with this key.
pub(crate) fn kms_on(key_id: &str, network_mode: NetworkMode) -> KmsProfile {
    KmsProfile {
        enabled: true,
        key: Some(key_id.to_owned().into()),
        network_mode: Some(network_mode),
        vault: (network_mode == NetworkMode::Private).then(|| VAULT.to_owned().into()),
    }
}

/// A fact that could not be read.
pub(crate) fn unknown<T>() -> Fact<T> {
    Fact::Unknown("reading it was forbidden".to_owned())
}
