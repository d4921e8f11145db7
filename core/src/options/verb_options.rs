//! Options of the verbs: plain structs with defaults.

use std::{fmt, time::Duration};

use crate::{
    catalogue::RuleId,
    ids::{KubernetesVersion, NetworkMode, NodePools, VaultAccess, text_enum},
    progress::OnProgress,
};

/// Options that every verb has. They are fields of each verb's own options, too; where several verbs are
/// to have the same ones, those are made from these.
///
/// ```
/// use std::time::Duration;
///
/// use aks_kms::{DisableOptions, RotateOptions, RunOptions};
///
/// let run = RunOptions { timeout: Duration::from_secs(600), ..RunOptions::default() };
/// let rotate = RotateOptions { dry_run: true, ..RotateOptions::from(run.clone()) };
/// let disable = DisableOptions::from(run);
/// assert_eq!((rotate.timeout, rotate.dry_run), (disable.timeout, !disable.dry_run));
/// ```
#[derive(Clone)]
pub struct RunOptions {
    /// Return plan and findings, write nothing. Default: false.
    pub dry_run: bool,
    /// Rules whose refusal is lifted, where they are overridable. Default: none.
    pub allow: Vec<RuleId>,
    /// Secrets as `namespace/name` that may stay blocked without failing the operation; they can
    /// become unreadable. Names that are not blocked are ignored. Default: none.
    pub give_up_secrets: Vec<String>,
    /// Time limit of the whole operation. Default: 2 hours.
    pub timeout: Duration,
    /// Receives progress. Default: none.
    pub on_progress: Option<OnProgress>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            allow: Vec::new(),
            give_up_secrets: Vec::new(),
            timeout: Duration::from_secs(2 * 60 * 60),
            on_progress: None,
        }
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("dry_run", &self.dry_run)
            .field("allow", &self.allow)
            .field("give_up_secrets", &self.give_up_secrets)
            .field("timeout", &self.timeout)
            .field("on_progress", &self.on_progress.is_some())
            .finish()
    }
}

/// Options of a verb: its own, and those of [`RunOptions`], flat.
macro_rules! verb_options {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty $(= $default:expr)?,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone)]
        #[cfg_attr(
            feature = "bindings",
            derive(serde::Deserialize, schemars::JsonSchema),
            serde(default, deny_unknown_fields)
        )]
        pub struct $name {
            /// Return plan and findings, write nothing. Default: false.
            pub dry_run: bool,
            /// Rules whose refusal is lifted, where they are overridable. Default: none.
            pub allow: Vec<RuleId>,
            /// Secrets as `namespace/name` that may stay blocked without failing the operation;
            /// they can become unreadable. Names that are not blocked are ignored. Default: none.
            pub give_up_secrets: Vec<String>,
            /// Time limit of the whole operation. Default: 2 hours.
            #[cfg_attr(
                feature = "bindings",
                serde(with = "super::seconds"),
                schemars(with = "super::seconds::Seconds")
            )]
            pub timeout: Duration,
            /// Receives progress. Default: none.
            #[cfg_attr(feature = "bindings", serde(skip))]
            pub on_progress: Option<OnProgress>,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $name {
            /// The options that every verb has.
            pub(crate) fn run(&self) -> RunOptions {
                RunOptions {
                    dry_run: self.dry_run,
                    allow: self.allow.clone(),
                    give_up_secrets: self.give_up_secrets.clone(),
                    timeout: self.timeout,
                    on_progress: self.on_progress.clone(),
                }
            }
        }

        impl From<RunOptions> for $name {
            fn from(run: RunOptions) -> Self {
                let RunOptions { dry_run, allow, give_up_secrets, timeout, on_progress } = run;
                Self {
                    dry_run,
                    allow,
                    give_up_secrets,
                    timeout,
                    on_progress,
                    $($field: verb_options!(@default $type $(, $default)?),)*
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                RunOptions::default().into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("dry_run", &self.dry_run)
                    .field("allow", &self.allow)
                    .field("give_up_secrets", &self.give_up_secrets)
                    .field("timeout", &self.timeout)
                    .field("on_progress", &self.on_progress.is_some())
                    $(.field(stringify!($field), &self.$field))*
                    .finish()
            }
        }
    };
    (@default $type:ty) => { <$type>::default() };
    (@default $type:ty, $default:expr) => { $default };
}

/// Whether secrets are rewritten after the key in use has changed.
///
/// It concerns only that last rewrite: the gate before a change is never skipped.
#[derive(Clone, Debug)]
pub enum Reencrypt {
    /// Leave secrets as they are. They stay under the key before this one.
    Skip,
    /// Rewrite and verify all secrets.
    With(ReencryptOptions),
}

impl Default for Reencrypt {
    fn default() -> Self {
        Self::With(ReencryptOptions::default())
    }
}

impl Reencrypt {
    /// The options, unless secrets are left as they are.
    pub(crate) fn options(&self) -> Option<&ReencryptOptions> {
        match self {
            Self::Skip => None,
            Self::With(options) => Some(options),
        }
    }
}

/// How secrets are rewritten.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema, serde::Serialize),
    serde(default, deny_unknown_fields)
)]
pub struct ReencryptOptions {
    /// Only these namespaces; a part of the cluster is never proof of the whole. Only for
    /// `reencrypt_secrets`. Default: all.
    pub namespaces: Option<Vec<String>>,
    /// How hard to press the API server. Default: gentle.
    pub pace: Pace,
    /// Requests in flight at most, 1 to 1024. Default: 64.
    pub max_concurrency: usize,
    /// Requests a second at most. Default: no limit.
    pub max_requests_per_second: Option<u32>,
}

impl Default for ReencryptOptions {
    fn default() -> Self {
        Self {
            namespaces: None,
            pace: Pace::Gentle,
            max_concurrency: 64,
            max_requests_per_second: None,
        }
    }
}

text_enum! {
    /// How hard the API server is pressed.
    #[derive(Default)]
    pub enum Pace("pace") {
        /// As many requests in flight as leave the API server's latency near what it is without them,
        /// `max_concurrency` at most; and etcd grows by no more than 1 GiB in ten minutes.
        #[default]
        Gentle = "gentle",
        /// `max_concurrency` requests in flight.
        Fast = "fast",
    }
}

verb_options! {
    /// Options of `enable`.
    EnableOptions {
        /// How the API servers reach the vault. Default: public.
        network_mode: NetworkMode,
        /// Resource id of the key's vault. Required in private mode; helps to find the vault in public mode.
        key_vault_id: Option<String>,
        /// Whether secrets are rewritten afterwards. Default: yes.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `create_cluster`.
    CreateClusterOptions {
        /// How the API servers reach the vault of a key with a version; of a customer-managed key it is named with
        /// the key. Default: public.
        network_mode: Option<NetworkMode>,
        /// Resource id of the vault of a key with a version. Required in private mode; helps to find the vault in
        /// public mode. Of a customer-managed key it is named with the key.
        key_vault_id: Option<String>,
        /// Resource id of the user-assigned identity that the cluster runs as. Default: the one in `body`.
        identity_id: Option<String>,
        /// Whether secrets are rewritten and proven afterwards. Default: yes.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `rotate`.
    RotateOptions {
        /// How the API servers reach the key's vault. Default: as they reach the one in use.
        network_mode: Option<NetworkMode>,
        /// Resource id of the key's vault. Default: the vault in use, if the key is in it. Required in
        /// private mode for another vault.
        key_vault_id: Option<String>,
        /// Only if the key in use is at least so old, by the creation time of its version in the vault and Azure's own
        /// clock; else nothing is done, and the report's `outcome` is `not-due`. So the same call may be made every
        /// day. An operation that is unfinished is gone on with however young its key is; where the age cannot be
        /// told, the call is refused. With a key id, that key is set once the one in use is so old. An hour at least.
        /// Needs a journal. Default: always.
        #[cfg_attr(
            feature = "bindings",
            serde(with = "super::seconds::optional"),
            schemars(with = "Option<super::seconds::Seconds>")
        )]
        when_older_than: Option<Duration>,
        /// Of a customer-managed key: whether to wait until AKS has taken up the new version, 7 hours at most, which
        /// are not part of `timeout`. Without, the operation stays recorded, and the same call or `resume` goes
        /// on with it. Default: yes.
        wait: bool = true,
        /// Whether secrets are rewritten afterwards. Default: yes.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `disable`.
    DisableOptions {
        /// Whether secrets are rewritten to plaintext afterwards. Default: yes.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `change_network_mode`.
    ChangeNetworkModeOptions {
        /// Whether the vault's public network access is changed too. Default: change.
        vault_access: VaultAccess,
        /// How secrets are rewritten; that they are cannot be skipped.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `migrate_to_v2`.
    MigrateToV2Options {
        /// The Kubernetes version to end at, 1.27 or later; without a patch the lowest that is
        /// offered. Default: the first one on the way that has KMS v2.
        kubernetes_version: Option<KubernetesVersion>,
        /// Whether the node pools are upgraded too. Default: yes.
        node_pools: NodePools,
        /// How secrets are rewritten; that they are cannot be skipped.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `set_data_encryption`.
    SetDataEncryptionOptions {
        /// Whether secrets are rewritten and proven afterwards. AKS rewrites them by itself, and does not say
        /// when it is done. Default: yes.
        reencrypt: Reencrypt,
    }
}

verb_options! {
    /// Options of `resume`. What the operation was begun with (`allow`, `give_up_secrets`) is not
    /// remembered: what still has to be allowed or given up is named again.
    ResumeOptions {
        /// As of `rotate`. Default: yes.
        wait: bool = true,
        /// How secrets are rewritten. Which ones, and whether, was decided when the operation began.
        #[cfg_attr(feature = "bindings", schemars(flatten))]
        reencrypt: ReencryptOptions,
    }
}

verb_options! {
    /// Options of `verify_secrets`, which needs Kubernetes 1.34 or later.
    VerifySecretsOptions {
        /// Only these namespaces. Default: all.
        namespaces: Option<Vec<String>>,
    }
}

verb_options! {
    /// Options of `reencrypt_secrets`.
    ReencryptSecretsOptions {
        /// How secrets are rewritten, and which.
        #[cfg_attr(feature = "bindings", schemars(flatten))]
        reencrypt: ReencryptOptions,
    }
}

/// Options of `status`.
#[derive(Clone, Debug, Default)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema),
    serde(default, deny_unknown_fields)
)]
pub struct StatusOptions {
    /// Also count the secrets. Default: false.
    pub secrets: bool,
    /// Report the rule `key-age` where the key in use is at least so old. Default: never.
    #[cfg_attr(
        feature = "bindings",
        serde(with = "super::seconds::optional"),
        schemars(with = "Option<super::seconds::Seconds>")
    )]
    pub when_older_than: Option<Duration>,
}
