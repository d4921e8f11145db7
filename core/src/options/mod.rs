//! What callers ask for, and how.

mod cluster_key_source;
mod fleet_options;
mod intent;
mod key_source;
#[cfg(feature = "bindings")]
mod key_source_json;
mod new_key;
mod provision_options;
#[cfg(feature = "bindings")]
mod reencrypt;
#[cfg(feature = "bindings")]
mod seconds;
mod timing;
mod verb_options;

pub use cluster_key_source::ClusterKeySource;
pub use fleet_options::{FleetOptions, FleetVerb, PerCluster};
pub(crate) use intent::{
    ChangeNetworkMode, Disable, Enable, Intent, MigrateToV2, ReencryptSecrets, Rotate,
    SetDataEncryption,
};
pub use key_source::{CustomerManagedKey, KeySource};
pub use new_key::NewKey;
pub use provision_options::ProvisionOptions;
#[doc(hidden)]
pub use timing::Timing;
pub use verb_options::{
    ChangeNetworkModeOptions, CreateClusterOptions, DisableOptions, EnableOptions,
    MigrateToV2Options, Pace, Reencrypt, ReencryptOptions, ReencryptSecretsOptions, ResumeOptions,
    RotateOptions, RunOptions, SetDataEncryptionOptions, StatusOptions, VerifySecretsOptions,
};
