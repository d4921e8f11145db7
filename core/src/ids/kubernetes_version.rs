//! Kubernetes versions as Azure Resource Manager gives them.

use std::{fmt, str::FromStr};

use super::{ParseError, text_enum::serde_as_text};

/// A Kubernetes version: major, minor and, where given, patch.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KubernetesVersion {
    major: u16,
    minor: u16,
    patch: Option<u16>,
}

impl KubernetesVersion {
    /// KMS v2 from here on: enabling KMS on 1.27 or later gives KMS v2.
    pub(crate) const KMS_V2: Self = Self { major: 1, minor: 27, patch: None };
    /// KMS data encryption from here on.
    pub(crate) const DATA_ENCRYPTION: Self = Self { major: 1, minor: 33, patch: None };
    /// From here on a private vault needs API Server VNet Integration without exception.
    pub(crate) const PRIVATE_NEEDS_VNET: Self = Self { major: 1, minor: 31, patch: None };

    /// What AKS takes for a new cluster where none is named is this or later.
    pub(crate) const OF_NEW_CLUSTERS: Self = Self { major: 1, minor: 32, patch: None };

    /// Reads `1.33` or `1.33.3`.
    ///
    /// # Errors
    /// [`ParseError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        fn number(part: &str) -> Option<u16> {
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten()
        }
        let mut parts = text.split('.');
        let version = (|| {
            let major = number(parts.next()?)?;
            let minor = number(parts.next()?)?;
            let patch = match parts.next() {
                Some(part) => Some(number(part)?),
                None => None,
            };
            parts.next().is_none().then_some(Self { major, minor, patch })
        })();
        version.ok_or_else(|| {
            let expected = "a version such as \"1.33\" or \"1.33.3\"";
            ParseError::new("kubernetes_version", text, expected, "")
        })
    }

    /// The first of the next minor version, without saying which patch.
    pub(crate) const fn next_minor(self) -> Self {
        Self { major: self.major, minor: self.minor.saturating_add(1), patch: None }
    }

    /// The next version on the way to `goal` among those that are offered: the lowest at or above
    /// the next minor version, and in the goal's own minor version the goal. A goal without a patch
    /// takes the lowest. `None`: no way is offered.
    pub(crate) fn next(self, goal: Self, offered: &[Self]) -> Option<Self> {
        let later = offered.iter().copied().filter(|version| *version > self);
        if goal.patch.is_some() && goal.minor <= self.minor.saturating_add(1) {
            return later.into_iter().find(|version| *version == goal);
        }
        let next = later.filter(|version| version.minor > self.minor).min()?;
        (goal.patch.is_none() || next <= goal).then_some(next)
    }

    /// How many minor versions node pools may be behind a control plane of this version.
    pub(crate) const fn pools_may_lag(self) -> u16 {
        if self.minor < 28 { 2 } else { 3 }
    }

    /// The major version.
    #[must_use]
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The minor version.
    #[must_use]
    pub const fn minor(self) -> u16 {
        self.minor
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        Ok(())
    }
}

impl FromStr for KubernetesVersion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

serde_as_text!(KubernetesVersion);
#[cfg(feature = "bindings")]
super::schema_as_text!(KubernetesVersion, "A version such as `1.33` or `1.33.3`.");
