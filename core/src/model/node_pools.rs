//! What becomes of node pools in an upgrade.

use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

/// What `migrate_to_v2` does with the node pools.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodePools {
    /// They follow the control plane, after each of its upgrades.
    #[default]
    Upgrade,
    /// They stay at their version.
    Keep,
}

text_enum!(NodePools, "node_pools": Upgrade = "upgrade", Keep = "keep");
