//! Deleting, disabling and expiring keys.

use super::*;
use crate::rules::testing::KEY_3;

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
                    world.ledger().previous_uncertain = true;
                    world
                },
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
        ],
    );
}
