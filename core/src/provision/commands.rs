//! The `az` commands that make the same.

use time::OffsetDateTime;

use super::{look::Seen, wanted::Wanted};
use crate::{
    azure::KEY_VAULT_API_VERSION,
    facts::VaultRole,
    ids::{IdentityId, NetworkMode, VaultAuthorization},
};

pub(super) fn identity(id: &IdentityId, location: &str) -> String {
    format!(
        "az identity create --subscription {} --resource-group {} --name {} --location {}",
        id.subscription_id(),
        quoted(id.resource_group()),
        id.name(),
        quoted(location)
    )
}

pub(super) fn vault(wanted: &Wanted, location: &str) -> String {
    let id = &wanted.vault;
    let rbac = wanted.authorization == VaultAuthorization::Rbac;
    let access = match wanted.network_mode {
        NetworkMode::Public => "Enabled",
        NetworkMode::Private => "Disabled",
    };
    let firewall =
        if wanted.has_firewall() { " --default-action Deny --bypass AzureServices" } else { "" };
    let protection = match wanted.purge_protection {
        Some(false) => "",
        _ => " --enable-purge-protection true",
    };
    format!(
        "az keyvault create --subscription {} --resource-group {} --name {} --location {} \
         --enable-rbac-authorization {rbac} --public-network-access {access}{firewall}{protection}",
        id.subscription_id(),
        quoted(id.resource_group()),
        id.name(),
        quoted(location)
    )
}

pub(super) fn purge_protection(wanted: &Wanted) -> String {
    let id = &wanted.vault;
    format!(
        "az keyvault update --subscription {} --name {} --enable-purge-protection true",
        id.subscription_id(),
        id.name()
    )
}

/// Through Resource Manager: the vault itself makes keys only for those who reach it and have a right in it.
pub(super) fn key(wanted: &Wanted, expires: Option<OffsetDateTime>) -> String {
    let attributes = expires
        .map(|at| format!(", \"attributes\": {{\"exp\": {}}}", at.unix_timestamp()))
        .unwrap_or_default();
    let url =
        format!("{}/keys/{}?api-version={KEY_VAULT_API_VERSION}", wanted.vault, wanted.key.name());
    format!(
        "az rest --method put --url {} --body '{{\"properties\": {{\"kty\": \"RSA\", \"keySize\": {}{attributes}}}}}'",
        quoted(&url),
        wanted.key_size
    )
}

pub(super) fn role(wanted: &Wanted, seen: &Seen, role: VaultRole) -> String {
    format!(
        "az role assignment create --role \"{role}\" --assignee-object-id {} --assignee-principal-type ServicePrincipal \
         --scope {}",
        principal(seen),
        quoted(&wanted.vault.to_string())
    )
}

pub(super) fn policy(wanted: &Wanted, seen: &Seen) -> String {
    let id = &wanted.vault;
    format!(
        "az keyvault set-policy --subscription {} --name {} --key-permissions decrypt encrypt --object-id {}",
        id.subscription_id(),
        id.name(),
        principal(seen)
    )
}

/// The identity's object id, or the command that prints it once there is one.
fn principal(seen: &Seen) -> String {
    match &seen.identity {
        Some(identity) => identity.principal_id.clone(),
        None => format!(
            "$(az identity show --ids {} --query principalId --output tsv)",
            quoted(&seen.identity_id.to_string())
        ),
    }
}

/// As a shell takes it for one word. Names of Azure have no quotes in them.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{text}'") }
}
