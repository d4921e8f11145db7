//! Rules about what is done elsewhere: `check_action` judges it.

use super::{
    Rule, RuleId,
    groups::{BLOCK_UNLESS_HOLDS, GUARDS},
    pages,
};
use crate::ids::Verb;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId::KeyStillNeeded,
        summary: "A key that is current, pending or previous, or that was the last one before KMS was turned off, must not be deleted, purged, disabled or expired.",
        remedy: "Keep it until the cluster's ledger calls it removable; if it is deleted already, `az keyvault key recover --vault-name <vault> --name <key>`.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "the cluster still needs the key",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::VaultStillNeeded,
        summary: "A vault that holds a key which the cluster still needs must not be deleted.",
        remedy: "Rotate to a key in another vault, twice, before; if it is deleted already, `az keyvault recover --name <vault>`.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "the vault holds a key that the cluster still needs",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::IdentityStillNeeded,
        summary: "The cluster's identity must not be deleted while a key is needed, also after KMS was turned off.",
        remedy: "Keep the identity as long as the cluster; `az aks show --resource-group <group> --name <cluster> --query identity` names it.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "the cluster still needs the identity",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::AccessStillNeeded,
        summary: "The identity's access to a key must not be removed while the cluster needs the key, also after KMS was turned off.",
        remedy: "Keep it until the cluster's ledger calls the key removable; if it is removed already, `az role assignment create --role \"Key Vault Crypto User\" --assignee-object-id <principal id> --assignee-principal-type ServicePrincipal --scope <vault id>`.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "a key that the cluster still needs is reached by this access",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::StopWithPrivateVault,
        summary: "A cluster with KMS and a private vault but without API Server VNet Integration cannot be stopped and started.",
        remedy: "Turn on API Server VNet Integration before: `az aks update --resource-group <group> --name <cluster> --enable-apiserver-vnet-integration --apiserver-subnet-id <subnet id>`.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "the cluster could not be started again",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::ScaleToZero,
        summary: "With KMS on, scaling the nodes to zero through the scale-set API takes the cluster down for good.",
        remedy: "Scale through AKS instead: `az aks nodepool scale --resource-group <group> --cluster-name <cluster> --name <pool> --node-count <count>`.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "KMS is on",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::VaultClosingInPublicUse,
        summary: "A vault that a needed key is used from in public mode must keep its public network access and an open firewall.",
        remedy: "Use `change_network_mode(\"private\")`, which closes the vault once the private way is proven.",
        url: pages::NETWORK_MODE,
        verbs: &[Verb::ChangeNetworkMode, Verb::CheckAction],
        violated_when: "the vault is used in public mode",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::TrustedServicesStillNeeded,
        summary: "A vault that a needed customer-managed key is used from in private mode must let trusted services of Azure in: AKS has no other way to it.",
        remedy: "Leave it so: `az keyvault show --name <vault> --query properties.networkAcls.bypass` is to say AzureServices or nothing.",
        url: pages::DATA_ENCRYPTION_NETWORK,
        verbs: GUARDS,
        violated_when: "the vault is reached as a trusted service",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::TenantMove,
        summary: "Neither the vault nor the cluster can move to another tenant while a key is needed.",
        remedy: "Make a new cluster and vault in the other tenant and move the workloads.",
        url: pages::LIMITATIONS,
        verbs: GUARDS,
        violated_when: "the cluster still needs a key",
        ..BLOCK_UNLESS_HOLDS
    },
];
