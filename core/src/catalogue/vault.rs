//! Rules about the vault, the key, and the cluster identity's access to it.

use super::{
    Rule, RuleId,
    groups::{
        BLOCK, BLOCK_UNLESS_ALLOWED, BLOCK_UNLESS_HOLDS, CHANGES_KMS_OR_STATUS, INFO,
        SETS_DATA_ENCRYPTION_PROVISIONS_OR_STATUS, SETS_KEY, SETS_KEY_PROVISIONS_OR_STATUS,
        USES_CUSTOMER_MANAGED_KEY, USES_CUSTOMER_MANAGED_KEY_OR_PROVISIONS, USES_KEY,
        USES_KEY_OR_PROVISIONS, WARN,
    },
    pages,
};
use crate::ids::Verb;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId::VaultNotFound,
        summary: "The key's vault must exist.",
        remedy: "Check the vault's name and resource group (`az keyvault show --name <vault> --query id`); a vault that was deleted shows in `az keyvault list-deleted --resource-type vault` and comes back with `az keyvault recover --name <vault>`; away from a vault in use that is gone for good, `rotate` to a key in another vault.",
        url: pages::LIMITATIONS,
        verbs: USES_KEY,
        violated_when: "the vault is missing",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultSoftDeleted,
        summary: "The key's vault was deleted; until it is purged it can be recovered with its keys.",
        remedy: "Recover it, `az keyvault recover --name <vault>`, then grant its roles again: recovery does not bring them back.",
        url: pages::RECOVERY,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the vault was deleted",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultOtherTenant,
        summary: "The vault must be in the tenant of the cluster's identity.",
        remedy: "Use a vault of the cluster's own tenant: `az keyvault create --name <new vault> --resource-group <group> --enable-purge-protection true`.",
        url: pages::LIMITATIONS,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the vault is in another tenant than the cluster's identity",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultFirewall,
        summary: "In public mode the vault's firewall must not deny by default: it would block the KMS plugin.",
        remedy: "Open it, `az keyvault update --name <vault> --default-action Allow`, or use private mode.",
        url: pages::LIMITATIONS,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the vault's firewall denies by default",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultPublicAccessDisabled,
        summary: "In public mode the vault's public network access must be enabled: the KMS plugin has no other way to it.",
        remedy: "Open it, `az keyvault update --name <vault> --public-network-access Enabled`, or use private mode.",
        url: pages::LIMITATIONS,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the vault's public network access is disabled",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::VaultPurgeProtectionOff,
        summary: "Without soft delete and purge protection, a purged key makes the cluster's secrets unrecoverable.",
        remedy: "Turn it on, which cannot be undone: `az keyvault update --name <vault> --enable-purge-protection true`; what is deleted then stays recoverable with `az keyvault recover` and `az keyvault key recover`.",
        url: pages::RECOVERY,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the vault's keys can be purged",
        ..WARN
    },
    Rule {
        id: RuleId::KeyNotFound,
        summary: "The key and its version must exist in the vault.",
        remedy: "List the versions with `az keyvault key list-versions --vault-name <vault> --name <key> -o table`; a key that was deleted shows in `az keyvault key list-deleted --vault-name <vault>` and comes back with `az keyvault key recover --vault-name <vault> --name <key>`; away from a key in use that is gone for good, `rotate` to another key.",
        url: pages::VERSIONS,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key is missing",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeySoftDeleted,
        summary: "The key was deleted; until it is purged it can be recovered with all its versions.",
        remedy: "Recover it: `az keyvault key recover --vault-name <vault> --name <key>`.",
        url: pages::RECOVERY,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key was deleted",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyDisabled,
        summary: "The key version must be enabled: a disabled one neither encrypts nor decrypts.",
        remedy: "Enable it: `az keyvault key set-attributes --vault-name <vault> --name <key> --version <key version> --enabled true`.",
        url: pages::KEY_ATTRIBUTES,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key version is disabled",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyExpired,
        summary: "The key version must not have expired: an expired one does not encrypt, and API servers stop working with it.",
        remedy: "Extend it, `az keyvault key set-attributes --vault-name <vault> --name <key> --version <key version> --expires <date>`, then rotate to a new version.",
        url: pages::EXPIRED_KEY,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key version has expired",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyNotYetValid,
        summary: "The key version must be valid now: before its activation date it cannot be used.",
        remedy: "Set its activation date to the past: `az keyvault key set-attributes --vault-name <vault> --name <key> --version <key version> --not-before <date>`.",
        url: pages::KEY_ATTRIBUTES,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key version is not valid yet",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyExpiresSoon,
        summary: "The key version expires within 30 days; when it does, API servers stop working.",
        remedy: "Rotate to a new version before that, and keep this one valid until the rotation after; or extend it: `az keyvault key set-attributes --vault-name <vault> --name <key> --version <key version> --expires <date>`.",
        url: pages::EXPIRED_KEY,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key version expires soon",
        ..WARN
    },
    Rule {
        id: RuleId::KeyAge,
        summary: "The key in use is to be no older than when_older_than says; how old it is, the creation time of its version tells.",
        remedy: "Call `rotate` without a key id; with when_older_than it does nothing while the key in use is younger.",
        url: pages::ROTATE,
        verbs: &[Verb::Rotate, Verb::Status],
        violated_when: "the key in use is older than when_older_than",
        ..INFO
    },
    Rule {
        id: RuleId::KeyTypeUnsupported,
        summary: "The key must be an RSA key, in software or in an HSM.",
        remedy: "Create one: `az keyvault key create --vault-name <vault> --name <new key> --kty RSA --size 2048`.",
        url: pages::KEY_TYPES,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key is of another type than RSA",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyOpsMissing,
        summary: "The key's permitted operations must include encrypt and decrypt.",
        remedy: "Permit them: `az keyvault key set-attributes --vault-name <vault> --name <key> --version <key version> --ops encrypt decrypt`.",
        url: pages::KEY_OPERATIONS,
        verbs: USES_KEY_OR_PROVISIONS,
        violated_when: "the key may not both encrypt and decrypt",
        ..BLOCK
    },
    Rule {
        id: RuleId::AccessPolicyMissing,
        summary: "In a vault with access policies, the cluster's identity needs the key permissions encrypt and decrypt.",
        remedy: "Grant them: `az keyvault set-policy --name <vault> --key-permissions encrypt decrypt --object-id <principal id>`.",
        url: pages::KEY_ACCESS,
        verbs: USES_KEY,
        violated_when: "the cluster's identity lacks the key permissions encrypt and decrypt",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::AccessRoleMissing,
        summary: "In a vault with role-based access, the cluster's identity needs a role that may encrypt and decrypt with the key.",
        remedy: "Grant it: `az role assignment create --role \"Key Vault Crypto User\" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`, and allow a few minutes for it to arrive.",
        url: pages::KEY_ACCESS,
        verbs: USES_KEY,
        violated_when: "the cluster's identity lacks a role that may encrypt and decrypt",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::AccessRoleWrong,
        summary: "Key Vault Crypto Service Encryption User may only wrap and unwrap; AKS needs encrypt and decrypt.",
        remedy: "Grant the right role: `az role assignment create --role \"Key Vault Crypto User\" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`, and allow a few minutes for it to arrive.",
        url: pages::VAULT_ROLES,
        verbs: USES_KEY,
        violated_when: "the identity's roles may only wrap and unwrap",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::PreviousKeyUnusable,
        summary: "AKS uses two keys at a time: the previous one must stay usable until the next rotation, or API servers can go down; the key in use becomes the previous one when the key is changed.",
        remedy: "Make it usable again: enable or extend it with `az keyvault key set-attributes`, recover it with `az keyvault key recover` or its vault with `az keyvault recover`, reopen its vault, or grant the identity's access again; where it is gone for good, name previous-key-unusable in allow, and rotate to another key.",
        url: pages::ROTATE,
        verbs: CHANGES_KMS_OR_STATUS,
        violated_when: "the previous key is unusable",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::VaultDataPlaneUnreachable,
        summary: "To make a new key version, the vault must be in reach of this machine, and let it list, read and create keys.",
        remedy: "Run where the vault can be reached, with the right to its keys (role Key Vault Crypto Officer, or key permissions list, get and create); or make the version elsewhere, `az keyvault key rotate --vault-name <vault> --name <key>` (key permission rotate), and pass its id as key_id.",
        url: pages::PRIVATE_KEY,
        verbs: &[Verb::Rotate],
        violated_when: "the vault does not respond here",
        ..BLOCK
    },
    Rule {
        id: RuleId::PrivateEndpointNotApproved,
        summary: "In private mode a closed vault is reached only through an approved private endpoint connection from the cluster's node resource group.",
        remedy: "Approve it: `az keyvault private-endpoint-connection approve --vault-name <vault> --name <connection>`; the connections are in `az keyvault show --name <vault> --query properties.privateEndpointConnections`.",
        url: pages::VAULT_PRIVATE_LINK,
        verbs: CHANGES_KMS_OR_STATUS,
        violated_when: "the cluster's private endpoint connection is not approved",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultShared,
        summary: "Closing the vault's public access closes it for everything else that uses the vault.",
        remedy: "Look at `az keyvault key list --vault-name <vault> -o table` and at the vault's private endpoint connections (`az keyvault show --name <vault> --query properties.privateEndpointConnections`); pass vault_access = \"keep\" to leave the vault as it is.",
        url: pages::CLOSED_VAULT,
        verbs: &[Verb::ChangeNetworkMode],
        violated_when: "anything else uses the vault",
        ..INFO
    },
    Rule {
        id: RuleId::VaultDiagnosticsOff,
        summary: "Without diagnostic settings on the vault, no log of encryption and decryption is kept.",
        remedy: "Turn them on: `az monitor diagnostic-settings create --name kms --resource <vault id> --logs '[{\"category\": \"AuditEvent\", \"enabled\": true}]' --workspace <workspace id>`.",
        url: pages::DIAGNOSTICS,
        verbs: SETS_KEY_PROVISIONS_OR_STATUS,
        violated_when: "the vault has no diagnostic settings",
        ..INFO
    },
    Rule {
        id: RuleId::PrivateLinkRoleMissing,
        summary: "In private mode the cluster's identity needs Key Vault Contributor on the vault, to approve the private endpoint connection.",
        remedy: "Grant it: `az role assignment create --role \"Key Vault Contributor\" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`.",
        url: pages::PRIVATE_LINK_ROLE,
        verbs: SETS_KEY,
        violated_when: "the cluster's identity may not approve private endpoint connections of the vault",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::VaultNameTaken,
        summary: "The name of a key vault is unique in all of Azure, also for as long as a deleted one can be recovered.",
        remedy: "Pass another name as key_vault, or the resource id of the vault that is meant; `az keyvault list --query [].id` and `az keyvault list-deleted --resource-type vault` show your own.",
        url: pages::RECOVERY,
        verbs: &[Verb::Provision],
        violated_when: "the vault's name is taken",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyInClosedVault,
        summary: "Keys are not supported to be made or changed in a vault that is closed to the public and has no private endpoint.",
        remedy: "The key is made through Azure Resource Manager, which network rules of the vault do not concern; for what asks the vault itself, such as `rotate` without a key id, make a private endpoint to it and run there: `az network private-endpoint create --resource-group <group> --name kms --vnet-name <vnet> --subnet <subnet> --private-connection-resource-id <vault id> --group-id vault --connection-name kms`.",
        url: pages::PRIVATE_KEY,
        verbs: &[Verb::Provision],
        violated_when: "the vault that the key is to be made in is closed",
        ..WARN
    },
    Rule {
        id: RuleId::TrustedServicesOff,
        summary: "AKS reaches the closed vault of a customer-managed key as a trusted service of Azure, past the vault's firewall.",
        remedy: "Let trusted services in: `az keyvault update --name <vault> --bypass AzureServices`.",
        url: pages::DATA_ENCRYPTION_NETWORK,
        verbs: USES_CUSTOMER_MANAGED_KEY_OR_PROVISIONS,
        violated_when: "the vault keeps trusted services out",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultNotPrivate,
        summary: "In private mode the vault is meant to be closed to the public; open, it works as well, for everybody on the internet who has a token.",
        remedy: "Close it once the key is made: `az keyvault update --name <vault> --public-network-access Disabled --default-action Deny --bypass AzureServices`.",
        url: pages::DATA_ENCRYPTION_NETWORK,
        verbs: SETS_DATA_ENCRYPTION_PROVISIONS_OR_STATUS,
        violated_when: "the vault is open to the public",
        ..WARN
    },
    Rule {
        id: RuleId::VaultNetworkPerimeter,
        summary: "Trusted services do not pass a network security perimeter as they pass a vault's firewall: whether AKS gets to a customer-managed key in one is not known.",
        remedy: "Take the vault out of the perimeter, or use another one; `az keyvault show --name <vault> --query properties.publicNetworkAccess` says SecuredByPerimeter as long as it is in one.",
        url: pages::DATA_ENCRYPTION_NETWORK,
        verbs: SETS_DATA_ENCRYPTION_PROVISIONS_OR_STATUS,
        violated_when: "the vault is in a network security perimeter",
        ..WARN
    },
    Rule {
        id: RuleId::PrivateEndpointUnused,
        summary: "AKS reaches a customer-managed key without private endpoints: one of the vault is used by others, or left over from KMS with a versioned key.",
        remedy: "Leave it until every secret is proven to be under the new key and KMS with a versioned key is over; whether anything else uses it shows in `az keyvault show --name <vault> --query properties.privateEndpointConnections`.",
        url: pages::DATA_ENCRYPTION_LIMITATIONS,
        verbs: SETS_DATA_ENCRYPTION_PROVISIONS_OR_STATUS,
        violated_when: "the vault has private endpoint connections",
        ..INFO
    },
    Rule {
        id: RuleId::VaultReadRoleMissing,
        summary: "To follow a customer-managed key to its newest version, the cluster's identity needs a role that may read the vault's keys through Resource Manager; how AKS does without in public mode is not documented.",
        remedy: "Grant it: `az role assignment create --role \"Key Vault Reader\" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`, and allow a few minutes for it to arrive.",
        url: pages::DATA_ENCRYPTION_MIGRATION,
        verbs: USES_CUSTOMER_MANAGED_KEY,
        violated_when: "the cluster's identity may not read the vault's keys",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::NewestVersionUnusable,
        summary: "A customer-managed key is named without a version, which means its newest: that one must be enabled and valid.",
        remedy: "Make it usable, `az keyvault key set-attributes --vault-name <vault> --name <key> --version <version> --enabled true --not-before <date> --expires <date>`.",
        url: pages::DATA_ENCRYPTION_ROTATION,
        verbs: USES_CUSTOMER_MANAGED_KEY_OR_PROVISIONS,
        violated_when: "the newest version of the key is unusable",
        ..BLOCK
    },
    Rule {
        id: RuleId::OlderVersionUnusable,
        summary: "Secrets may be under an older version of a customer-managed key until they are proven to be under a newer one, and until then that version must work.",
        remedy: "Make it usable, `az keyvault key set-attributes --vault-name <vault> --name <key> --version <version> --enabled true --expires <date>`; `reencrypt_secrets` proves then which version every secret is under.",
        url: pages::DATA_ENCRYPTION_ROTATION,
        verbs: &[Verb::Rotate, Verb::SetDataEncryption, Verb::Status],
        violated_when: "an older version that may be in use is unusable",
        ..BLOCK
    },
    Rule {
        id: RuleId::NewestVersionUnproven,
        overridable: true,
        summary: "Before another version of a customer-managed key is made, the API servers must have been heard to write with the newest one: what becomes of two new versions at once is not documented.",
        remedy: "Call `resume` where an operation is unfinished; else `reencrypt_secrets`, which hears which version the API servers write with, records it and proves it; AKS looks for a newer one every six hours.",
        url: pages::DATA_ENCRYPTION_ROTATION,
        verbs: &[Verb::Rotate],
        violated_when: "the newest version of the key is not in use everywhere",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::KeyRotationExpiry,
        summary: "When a version of a customer-managed key expires that is in use, API servers stop working; a rotation policy that ends new versions makes that certain to come.",
        remedy: "Extend the version, `az keyvault key set-attributes --vault-name <vault> --name <key> --version <version> --expires <date>`, and leave the expiry out of the policy: `az keyvault key rotation-policy show --vault-name <vault> --name <key>` shows it, `az keyvault key rotation-policy update --vault-name <vault> --name <key> --value <policy file>` changes it.",
        url: pages::EXPIRED_KEY,
        verbs: USES_CUSTOMER_MANAGED_KEY_OR_PROVISIONS,
        violated_when: "versions of the key expire",
        ..WARN
    },
];
