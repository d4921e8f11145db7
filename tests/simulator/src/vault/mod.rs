//! Key Vault: vaults, their keys, who may use them, and the data plane.

pub(crate) mod access;
pub(crate) mod data_plane;
pub(crate) mod identity;
pub(crate) mod key;
pub(crate) mod material;
pub(crate) mod network;
mod refusal;
pub(crate) mod state;

pub(crate) use access::{KeyAction, User};
pub(crate) use key::{Key, KeyVersion};
pub(crate) use refusal::Refusal;
pub(crate) use state::Vault;
