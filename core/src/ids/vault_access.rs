//! What becomes of a vault's public network access.

use super::text_enum::text_enum;

text_enum! {
    /// What `change_network_mode` does with the vault's public network access.
    #[derive(Default)]
    pub enum VaultAccess("vault_access") {
        /// It is closed once the private way is proven, and opened before the public way is taken.
        #[default]
        Change = "change",
        /// It is left to its owner.
        Keep = "keep",
    }
}
