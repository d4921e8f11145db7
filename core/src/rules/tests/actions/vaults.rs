//! Deleting vaults, and closing them to the internet.

use super::*;
use crate::rules::testing::KEY_3;

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
