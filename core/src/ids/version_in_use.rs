//! The version of a customer-managed key that is in use.

use super::KeyId;

/// The version of a customer-managed key that API servers write with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct VersionInUse {
    pub(crate) key_id: KeyId,
    /// The vault has no newer one: AKS moves on only when one is made.
    pub(crate) is_newest: bool,
}
