use super::*;
use crate::{
    catalogue::RuleId::*,
    ledger::Fit,
    model::{
        AccessPolicy, Action, Fact, IdentityId, KeyId, KmsUser, KubernetesVersion, NetworkMode,
        VaultId,
    },
    rules::{
        Guarded, guard,
        testing::{
            CLUSTER, KEY_0, KEY_1, KEY_2, KEY_3, PRINCIPAL, VAULT, entry, kms_on, plaintext_entry,
            proven, recorded, unknown,
        },
    },
};

const IDENTITY: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/prod";
const OTHER_IDENTITY: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other";
const OTHER_VAULT: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/other-keys";
const OTHER_CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/staging";
const GROUP: &str = "9d3c6a0c-2b5e-4f6e-8a9b-7c1d2e3f4a5b";
const NOBODY: &str = "11111111-2222-3333-4444-555555555555";

fn key_id(key_id: &str) -> KeyId {
    KeyId::parse(key_id).unwrap()
}

fn delete_key(id: &str) -> Action {
    Action::DeleteKey { key_id: key_id(id) }
}

fn vault_id(id: &str) -> VaultId {
    VaultId::parse(id).unwrap()
}

fn delete_vault(id: &str) -> Action {
    Action::DeleteVault { key_vault_id: vault_id(id) }
}

fn close_vault(id: &str) -> Action {
    Action::CloseVault { key_vault_id: vault_id(id) }
}

fn delete_identity(id: &str) -> Action {
    Action::DeleteIdentity { identity_id: IdentityId::parse(id).unwrap() }
}

fn remove_role(vault: &str, principal: &str) -> Action {
    Action::RemoveRole { key_vault_id: vault_id(vault), principal_id: principal.to_owned() }
}

/// The second key is in use and proven, the first was before, the one before that is retired.
fn rotated() -> World {
    let mut world = World::status();
    world.cluster().kms = Some(kms_on(KEY_2, NetworkMode::Public));
    let retired = [proven(entry(KEY_0))];
    let found = recorded(proven(entry(KEY_2)), Some(proven(entry(KEY_1))), &retired);
    world.observed.record = Some(Fact::Known(found));
    world
}

/// KMS was turned off, with everything proven.
fn disabled() -> World {
    let mut world = rotated();
    world.cluster().kms = None;
    let retired = [proven(entry(KEY_0))];
    let found = recorded(proven(plaintext_entry()), Some(proven(entry(KEY_1))), &retired);
    world.observed.record = Some(Fact::Known(found));
    (world.observed.vault, world.observed.key, world.observed.access) = (None, None, None);
    world
}

/// A cluster that never had KMS, and of which nothing is recorded.
fn plain() -> World {
    let mut world = disabled();
    let mut found = recorded(plaintext_entry(), None, &[]);
    found.fit = Fit::New;
    world.observed.record = Some(Fact::Known(found));
    world
}

fn without_record() -> World {
    let mut world = rotated();
    world.observed.record = Some(unknown());
    world
}

fn judge(world: &World, action: &Action, others: &Fact<Vec<KmsUser>>) -> Vec<Finding> {
    guard(&Guarded { action, observed: &world.observed, others })
}

/// With nobody else around.
fn alone(world: &World, action: &Action) -> Vec<Finding> {
    judge(world, action, &Fact::Known(Vec::new()))
}

use crate::model::Finding;

fn answers(findings: &[Finding]) -> Vec<(RuleId, Answer)> {
    findings
        .iter()
        .map(|finding| {
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
            let answer = match finding.state {
                FindingState::Violated => Answer::Violated(finding.level, finding.overridable),
                FindingState::Undetermined => Answer::Undetermined(finding.level),
            };
            (finding.rule, answer)
        })
        .collect()
}

type ActionCase = (&'static str, fn() -> World, Action, Answer);

fn check_all(rule: RuleId, cases: Vec<ActionCase>) {
    for (name, world, action, expected) in cases {
        let world = world();
        let findings = alone(&world, &action);
        let expected = if expected == Answer::Holds { Vec::new() } else { vec![(rule, expected)] };
        assert_eq!(answers(&findings), expected, "{name}: {findings:#?}");
    }
}

#[test]
fn a_key_that_the_cluster_needs() {
    let capitals = KEY_2.to_uppercase().replace("HTTPS", "https").replace("/KEYS/", "/keys/");
    let every_version = "https://shop-keys.vault.azure.net/keys/etcd";
    let another = "https://shop-keys.vault.azure.net/keys/another";
    check_all(
        KeyStillNeeded,
        vec![
            ("it is in use", rotated, delete_key(KEY_2), REFUSED),
            ("it is in use, in capitals", rotated, delete_key(&capitals), REFUSED),
            ("it is in use, and no ledger can be read", without_record, delete_key(KEY_2), REFUSED),
            ("it was before the one in use", rotated, delete_key(KEY_1), REFUSED),
            (
                "disabling it is the same",
                rotated,
                Action::DisableKey { key_id: key_id(KEY_1) },
                REFUSED,
            ),
            (
                "letting it expire too",
                rotated,
                Action::ExpireKey { key_id: key_id(KEY_1) },
                REFUSED,
            ),
            ("it is retired and everything is proven", rotated, delete_key(KEY_0), Answer::Holds),
            (
                "it is retired, and no ledger can be read",
                without_record,
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            ("it was never the cluster's", rotated, delete_key(KEY_3), Answer::Holds),
            (
                "all versions of it, one of which is in use",
                rotated,
                delete_key(every_version),
                REFUSED,
            ),
            (
                "all versions of another key in the vault",
                rotated,
                delete_key(another),
                Answer::Holds,
            ),
            ("it was the last before KMS was turned off", disabled, delete_key(KEY_1), REFUSED),
            ("it was retired before KMS was turned off", disabled, delete_key(KEY_0), REFUSED),
            (
                "it was never the cluster's, whose KMS is off",
                disabled,
                delete_key(KEY_3),
                Answer::Holds,
            ),
            ("nothing is known of the cluster", plain, delete_key(KEY_1), UNDETERMINED_REFUSED),
            (
                "the profile that was turned off names it",
                || {
                    let mut world = plain();
                    let mut off = kms_on(KEY_1, NetworkMode::Public);
                    off.enabled = false;
                    world.cluster().kms = Some(off);
                    world
                },
                delete_key(KEY_1),
                REFUSED,
            ),
        ],
    );
}

#[test]
fn a_key_that_the_ledger_cannot_tell_of() {
    check_all(
        KeyStillNeeded,
        vec![
            (
                "no journal is kept",
                || {
                    let mut world = rotated();
                    world.observed.record = None;
                    world
                },
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "it is retired, and the key before is not known",
                || {
                    let mut world = rotated();
                    world.ledger().previous = None;
                    world
                },
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "it is retired, and an operation is unfinished",
                || {
                    let mut world = rotated();
                    world.ledger().pending = Some(entry(KEY_3));
                    world
                },
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "an unfinished operation changes to it",
                || {
                    let mut world = rotated();
                    world.ledger().pending = Some(entry(KEY_3));
                    world
                },
                delete_key(KEY_3),
                REFUSED,
            ),
            (
                "it is retired, and others changed the cluster meanwhile",
                || {
                    let mut world = rotated();
                    world.ledger().changed_by_others = true;
                    world
                },
                delete_key(KEY_0),
                UNDETERMINED,
            ),
        ],
    );
}

#[test]
fn a_vault_that_holds_a_needed_key() {
    check_all(
        VaultStillNeeded,
        vec![
            ("the key in use is in it", rotated, delete_vault(VAULT), REFUSED),
            ("no needed key is in it", rotated, delete_vault(OTHER_VAULT), Answer::Holds),
            (
                "no ledger can be read",
                without_record,
                delete_vault(OTHER_VAULT),
                UNDETERMINED_REFUSED,
            ),
            ("KMS is off and the last key is in it", disabled, delete_vault(VAULT), REFUSED),
            (
                "the key before the one in use is in it",
                || {
                    let mut world = rotated();
                    world.ledger().previous = Some(proven(entry(KEY_3)));
                    world
                },
                delete_vault(OTHER_VAULT),
                REFUSED,
            ),
        ],
    );
}

#[test]
fn the_identity_of_the_cluster() {
    check_all(
        IdentityStillNeeded,
        vec![
            ("KMS is on", rotated, delete_identity(IDENTITY), REFUSED),
            ("in capitals", rotated, delete_identity(&IDENTITY.to_uppercase()), REFUSED),
            ("KMS is off and there is a last key", disabled, delete_identity(IDENTITY), REFUSED),
            (
                "nothing is known of the cluster",
                plain,
                delete_identity(IDENTITY),
                UNDETERMINED_REFUSED,
            ),
            ("it is another's", rotated, delete_identity(OTHER_IDENTITY), Answer::Holds),
        ],
    );
}

#[test]
fn the_access_to_a_needed_key() {
    fn by_group(policies: bool) -> World {
        let mut world = rotated();
        world.vault().rbac = !policies;
        if policies {
            let keys = vec!["encrypt".to_owned(), "decrypt".to_owned()];
            let policy = AccessPolicy { object_id: GROUP.to_owned(), keys };
            world.vault().access_policies = vec![policy];
        } else if let Fact::Known(roles) = &mut world.access().roles {
            for role in roles {
                role.principal_id = GROUP.to_owned();
            }
        }
        world
    }
    check_all(
        AccessStillNeeded,
        vec![
            ("the identity's own", rotated, remove_role(VAULT, PRINCIPAL), REFUSED),
            ("the identity's own, with KMS off", disabled, remove_role(VAULT, PRINCIPAL), REFUSED),
            ("somebody else's", rotated, remove_role(VAULT, NOBODY), Answer::Holds),
            (
                "at a vault without a needed key",
                rotated,
                remove_role(OTHER_VAULT, PRINCIPAL),
                Answer::Holds,
            ),
            (
                "a group's that the identity is in",
                || by_group(false),
                remove_role(VAULT, GROUP),
                REFUSED,
            ),
            (
                "a policy of what may be a group of the identity",
                || by_group(true),
                remove_role(VAULT, GROUP),
                UNDETERMINED_REFUSED,
            ),
            (
                "roles that cannot be read",
                || {
                    let mut world = rotated();
                    world.access().roles = unknown();
                    world
                },
                remove_role(VAULT, NOBODY),
                UNDETERMINED_REFUSED,
            ),
        ],
    );
}

#[test]
fn a_vault_that_is_used_in_public_mode() {
    fn private() -> World {
        let mut world = rotated();
        world.cluster().kms = Some(kms_on(KEY_2, NetworkMode::Private));
        world.ledger().previous.as_mut().unwrap().network_mode = Some(NetworkMode::Private);
        world
    }
    check_all(
        VaultClosingInPublicUse,
        vec![
            ("the key in use is", rotated, close_vault(VAULT), REFUSED),
            ("both keys are used in private mode", private, close_vault(VAULT), Answer::Holds),
            ("no needed key is in it", rotated, close_vault(OTHER_VAULT), Answer::Holds),
            (
                "the key before the one in use is",
                || {
                    let mut world = private();
                    world.ledger().previous = Some(proven(entry(KEY_3)));
                    world
                },
                close_vault(OTHER_VAULT),
                REFUSED,
            ),
            (
                "how the key before is used is not known",
                || {
                    let mut world = private();
                    world.ledger().previous.as_mut().unwrap().network_mode = None;
                    world
                },
                close_vault(VAULT),
                UNDETERMINED_REFUSED,
            ),
            (
                "no ledger can be read",
                without_record,
                close_vault(OTHER_VAULT),
                UNDETERMINED_REFUSED,
            ),
        ],
    );
}

#[test]
fn stopping_the_cluster() {
    fn with(mode: Option<NetworkMode>, vnet_integration: bool) -> World {
        let mut world = rotated();
        let mut profile = kms_on(KEY_2, NetworkMode::Private);
        profile.network_mode = mode;
        world.cluster().kms = Some(profile);
        world.cluster().vnet_integration = vnet_integration;
        world
    }
    check_all(
        StopWithPrivateVault,
        vec![
            ("the vault is public", rotated, Action::StopCluster, Answer::Holds),
            ("KMS is off", disabled, Action::StopCluster, Answer::Holds),
            (
                "the vault is private",
                || with(Some(NetworkMode::Private), false),
                Action::StopCluster,
                REFUSED,
            ),
            (
                "the vault is private, with VNet integration",
                || with(Some(NetworkMode::Private), true),
                Action::StopCluster,
                Answer::Holds,
            ),
            (
                "the cluster does not say",
                || with(None, false),
                Action::StopCluster,
                UNDETERMINED_REFUSED,
            ),
        ],
    );
}

#[test]
fn scaling_upgrading_and_moving() {
    fn v1() -> World {
        let mut world = rotated();
        world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.6").unwrap();
        world
    }
    let to_zero = || Action::ScaleToZero { node_pool: "system".to_owned() };
    check_all(
        ScaleToZero,
        vec![
            ("KMS is on", rotated, to_zero(), REFUSED),
            ("KMS is off", disabled, to_zero(), Answer::Holds),
        ],
    );
    let upgrade =
        |to: &str| Action::Upgrade { kubernetes_version: KubernetesVersion::parse(to).unwrap() };
    check_all(
        KmsV1UpgradeBlocked,
        vec![
            ("KMS v1 to 1.27", v1, upgrade("1.27"), REFUSED),
            ("KMS v1 to a patch of 1.27", v1, upgrade("1.27.3"), REFUSED),
            ("KMS v1 within 1.26", v1, upgrade("1.26.10"), Answer::Holds),
            ("KMS v2", rotated, upgrade("1.34"), Answer::Holds),
            ("KMS is off", disabled, upgrade("1.27"), Answer::Holds),
        ],
    );
    check_all(
        TenantMove,
        vec![
            ("KMS is on", rotated, Action::MoveTenant, REFUSED),
            ("KMS is off and there is a last key", disabled, Action::MoveTenant, REFUSED),
            ("nothing is known of the cluster", plain, Action::MoveTenant, UNDETERMINED_REFUSED),
        ],
    );
}

#[test]
fn other_clusters_are_named() {
    let user = |id: &str, key: &str, mode| KmsUser {
        id: id.to_owned(),
        key_id: key.to_owned(),
        network_mode: Some(mode),
        identities: vec![(OTHER_IDENTITY.to_owned(), Some(GROUP.to_owned()))],
    };
    let public = user(OTHER_CLUSTER, KEY_0, NetworkMode::Public);
    let others = Fact::Known(vec![user(CLUSTER, KEY_0, NetworkMode::Public), public.clone()]);
    let world = rotated();
    for (action, rule) in [
        (delete_key(KEY_0), KeyStillNeeded),
        (delete_key("https://shop-keys.vault.azure.net/keys/etcd"), KeyStillNeeded),
        (delete_vault(VAULT), VaultStillNeeded),
        (close_vault(VAULT), VaultClosingInPublicUse),
        (delete_identity(OTHER_IDENTITY), IdentityStillNeeded),
        (remove_role(VAULT, GROUP), AccessStillNeeded),
    ] {
        let findings = judge(&world, &action, &others);
        let named: Vec<_> =
            findings.iter().filter(|finding| finding.resource == OTHER_CLUSTER).collect();
        assert_eq!(named.len(), 1, "{action}: {findings:#?}");
        assert_eq!((named[0].rule, named[0].level), (rule, Level::Block));
        assert!(findings.iter().all(|finding| finding.resource != CLUSTER), "{action}");
    }
    // In private mode it can do without the vault's public access.
    let private = Fact::Known(vec![KmsUser { network_mode: Some(NetworkMode::Private), ..public }]);
    let findings = judge(&world, &close_vault(VAULT), &private);
    assert!(findings.iter().all(|finding| finding.resource != OTHER_CLUSTER));
}

#[test]
fn other_clusters_that_cannot_be_seen_leave_it_open() {
    let world = rotated();
    let findings = judge(&world, &delete_key(KEY_0), &unknown());
    assert_eq!(answers(&findings), [(KeyStillNeeded, UNDETERMINED_REFUSED)]);
    assert!(findings[0].message.contains("whether another cluster uses it"));
}

#[test]
fn remedies_name_what_they_are_about() {
    let findings = alone(&rotated(), &delete_key(KEY_2));
    assert!(findings[0].remedy.contains("--vault-name shop-keys --name etcd"), "{findings:?}");
    let findings = alone(&rotated(), &Action::ScaleToZero { node_pool: "system".to_owned() });
    assert!(findings[0].remedy.contains("--cluster-name prod --name system"), "{findings:?}");
}
