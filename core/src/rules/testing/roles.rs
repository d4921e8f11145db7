//! The roles that the cluster's identity has at the vault.

use super::{PRINCIPAL, VAULT};
use crate::facts::RoleGrant;

/// A role with these data actions.
pub(crate) fn role(name: &str, data_actions: &[&str]) -> RoleGrant {
    RoleGrant {
        role: name.to_owned(),
        scope: VAULT.to_owned(),
        principal_id: PRINCIPAL.to_owned(),
        conditional: false,
        actions: Vec::new(),
        not_actions: Vec::new(),
        data_actions: data_actions.iter().map(ToString::to_string).collect(),
        not_data_actions: Vec::new(),
    }
}

pub(crate) fn crypto_user() -> RoleGrant {
    role(
        "Key Vault Crypto User",
        &[
            "read",
            "update/action",
            "backup/action",
            "encrypt/action",
            "decrypt/action",
            "wrap/action",
            "unwrap/action",
            "sign/action",
            "verify/action",
        ]
        .map(|action| format!("Microsoft.KeyVault/vaults/keys/{action}"))
        .each_ref()
        .map(String::as_str),
    )
}

pub(crate) fn crypto_service_encryption_user() -> RoleGrant {
    role(
        "Key Vault Crypto Service Encryption User",
        &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
        ],
    )
}

pub(crate) fn key_vault_contributor() -> RoleGrant {
    RoleGrant {
        actions: vec![
            "Microsoft.Authorization/*/read".to_owned(),
            "Microsoft.KeyVault/*".to_owned(),
        ],
        not_actions: vec!["Microsoft.KeyVault/locations/deletedVaults/purge/action".to_owned()],
        ..role("Key Vault Contributor", &[])
    }
}

pub(crate) fn key_vault_reader() -> RoleGrant {
    RoleGrant {
        actions: vec![
            "Microsoft.KeyVault/checkNameAvailability/read".to_owned(),
            "Microsoft.KeyVault/vaults/*/read".to_owned(),
        ],
        ..role("Key Vault Reader", &["Microsoft.KeyVault/vaults/*/read"])
    }
}
