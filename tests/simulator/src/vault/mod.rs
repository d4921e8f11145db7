//! Key Vault: vaults, their keys, who may use them, and the data plane.

pub(crate) mod access;
pub(crate) mod data_plane;
pub(crate) mod identity;
pub(crate) mod key;
pub(crate) mod material;
pub(crate) mod network;
mod refusal;
mod rotation_policy;
pub(crate) mod state;

pub(crate) use access::{KeyAction, User, Way};
pub(crate) use key::{Key, KeyVersion};
pub(crate) use refusal::Refusal;
pub(crate) use rotation_policy::RotationPolicy;
pub(crate) use state::Vault;
