//! How a vault decides who may use its keys.

use super::text_enum::text_enum;

text_enum! {
    /// How a key vault decides who may do what with its keys.
    #[derive(Default)]
    pub enum VaultAuthorization("authorization") {
        /// By Azure roles.
        #[default]
        Rbac = "rbac",
        /// By the access policies that the vault itself has.
        AccessPolicy = "access-policy",
    }
}
