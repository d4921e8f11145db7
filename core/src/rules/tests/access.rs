use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{AccessPolicy, Fact, IdentityKind},
    rules::testing::{
        PRINCIPAL, crypto_service_encryption_user, crypto_user, key_vault_contributor, role,
        unknown,
    },
};

const ENCRYPT: &str = "Microsoft.KeyVault/vaults/keys/encrypt/action";
const DECRYPT: &str = "Microsoft.KeyVault/vaults/keys/decrypt/action";

fn roles(world: &mut World, roles: Vec<crate::facts::RoleGrant>) {
    world.access().roles = Fact::Known(roles);
}

/// A vault with access policies: object ids with their key permissions.
fn policies(world: &mut World, policies: &[(&str, &[&str])]) {
    world.vault().rbac = false;
    world.vault().access_policies = policies
        .iter()
        .map(|(object_id, keys)| AccessPolicy {
            object_id: (*object_id).to_owned(),
            keys: keys.iter().map(ToString::to_string).collect(),
        })
        .collect();
}

#[test]
fn roles_on_the_key() {
    check(&[
        ("Crypto User may", World::enable, |_| {}, AccessRoleMissing, Answer::Holds),
        (
            "no role at all",
            World::enable,
            |world| roles(world, vec![]),
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "status tells that the role is gone",
            World::status,
            |world| roles(world, vec![]),
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "Contributor manages the vault, and may not use its keys",
            World::enable,
            |world| roles(world, vec![key_vault_contributor()]),
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "two roles may together",
            World::enable,
            |world| {
                roles(world, vec![role("Encrypter", &[ENCRYPT]), role("Decrypter", &[DECRYPT])]);
            },
            AccessRoleMissing,
            Answer::Holds,
        ),
        (
            "encrypt alone is not enough",
            World::enable,
            |world| roles(world, vec![role("Encrypter", &[ENCRYPT])]),
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "Administrator may by a wildcard",
            World::enable,
            |world| {
                roles(
                    world,
                    vec![role("Key Vault Administrator", &["Microsoft.KeyVault/vaults/*"])],
                );
            },
            AccessRoleMissing,
            Answer::Holds,
        ),
        (
            "a wildcard with an exception may not",
            World::enable,
            |world| {
                let mut almost = role("Almost", &["Microsoft.KeyVault/vaults/*"]);
                almost.not_data_actions = vec!["*/decrypt/action".to_owned()];
                roles(world, vec![almost]);
            },
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "another role may what one excepts",
            World::enable,
            |world| {
                let mut almost = role("Almost", &["Microsoft.KeyVault/vaults/*"]);
                almost.not_data_actions = vec!["*/decrypt/action".to_owned()];
                roles(world, vec![almost, crypto_user()]);
            },
            AccessRoleMissing,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn roles_that_cannot_be_judged() {
    check(&[
        (
            "an assignment with a condition cannot be judged",
            World::enable,
            |world| {
                let mut conditional = crypto_user();
                conditional.conditional = true;
                roles(world, vec![conditional]);
            },
            AccessRoleMissing,
            UNDETERMINED,
        ),
        (
            "an unconditional one next to it can",
            World::enable,
            |world| {
                let mut conditional = crypto_user();
                conditional.conditional = true;
                roles(world, vec![conditional, crypto_user()]);
            },
            AccessRoleMissing,
            Answer::Holds,
        ),
        (
            "roles cannot be read",
            World::enable,
            |world| world.access().roles = unknown(),
            AccessRoleMissing,
            UNDETERMINED,
        ),
        (
            "the identity's principal is unknown",
            World::enable,
            |world| world.access().principal_id = unknown(),
            AccessRoleMissing,
            UNDETERMINED,
        ),
        (
            "the vault cannot be read",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            AccessRoleMissing,
            UNDETERMINED,
        ),
    ]);
}

#[test]
fn the_role_that_only_wraps() {
    check(&[
        (
            "the role that only wraps",
            World::enable,
            |world| roles(world, vec![crypto_service_encryption_user()]),
            AccessRoleWrong,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "the role that only wraps is not also missing",
            World::enable,
            |world| roles(world, vec![crypto_service_encryption_user()]),
            AccessRoleMissing,
            Answer::Holds,
        ),
        (
            "the role that only wraps next to the right one",
            World::enable,
            |world| roles(world, vec![crypto_service_encryption_user(), crypto_user()]),
            AccessRoleWrong,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn policies_of_the_vault() {
    const GROUP: &str = "0d3f1c3a-7a52-4c0e-8f0a-6b0f0c1f9b77";
    check(&[
        (
            "a policy of the identity",
            World::enable,
            |world| policies(world, &[(PRINCIPAL, &["Encrypt", "Decrypt"])]),
            AccessPolicyMissing,
            Answer::Holds,
        ),
        (
            "a policy of the identity in capitals, with everything",
            World::enable,
            |world| policies(world, &[(&PRINCIPAL.to_uppercase(), &["all"])]),
            AccessPolicyMissing,
            Answer::Holds,
        ),
        (
            "no policy",
            World::enable,
            |world| policies(world, &[]),
            AccessPolicyMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "decrypt is missing",
            World::enable,
            |world| policies(world, &[(PRINCIPAL, &["get", "encrypt"])]),
            AccessPolicyMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "another's policy has it, who may be a group of the identity",
            World::enable,
            |world| policies(world, &[(PRINCIPAL, &["encrypt"]), (GROUP, &["decrypt"])]),
            AccessPolicyMissing,
            UNDETERMINED,
        ),
        (
            "another's policy does not have it either",
            World::enable,
            |world| policies(world, &[(PRINCIPAL, &["encrypt"]), (GROUP, &["encrypt", "get"])]),
            AccessPolicyMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "the identity's principal is unknown",
            World::enable,
            |world| {
                policies(world, &[]);
                world.access().principal_id = unknown();
            },
            AccessPolicyMissing,
            UNDETERMINED,
        ),
        (
            "a vault with policies needs no role",
            World::enable,
            |world| {
                policies(world, &[(PRINCIPAL, &["encrypt", "decrypt"])]);
                roles(world, vec![]);
            },
            AccessRoleMissing,
            Answer::Holds,
        ),
        (
            "a vault with roles needs no policy",
            World::enable,
            |_| {},
            AccessPolicyMissing,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn the_private_link() {
    check(&[
        (
            "Contributor may approve it",
            World::enable_private,
            |_| {},
            PrivateLinkRoleMissing,
            Answer::Holds,
        ),
        (
            "Crypto User may not",
            World::enable_private,
            |world| roles(world, vec![crypto_user()]),
            PrivateLinkRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "in public mode there is none",
            World::enable,
            |world| roles(world, vec![crypto_user()]),
            PrivateLinkRoleMissing,
            Answer::Holds,
        ),
        (
            "Owner may",
            World::enable_private,
            |world| {
                let mut owner = role("Owner", &[]);
                owner.actions = vec!["*".to_owned()];
                roles(world, vec![crypto_user(), owner]);
            },
            PrivateLinkRoleMissing,
            Answer::Holds,
        ),
        (
            "a role that excepts it may not",
            World::enable_private,
            |world| {
                let mut almost = key_vault_contributor();
                almost.not_actions.push("*/PrivateEndpointConnectionsApproval/*".to_owned());
                roles(world, vec![crypto_user(), almost]);
            },
            PrivateLinkRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "a conditional assignment cannot be judged",
            World::enable_private,
            |world| {
                let mut conditional = key_vault_contributor();
                conditional.conditional = true;
                roles(world, vec![crypto_user(), conditional]);
            },
            PrivateLinkRoleMissing,
            UNDETERMINED,
        ),
        (
            "roles cannot be read",
            World::enable_private,
            |world| world.access().roles = unknown(),
            PrivateLinkRoleMissing,
            UNDETERMINED,
        ),
    ]);
}

#[test]
fn without_an_identity_only_that_is_said() {
    for (identity_kind, roles) in
        [(IdentityKind::None, unknown()), (IdentityKind::SystemAssigned, Fact::Known(Vec::new()))]
    {
        let mut world = World::enable_private();
        world.cluster().identity_kind = identity_kind;
        world.access().roles = roles;
        world.access().tenant_id = unknown();
        assert_eq!(world.rules(), [ClusterIdentitySystemAssigned]);
    }
}
