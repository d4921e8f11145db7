//! Deleting identities and removing roles.

use super::*;
use crate::{facts::AccessPolicy, rules::testing::PRINCIPAL};

const IDENTITY: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/prod";
const NOBODY: &str = "11111111-2222-3333-4444-555555555555";

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
