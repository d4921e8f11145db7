//! What becomes of node pools in an upgrade.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

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

impl NodePools {
    /// The name: `upgrade` or `keep`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Keep => "keep",
        }
    }
}

impl fmt::Display for NodePools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NodePools {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "upgrade" => Ok(Self::Upgrade),
            "keep" => Ok(Self::Keep),
            _ => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("node_pools is {text:?}; pass \"upgrade\" or \"keep\""),
            )),
        }
    }
}
