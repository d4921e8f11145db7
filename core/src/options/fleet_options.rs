//! What a fleet does to each of its clusters, and in which order.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use super::{
    EnableOptions, KeySource, ReencryptSecretsOptions, RotateOptions, RunOptions,
    SetDataEncryptionOptions, StatusOptions, VerifySecretsOptions,
};
use crate::{
    ids::{ClusterId, Verb},
    report::OnFleetProgress,
};

/// What a [`Fleet`](crate::Fleet) does to each of its clusters: a verb, with its options. Options that only name
/// the verb become it: `fleet.run(RotateOptions { … }, …)`.
///
/// `on_progress` of the verb's options is not called: [`FleetOptions::on_progress`] is.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema),
    serde(tag = "verb", content = "options", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum FleetVerb {
    /// [`rotate`](crate::KmsManager::rotate) to a new version of the key in use, by its age: `when_older_than` is
    /// required, so that a run that is repeated leaves the clusters that are done alone.
    Rotate(RotateOptions),
    /// [`enable`](crate::KmsManager::enable).
    Enable {
        /// The key of each cluster.
        key_ids: PerCluster<String>,
        /// Of the verb.
        #[cfg_attr(feature = "bindings", serde(default))]
        options: EnableOptions,
    },
    /// [`set_data_encryption`](crate::KmsManager::set_data_encryption).
    SetDataEncryption {
        /// The key of each cluster.
        key_sources: PerCluster<KeySource>,
        /// Of the verb.
        #[cfg_attr(feature = "bindings", serde(default))]
        options: SetDataEncryptionOptions,
    },
    /// [`reencrypt_secrets`](crate::KmsManager::reencrypt_secrets).
    ReencryptSecrets(ReencryptSecretsOptions),
    /// [`verify_secrets`](crate::KmsManager::verify_secrets).
    VerifySecrets(VerifySecretsOptions),
    /// [`status`](crate::KmsManager::status).
    Status(StatusOptions),
}

impl FleetVerb {
    /// The verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Rotate(_) => Verb::Rotate,
            Self::Enable { .. } => Verb::Enable,
            Self::SetDataEncryption { .. } => Verb::SetDataEncryption,
            Self::ReencryptSecrets(_) => Verb::ReencryptSecrets,
            Self::VerifySecrets(_) => Verb::VerifySecrets,
            Self::Status(_) => Verb::Status,
        }
    }

    /// The options that every verb has; `None`: it only reads, and has none.
    pub(crate) fn run(&self) -> Option<RunOptions> {
        match self {
            Self::Rotate(options) => Some(options.run()),
            Self::Enable { options, .. } => Some(options.run()),
            Self::SetDataEncryption { options, .. } => Some(options.run()),
            Self::ReencryptSecrets(options) => Some(options.run()),
            Self::VerifySecrets(options) => Some(options.run()),
            Self::Status(_) => None,
        }
    }

    /// The age from which a key is due, where one is given.
    pub(crate) fn when_older_than(&self) -> Option<Duration> {
        match self {
            Self::Rotate(options) => options.when_older_than,
            Self::Status(options) => options.when_older_than,
            _ => None,
        }
    }

    /// Whether it changes nothing in any case.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::VerifySecrets(_) | Self::Status(_))
    }
}

macro_rules! verb_from_options {
    ($($options:ident => $verb:ident,)+) => {
        $(impl From<$options> for FleetVerb {
            fn from(options: $options) -> Self {
                Self::$verb(options)
            }
        })+
    };
}

verb_from_options! {
    RotateOptions => Rotate,
    ReencryptSecretsOptions => ReencryptSecrets,
    VerifySecretsOptions => VerifySecrets,
    StatusOptions => Status,
}

/// Something that each cluster of a fleet has its own of, such as its key.
///
/// ```
/// use aks_kms::{ClusterId, PerCluster};
///
/// let shop = ClusterId::new("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop", "prod")?;
/// let key = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef".to_owned();
/// let of_each = PerCluster::Each([(shop.clone(), key.clone())].into());
/// let by_name = PerCluster::by(|cluster: &ClusterId| {
///     Some(format!("https://{}.vault.azure.net/keys/etcd", cluster.name()))
/// });
/// assert_eq!(of_each.get(&shop), Some(key));
/// assert_eq!(by_name.get(&shop).as_deref(), Some("https://prod.vault.azure.net/keys/etcd"));
/// # Ok::<(), aks_kms::Error>(())
/// ```
#[derive(Clone)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema),
    serde(rename_all = "snake_case"),
    schemars(inline)
)]
#[non_exhaustive]
pub enum PerCluster<T> {
    /// The same for all.
    All(T),
    /// By the cluster's resource id. A cluster that is not in it is an error, before anything is done.
    Each(
        #[cfg_attr(feature = "bindings", serde(deserialize_with = "each_once"))]
        HashMap<ClusterId, T>,
    ),
    /// As a function says; [`by`](Self::by) makes it. `None` is an error, before anything is done.
    #[cfg_attr(feature = "bindings", serde(skip))]
    By(OfCluster<T>),
}

/// Refuses a cluster that is there in two spellings: which of its values counts is for the caller to say.
#[cfg(feature = "bindings")]
fn each_once<'de, D, T>(from: D) -> Result<HashMap<ClusterId, T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    struct Once<T>(std::marker::PhantomData<T>);

    impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Once<T> {
        type Value = HashMap<ClusterId, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map by the clusters' resource ids")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut entries: A,
        ) -> Result<Self::Value, A::Error> {
            let mut each = HashMap::new();
            while let Some((cluster, value)) = entries.next_entry::<ClusterId, T>()? {
                if let Some((same, _)) = each.get_key_value(&cluster) {
                    let twice = format!("{same} is there twice; pass each cluster once");
                    return Err(serde::de::Error::custom(twice));
                }
                each.insert(cluster, value);
            }
            Ok(each)
        }
    }

    from.deserialize_map(Once(std::marker::PhantomData))
}

type OfCluster<T> = Arc<dyn Fn(&ClusterId) -> Option<T> + Send + Sync>;

impl<T: Clone> PerCluster<T> {
    /// As a function says.
    pub fn by(get: impl Fn(&ClusterId) -> Option<T> + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(get))
    }

    /// What a cluster has.
    #[must_use]
    pub fn get(&self, cluster: &ClusterId) -> Option<T> {
        match self {
            Self::All(same) => Some(same.clone()),
            Self::Each(of) => of.get(cluster).cloned(),
            Self::By(get) => get(cluster),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for PerCluster<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(same) => f.debug_tuple("All").field(same).finish(),
            Self::Each(of) => f.debug_tuple("Each").field(of).finish(),
            Self::By(_) => f.debug_tuple("By").finish_non_exhaustive(),
        }
    }
}

/// How a [`Fleet`](crate::Fleet) goes through its clusters.
#[derive(Clone, Default)]
#[cfg_attr(
    feature = "bindings",
    derive(serde::Deserialize, schemars::JsonSchema),
    serde(default, deny_unknown_fields)
)]
pub struct FleetOptions {
    /// How many clusters come first, then next, and so on; the rest comes last: `[1, 10, 100]`. A wave is begun only
    /// when every cluster of the one before is done or not due: refused and unfinished ones count as failed. What
    /// only reads, and a dry run, goes through all of them at once. Default: one wave.
    pub waves: Vec<usize>,
    /// Clusters at work at the same time, 1 to 256. Default: 8; 32 where nothing is written.
    pub max_clusters: Option<usize>,
    /// After so many clusters that failed, were refused or are unfinished, no other one is begun; those at work come
    /// to their end. Default: a wave goes on to its end.
    pub stop_after_failures: Option<usize>,
    /// Plan and findings of each cluster, nothing is written. Default: as the verb's own options say.
    pub dry_run: bool,
    /// Receives progress of the whole and of each cluster. Default: none.
    #[cfg_attr(feature = "bindings", serde(skip))]
    pub on_progress: Option<OnFleetProgress>,
}

impl fmt::Debug for FleetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetOptions")
            .field("waves", &self.waves)
            .field("max_clusters", &self.max_clusters)
            .field("stop_after_failures", &self.stop_after_failures)
            .field("dry_run", &self.dry_run)
            .field("on_progress", &self.on_progress.is_some())
            .finish()
    }
}
