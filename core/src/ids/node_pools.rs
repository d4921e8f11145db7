//! What becomes of node pools in an upgrade.

use super::text_enum::text_enum;

text_enum! {
    /// What `migrate_to_v2` does with the node pools.
    #[derive(Default)]
    pub enum NodePools("node_pools") {
        /// They follow the control plane, after each of its upgrades.
        #[default]
        Upgrade = "upgrade",
        /// They stay at their version.
        Keep = "keep",
    }
}
