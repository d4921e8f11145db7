//! A world for tests: healthy unless a case says otherwise.

use time::{Duration, OffsetDateTime, macros::datetime};

use super::{Question, judge};
use crate::{
    catalogue::RuleId,
    ledger::{Entry, Fit, Ledger, Marks, Reconciled, Record},
    model::{
        AccessFacts, ClusterFacts, ClusterId, Evidence, ExpectedKey, Fact, Finding, IdentityKind,
        KeyFacts, KeyId, KmsProfile, KubernetesFacts, KubernetesVersion, Lookup, NetworkMode,
        NodePoolFacts, ReencryptOptions, RoleGrant, Target, UserAssignedIdentity, VaultFacts,
        VaultId, Verb,
    },
    observed::{Observed, PreviousKey},
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
        cluster: cluster(),
        vault: Some(Fact::Known(Lookup::Found(vault()))),
        key: Some(Fact::Known(Lookup::Found(key(KEY_1)))),
        access: Some(access()),
        diagnostics: Some(Fact::Known(true)),
        versions: None,
        vault_keys: None,
        upgrades: None,
        kubernetes: Fact::Known(kubernetes()),
        record: None,
        previous: None,
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
        }],
        entra: false,
        tenant_id: None,
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
        soft_delete: true,
        purge_protection: true,
        private_endpoint_connections: Vec::new(),
    }
}

pub(crate) fn access() -> AccessFacts {
    AccessFacts {
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

/// A key in the ledger, used in public mode, of which nothing is proven.
pub(crate) fn entry(key_id: &str) -> Entry {
    Entry {
        since: Some(NOW - Duration::days(90)),
        network_mode: Some(NetworkMode::Public),
        ..Entry::unproven(&ExpectedKey::Key(KeyId::parse(key_id).unwrap()))
    }
}

/// Plaintext in the ledger, of which nothing is proven.
pub(crate) fn plaintext_entry() -> Entry {
    Entry { since: Some(NOW - Duration::days(90)), ..Entry::unproven(&ExpectedKey::Plaintext) }
}

/// Every secret is proven to be under it.
pub(crate) fn proven(entry: Entry) -> Entry {
    Entry {
        proven_at: Some(NOW - Duration::days(89)),
        evidence: Some(Evidence::Metrics),
        fence: Some("1000".to_owned()),
        ..entry
    }
}

/// The record of a cluster that nobody else changed.
pub(crate) fn recorded(current: Entry, previous: Option<Entry>, retired: &[Entry]) -> Reconciled {
    let cluster = cluster();
    Reconciled {
        record: Record {
            cluster: Marks {
                uid: "0c8a4a6e-6f5b-4f0a-9d0e-5b1c9d4f7a10".to_owned(),
                resource_uid: cluster.resource_uid,
                etag: cluster.etag,
            },
            ledger: Ledger {
                current: Some(current),
                pending: None,
                previous,
                retired: retired.to_vec(),
                changed_by_others: false,
            },
            operation: None,
        },
        fit: Fit::Unbroken,
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
        expires: Some(NOW + Duration::days(365)),
        not_before: Some(NOW - Duration::days(1)),
    }
}

pub(crate) fn kubernetes() -> KubernetesFacts {
    KubernetesFacts {
        host: HOST.to_owned(),
        node_resource_groups: Fact::Known(vec!["/subscriptions/8ECADFC9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/mc_shop_prod_westeurope".to_owned()]),
        konnectivity: Fact::Known(true),
        missing_permissions: Fact::Known(Vec::new()),
        metrics: Fact::Known(true),
        secrets: Fact::Known(300),
        mean_secret_bytes: None,
        denied_patches: Fact::Known(Vec::new()),
    }
}

/// A role with these data actions.
pub(crate) fn role(name: &str, data_actions: &[&str]) -> RoleGrant {
    RoleGrant {
        role: name.to_owned(),
        scope: VAULT.to_owned(),
        principal_id: PRINCIPAL.to_owned(),
        conditional: false,
        actions: Vec::new(),
        not_actions: Vec::new(),
        data_actions: data_actions.iter().map(ToString::to_string).collect(),
        not_data_actions: Vec::new(),
    }
}

pub(crate) fn crypto_user() -> RoleGrant {
    role(
        "Key Vault Crypto User",
        &[
            "read",
            "update/action",
            "backup/action",
            "encrypt/action",
            "decrypt/action",
            "wrap/action",
            "unwrap/action",
            "sign/action",
            "verify/action",
        ]
        .map(|action| format!("Microsoft.KeyVault/vaults/keys/{action}"))
        .each_ref()
        .map(String::as_str),
    )
}

pub(crate) fn crypto_service_encryption_user() -> RoleGrant {
    role(
        "Key Vault Crypto Service Encryption User",
        &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
        ],
    )
}

pub(crate) fn key_vault_contributor() -> RoleGrant {
    RoleGrant {
        actions: vec![
            "Microsoft.Authorization/*/read".to_owned(),
            "Microsoft.KeyVault/*".to_owned(),
        ],
        not_actions: vec!["Microsoft.KeyVault/locations/deletedVaults/purge/action".to_owned()],
        ..role("Key Vault Contributor", &[])
    }
}

/// A KMS configuration to ask for; in private mode with the vault's resource id.
pub(crate) fn target_of(key_id: &str, network_mode: NetworkMode) -> Target {
    let private = network_mode == NetworkMode::Private;
    Target {
        key_id: KeyId::parse(key_id).unwrap(),
        network_mode,
        key_vault_id: private.then(|| VaultId::parse(VAULT).unwrap()),
    }
}

/// KMS on with this key.
pub(crate) fn kms_on(key_id: &str, network_mode: NetworkMode) -> KmsProfile {
    KmsProfile {
        enabled: true,
        key_id: Some(key_id.to_owned()),
        network_mode: Some(network_mode),
        key_vault_id: (network_mode == NetworkMode::Private).then(|| VAULT.to_owned()),
    }
}

/// What a verb is asked in a world that a case may change.
pub(crate) struct World {
    pub(crate) verb: Verb,
    pub(crate) observed: Observed,
    pub(crate) target: Option<Target>,
    pub(crate) gate: bool,
    pub(crate) rewrites: bool,
    pub(crate) reencrypt: ReencryptOptions,
}

impl World {
    /// `enable` with the first key in public mode.
    pub(crate) fn enable() -> Self {
        Self {
            verb: Verb::Enable,
            observed: observed(),
            target: Some(target_of(KEY_1, NetworkMode::Public)),
            gate: true,
            rewrites: true,
            reencrypt: ReencryptOptions::default(),
        }
    }

    /// `enable` with the first key in private mode, in a cluster with VNet integration.
    pub(crate) fn enable_private() -> Self {
        let mut world = Self::enable();
        world.observed.cluster.vnet_integration = true;
        world.target = Some(target_of(KEY_1, NetworkMode::Private));
        world
    }

    /// `rotate` from the first key to the second in public mode. The key before is in good order.
    pub(crate) fn rotate() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::Rotate;
        world.observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_2))));
        world.target = Some(target_of(KEY_2, NetworkMode::Public));
        let found = recorded(proven(entry(KEY_1)), Some(proven(entry(KEY_0))), &[]);
        world.observed.record = Some(Fact::Known(found));
        world.observed.previous = Some(previous_key(KEY_0));
        world
    }

    /// `rotate` to a new version of the first key.
    pub(crate) fn rotate_to_new_version() -> Self {
        let mut world = Self::rotate();
        world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_1))));
        world.observed.versions = Some(Fact::Known(Vec::new()));
        let in_use = target_of(KEY_1, NetworkMode::Public);
        world.target = Some(Target { key_id: in_use.key_id.without_version(), ..in_use });
        world
    }

    /// `disable`, with the first key in use.
    pub(crate) fn disable() -> Self {
        let mut world = Self::status();
        world.verb = Verb::Disable;
        world.gate = true;
        world.rewrites = true;
        world
    }

    /// `reencrypt_secrets`, with the first key in use.
    pub(crate) fn reencrypt_secrets() -> Self {
        let mut world = Self::status();
        world.verb = Verb::ReencryptSecrets;
        world.rewrites = true;
        world
    }

    /// `status`, with the first key in use.
    pub(crate) fn status() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::Status;
        world.observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        world.target = None;
        world.gate = false;
        world.rewrites = false;
        world
    }

    pub(crate) fn cluster(&mut self) -> &mut ClusterFacts {
        &mut self.observed.cluster
    }

    pub(crate) fn vault(&mut self) -> &mut VaultFacts {
        match &mut self.observed.vault {
            Some(Fact::Known(Lookup::Found(vault))) => vault,
            other => panic!("there is no vault to change: {other:?}"),
        }
    }

    pub(crate) fn key(&mut self) -> &mut KeyFacts {
        match &mut self.observed.key {
            Some(Fact::Known(Lookup::Found(key))) => key,
            other => panic!("there is no key to change: {other:?}"),
        }
    }

    /// The key before the one in use.
    pub(crate) fn previous(&mut self) -> &mut PreviousKey {
        self.observed.previous.as_mut().unwrap()
    }

    /// The version before the one in use.
    pub(crate) fn previous_version(&mut self) -> &mut KeyFacts {
        match &mut self.previous().key {
            Fact::Known(Lookup::Found(key)) => key,
            other => panic!("there is no previous key to change: {other:?}"),
        }
    }

    /// The ledger of the record.
    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        match &mut self.observed.record {
            Some(Fact::Known(found)) => &mut found.record.ledger,
            other => panic!("there is no record to change: {other:?}"),
        }
    }

    pub(crate) fn access(&mut self) -> &mut AccessFacts {
        self.observed.access.as_mut().unwrap()
    }

    pub(crate) fn kubernetes(&mut self) -> &mut KubernetesFacts {
        match &mut self.observed.kubernetes {
            Fact::Known(kubernetes) => kubernetes,
            Fact::Unknown(why) => panic!("there is no API server to change: {why}"),
        }
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            verb: self.verb,
            observed: &self.observed,
            target: self.target.as_ref(),
            gate: self.gate,
            rewrites: self.rewrites,
            reencrypt: &self.reencrypt,
        }
    }

    pub(crate) fn judge(&self) -> Vec<Finding> {
        judge(&self.question())
    }

    pub(crate) fn rules(&self) -> Vec<RuleId> {
        self.judge().iter().map(|finding| finding.rule).collect()
    }
}

/// A fact that could not be read.
pub(crate) fn unknown<T>() -> Fact<T> {
    Fact::Unknown("reading it was forbidden".to_owned())
}
