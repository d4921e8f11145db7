//! How KMS data encryption behaves where no document says how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What AKS does with KMS data encryption in a case.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataEncryption {
    /// What becomes of it by a PUT that cannot or does not say anything of it: in an api-version that
    /// does not know the profile, or without any `securityProfile`. It is not documented.
    pub without_profile: WithoutProfile,
    /// New clusters of Kubernetes 1.33 and later have the platform's keys if they ask for nothing.
    pub by_default: bool,
    /// State of the feature `KMSPMKPreview` in the subscription.
    pub feature: String,
    /// Which versions of a customer's key its plugin can decrypt with. It is not documented.
    pub readable_versions: ReadableVersions,
    /// How long API servers keep the provider of before. It is not documented.
    pub old_provider: OldProvider,
    /// When an operation ends that changes the key. It is not documented.
    pub operation_ends: OperationEnds,
    /// How long AKS takes to rewrite the secrets after it changed the key, in seconds, before the
    /// time scale.
    pub rewrite_seconds: f64,
    /// How often AKS looks for a newer version of a customer's key, in seconds, before the time
    /// scale: every 6 hours.
    pub look_seconds: f64,
}

impl Default for DataEncryption {
    fn default() -> Self {
        Self {
            without_profile: WithoutProfile::Kept,
            by_default: false,
            feature: "Registered".to_owned(),
            readable_versions: ReadableVersions::All,
            old_provider: OldProvider::WhileNeeded,
            operation_ends: OperationEnds::BeforeRewrite,
            rewrite_seconds: 60.0,
            look_seconds: 6.0 * 3600.0,
        }
    }
}

/// What becomes of KMS data encryption by a PUT that says nothing of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutProfile {
    /// The cluster has it as before.
    #[default]
    Kept,
    /// The document does not show it any more; the API servers have what they had.
    Dropped,
    /// The PUT is refused.
    Refused,
}

/// Which versions of a customer's key the plugin can decrypt with.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadableVersions {
    /// Every one that there is and that is enabled.
    #[default]
    All,
    /// The one in use and the one before, both of which it needs to be healthy.
    CurrentAndPrevious,
}

/// How long API servers keep the provider that they wrote with before a switch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OldProvider {
    /// As long as a secret is under it.
    #[default]
    WhileNeeded,
    /// Until the next change of the key, whatever is still under it.
    UntilNextChange,
}

/// When an operation ends that changes the key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationEnds {
    /// When the API servers have the new key: the secrets are rewritten afterwards.
    #[default]
    BeforeRewrite,
    /// When AKS has rewritten what it could.
    AfterRewrite,
}
