//! What other clusters need.

use super::*;
use crate::rules::testing::CLUSTER;

const OTHER_CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/staging";

#[test]
fn other_clusters_are_named() {
    let user = |id: &str, key: &str, mode| ClusterWithKms {
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
    let private =
        Fact::Known(vec![ClusterWithKms { network_mode: Some(NetworkMode::Private), ..public }]);
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
fn a_key_of_the_same_vault_may_be_the_one_before_of_another_cluster() {
    let staging = |key: &str| {
        Fact::Known(vec![ClusterWithKms {
            id: OTHER_CLUSTER.to_owned(),
            key_id: key.to_owned(),
            network_mode: Some(NetworkMode::Public),
            identities: Vec::new(),
        }])
    };
    let disable = Action::DisableKey { key_id: key_id(KEY_0) };
    let expire = Action::ExpireKey { key_id: key_id(KEY_0) };
    for action in [delete_key(KEY_0), disable, expire] {
        for used in [KEY_1, "https://shop-keys.vault.azure.net/keys/disks/1"] {
            let findings = judge(&rotated(), &action, &staging(used));
            assert_eq!(answers(&findings), [(KeyStillNeeded, UNDETERMINED_REFUSED)], "{action}");
            assert_eq!(findings[0].resource, OTHER_CLUSTER);
            assert!(findings[0].remedy.contains("check_action"), "{}", findings[0].remedy);
        }
    }
    let elsewhere = staging("https://other-keys.vault.azure.net/keys/etcd/1");
    assert_eq!(judge(&rotated(), &delete_key(KEY_0), &elsewhere), []);
}
