//! Rules about arguments: judged before any request, but for the last, which needs the key.

use super::{
    Rule, RuleId,
    groups::{BLOCK, SETS_ANY_KEY_OR_STATUS, TAKES_KEY, TAKES_VAULT, TAKES_VERSION},
    pages,
};
use crate::ids::Verb;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId::KeyIdMalformed,
        summary: "A key id is `https://<vault host>/keys/<name>/<version>`, with nothing before, between or behind.",
        remedy: "Pass what `az keyvault key show --vault-name <vault> --name <key> --query key.kid -o tsv` prints.",
        url: pages::IDENTIFIERS,
        verbs: TAKES_KEY,
        violated_when: "the key id is malformed",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyIdVersionRequired,
        summary: "KMS etcd encryption needs a key id with a version; without one, AKS takes it for the newer experience, which cannot be undone.",
        remedy: "Pass the versioned id that `az keyvault key show --vault-name <vault> --name <key> --query key.kid -o tsv` prints.",
        url: pages::KEY_WITHOUT_VERSION,
        verbs: TAKES_VERSION,
        violated_when: "the key id lacks a version",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyIdVersionForbidden,
        summary: "A customer-managed key of KMS data encryption is named without a version: AKS follows it to its newest one.",
        remedy: "Pass the id without its last segment: `https://<vault host>/keys/<name>`; `az keyvault key show --vault-name <vault> --name <key> --query key.kid -o tsv` prints it with one.",
        url: pages::DATA_ENCRYPTION,
        verbs: &[Verb::SetDataEncryption, Verb::CreateCluster, Verb::Provision],
        violated_when: "the key id names a version",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyVaultIdRequired,
        summary: "In private mode AKS needs the vault's resource id, to make a private endpoint for it; with a customer-managed key it needs it in both modes.",
        remedy: "Pass key_vault_id: `az keyvault show --name <vault> --query id -o tsv` prints it.",
        url: pages::ENABLE_PRIVATELY,
        verbs: TAKES_VAULT,
        violated_when: "the vault's resource id is missing",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyVaultIdMalformed,
        summary: "A vault's resource id is `/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<vault>`.",
        remedy: "Pass what `az keyvault show --name <vault> --query id -o tsv` prints.",
        url: pages::VAULT_RESOURCE_ID,
        verbs: TAKES_VAULT,
        violated_when: "the vault's resource id is malformed",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyVaultIdMismatch,
        summary: "The key must lie in the vault that the resource id names.",
        remedy: "Pass the key's own vault: `az keyvault show --name <vault> --query id -o tsv`, where <vault> is the first label of the key id's host.",
        url: pages::ENABLE_PRIVATELY,
        verbs: TAKES_VAULT,
        violated_when: "the key lies in another vault",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyVaultCloudMismatch,
        summary: "The key must lie in a vault of the chosen cloud; managed HSMs are not documented for KMS, and no token is sent to another host.",
        remedy: "Pass a key of a vault in the cluster's cloud, or choose the cloud that the cluster is in; `az cloud show --query suffixes.keyvaultDns -o tsv` prints under what its vaults are.",
        url: pages::VAULT_HOSTS,
        verbs: TAKES_KEY,
        violated_when: "the vault is in another cloud",
        ..BLOCK
    },
    Rule {
        id: RuleId::KeyIdNotCanonical,
        summary: "The key id must be the vault's own `kid`, character by character: the KMS plugin hashes and compares the configured text; of a customer-managed key, the `kid` without its version.",
        remedy: "Pass the id exactly as `az keyvault key show --vault-name <vault> --name <key> --version <key version> --query key.kid -o tsv` prints it.",
        url: pages::KEY_ID,
        verbs: SETS_ANY_KEY_OR_STATUS,
        violated_when: "the key id differs from the vault's own kid",
        ..BLOCK
    },
];
