//! Identifiers and the words that arguments are made of: parsed once at the edge, then passed as they are.

mod expected_key;
#[cfg(test)]
mod fuzz_tests;
mod key_id;
mod kubernetes_version;
mod network_mode;
mod node_pools;
mod parse_error;
mod resource_id;
#[cfg(test)]
mod tests;
mod text_enum;
mod vault_access;
mod vault_authorization;
mod verb;
mod version_in_use;

pub use expected_key::ExpectedKey;
pub use key_id::KeyId;
pub(crate) use key_id::hex;
pub use kubernetes_version::KubernetesVersion;
pub use network_mode::NetworkMode;
pub use node_pools::NodePools;
pub use parse_error::ParseError;
pub use resource_id::{ClusterId, IdentityId, VaultId};
#[cfg(feature = "bindings")]
pub(crate) use text_enum::{Time, schema_as_text};
pub(crate) use text_enum::{by_name, serde_as_text, text_enum};
pub use vault_access::VaultAccess;
pub use vault_authorization::VaultAuthorization;
pub use verb::Verb;
pub(crate) use version_in_use::VersionInUse;
