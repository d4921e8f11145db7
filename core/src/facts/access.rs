//! What is known of the cluster identity's rights on the vault.

use std::fmt;

use crate::facts::Fact;

/// The cluster's control plane identity and what it may do with the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessFacts {
    /// How it shows that the identity does not exist any more. `None`: it does, or it cannot be
    /// seen.
    pub(crate) identity_missing: Option<String>,
    pub(crate) principal_id: Fact<String>,
    pub(crate) tenant_id: Fact<String>,
    /// Roles of the identity, its groups included, at the key and every scope above it.
    /// For a vault with access policies they matter in private mode only: for the private link.
    pub(crate) roles: Fact<Vec<RoleGrant>>,
}

/// What is known of a user-assigned identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IdentityFacts {
    pub(crate) principal_id: String,
    pub(crate) tenant_id: String,
}

/// A role that a principal holds somewhere.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct HeldRole {
    pub(crate) role: String,
    pub(crate) scope: String,
}

/// A built-in role that the cluster's identity needs on its vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum VaultRole {
    /// To encrypt and decrypt with its keys.
    CryptoUser,
    /// To approve private endpoint connections.
    Contributor,
    /// To read its keys through Resource Manager.
    Reader,
}

impl VaultRole {
    /// Name of the role's definition, the same everywhere in Azure.
    pub(crate) const fn definition(self) -> &'static str {
        match self {
            Self::CryptoUser => "12338af0-0e69-4776-bea7-57ae8d297424",
            Self::Contributor => "f25e0fa2-a7c8-4377-a976-54943a77a395",
            Self::Reader => "21090545-7ca7-4776-b22c-e363652d74d2",
        }
    }
}

impl fmt::Display for VaultRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CryptoUser => "Key Vault Crypto User",
            Self::Contributor => "Key Vault Contributor",
            Self::Reader => "Key Vault Reader",
        })
    }
}

/// A role assignment with the role's definition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RoleGrant {
    /// `properties.roleName` of the definition.
    pub(crate) role: String,
    pub(crate) scope: String,
    /// Whom the role is assigned to: the identity, or a group that it is in.
    pub(crate) principal_id: String,
    /// The assignment has a condition, which is not evaluated here.
    pub(crate) conditional: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) not_actions: Vec<String>,
    pub(crate) data_actions: Vec<String>,
    pub(crate) not_data_actions: Vec<String>,
}
