//! [`KmsManager`]: how it is made, and the verbs that write. Each is observe → plan → run.

mod create_cluster;
mod creation;
mod data_encryption;
mod due;
#[cfg(test)]
mod exploration;
mod guard;
mod last_look;
mod operation;
mod perform;
mod provision;
mod read;
mod recorded;
mod resume;
mod session;

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    access::Access,
    builder::KmsManagerBuilder,
    error::Result,
    ids::{ClusterId, NetworkMode, Verb},
    options::{
        ChangeNetworkMode, ChangeNetworkModeOptions, Disable, DisableOptions, Enable,
        EnableOptions, Intent, MigrateToV2, MigrateToV2Options, NewKey, ReencryptOptions,
        ReencryptSecrets, ReencryptSecretsOptions, Rotate, RotateOptions, RunOptions,
    },
    report::OperationReport,
    rules,
};

use self::{perform::OperationRequest, session::TimeLimit};

/// Manages the KMS etcd encryption of one cluster.
///
/// Cheap to make and to clone; does no I/O until a verb is called; usable from several tasks at
/// once. Every verb's future is `Send` and safe to drop: calling the verb again, or
/// [`resume`](Self::resume) from any machine, finishes what was begun.
#[derive(Clone)]
pub struct KmsManager(Arc<Inner>);

struct Inner {
    cluster: ClusterId,
    access: Access,
}

impl KmsManager {
    /// Begins to make a manager of one cluster.
    pub fn builder(cluster: ClusterId) -> KmsManagerBuilder {
        KmsManagerBuilder::new(cluster)
    }

    pub(crate) fn new(cluster: ClusterId, access: Access) -> Self {
        Self(Arc::new(Inner { cluster, access }))
    }

    /// The cluster.
    #[must_use]
    pub fn cluster_id(&self) -> &ClusterId {
        &self.0.cluster
    }

    /// Waits until the Leases of calls that were dropped are given back, five seconds at most.
    ///
    /// A verb that is dropped gives its Lease back in the background, so that the next call need not
    /// watch for 15 s whether its holder lives. A program that ends after it has dropped a call waits
    /// for that here. The Lease is not given back, and dies by itself, where a change was sent and
    /// nobody has heard what came of it, where the API server does not respond, and where the call is
    /// dropped outside of a runtime.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager, interrupted: impl Future<Output = ()>) -> aks_kms::Result<()> {
    /// use aks_kms::RotateOptions;
    ///
    /// tokio::select! {
    ///     report = manager.rotate(None, RotateOptions::default()) => assert!(report?.is_proven()),
    ///     () = interrupted => manager.leases_released().await,
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn leases_released(&self) {
        self.0.access.releases.wait().await;
    }

    /// Turns KMS on with a key, rewrites every secret under it and proves it.
    ///
    /// Before the first write it checks every documented limitation. Already on with this key: the
    /// cluster is not changed, but secrets that an unfinished run left behind are rewritten, and
    /// all are verified. Documented at
    /// <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::EnableOptions;
    ///
    /// let key = "https://shop-keys.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    /// let report = manager.enable(key, EnableOptions::default()).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) for malformed arguments,
    /// [`preflight_failed`](crate::ErrorKind::PreflightFailed) when rules are violated (all of them
    /// are in [`Error::findings`](crate::Error::findings)),
    /// [`conflict`](crate::ErrorKind::Conflict) when the cluster is busy or keeps changing or
    /// another operation is recorded, [`operation_failed`](crate::ErrorKind::OperationFailed) when
    /// Azure ends the update as failed,
    /// [`reencrypt_incomplete`](crate::ErrorKind::ReencryptIncomplete) when secrets are blocked,
    /// [`kms_unavailable`](crate::ErrorKind::KmsUnavailable) when API servers do not come to write
    /// with the key, and those of Azure and the network.
    pub async fn enable(
        &self,
        key_id: impl AsRef<str> + Send,
        options: EnableOptions,
    ) -> Result<OperationReport> {
        let key_id = key_id.as_ref().to_owned();
        let run = options.run();
        let limit = TimeLimit::from(run.timeout);
        let problems = rules::option_problems(Verb::Enable, &run, options.reencrypt.options());
        let suffix = self.0.key_vault_suffix(Verb::Enable, limit).await?;
        let vault_id = options.key_vault_id.as_deref();
        let target = rules::target(&key_id, options.network_mode, vault_id, suffix)
            .map_err(|findings| rules::invalid_input(findings, problems.clone()))?;
        let reencrypt = options.reencrypt.options();
        let intent = Intent::Enable(Enable { target, reencrypt: reencrypt.is_some() });
        self.begin(Call::new(limit, intent, &run), reencrypt, problems).await
    }

    /// Changes the key, rewrites every secret under the new one and proves it.
    ///
    /// Without `key_id` a new version of the key in use is made first, once for each operation.
    /// A key in another vault, reached in another mode, is allowed. Before the change, every
    /// secret is proven to be under the key in use: AKS reads with two keys only, and what is left
    /// under a third is lost. Already on with this key: nothing is set, all secrets are verified.
    ///
    /// From an unusable new key, `rotate` to the previous key rolls back, without asking the
    /// secrets first.
    ///
    /// With [`when_older_than`](RotateOptions::when_older_than) nothing is done while the key in use is
    /// younger, so that the same call may be made every day. On many clusters, [`Fleet`](crate::Fleet).
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::RotateOptions;
    ///
    /// let asked = RotateOptions { dry_run: true, ..RotateOptions::default() };
    /// let report = manager.rotate(None, asked).await?;
    /// println!("{}", report.plan);
    /// if !report.is_refused() {
    ///     manager.rotate(None, RotateOptions::default()).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub async fn rotate(
        &self,
        key_id: impl Into<NewKey> + Send,
        options: RotateOptions,
    ) -> Result<OperationReport> {
        let key_id = key_id.into();
        let run = options.run();
        let limit = TimeLimit::from(run.timeout);
        let mut problems = rules::option_problems(Verb::Rotate, &run, options.reencrypt.options());
        let journal = self.0.access.journal.is_kept();
        let age = options.when_older_than;
        problems.extend(age.into_iter().flat_map(|than| rules::age_problems(than, journal)));
        let suffix = self.0.key_vault_suffix(Verb::Rotate, limit).await?;
        let vault_id = options.key_vault_id.as_deref();
        let (key_id, key_vault_id) =
            rules::rotation(key_id.as_deref(), options.network_mode, vault_id, suffix)
                .map_err(|findings| rules::invalid_input(findings, problems.clone()))?;
        let reencrypt = options.reencrypt.options();
        let intent = Intent::Rotate(Rotate {
            key_id,
            network_mode: options.network_mode,
            key_vault_id,
            reencrypt: reencrypt.is_some(),
            made: false,
        });
        let RotateOptions { wait, when_older_than, .. } = options;
        let call = Call { wait, when_older_than, ..Call::new(limit, intent, &run) };
        self.begin(call, reencrypt, problems).await
    }

    /// Turns KMS off, rewrites every secret to plaintext and proves it.
    ///
    /// The last key must be kept, and so must the identity and its access to it: backups of etcd
    /// may hold secrets under it. Already off: nothing is set, but secrets that are left under a
    /// key are rewritten, and all are verified.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::DisableOptions;
    ///
    /// let report = manager.disable(DisableOptions::default()).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub async fn disable(&self, options: DisableOptions) -> Result<OperationReport> {
        let run = options.run();
        let problems = rules::option_problems(Verb::Disable, &run, options.reencrypt.options());
        let reencrypt = options.reencrypt.options();
        let intent = Intent::Disable(Disable { reencrypt: reencrypt.is_some() });
        self.begin(Call::new(run.timeout.into(), intent, &run), reencrypt, problems).await
    }

    /// Moves the vault in use between public and private access.
    ///
    /// While KMS is on, the mode of the vault in use cannot change: KMS is turned off, every secret
    /// is rewritten to plaintext, KMS is turned on in the other mode, and every secret is rewritten
    /// under the key again; each of these is proven before the next. Meanwhile secrets are not
    /// encrypted with your key. The vault's public network access is opened before the public way
    /// is taken, and closed only after the private way is proven; if KMS does not stay healthy then,
    /// it is opened again. [`VaultAccess::Keep`](crate::VaultAccess::Keep) leaves it to its owner.
    ///
    /// Closing needs an approved private endpoint connection from the cluster's node resource
    /// group, which AKS makes when KMS is turned on in private mode. One that stays pending ends
    /// the call with `preflight_failed` and the vault open; once it is approved,
    /// [`resume`](Self::resume) closes the vault.
    ///
    /// To reach another vault in another mode, [`rotate`](Self::rotate) directly. Already in this
    /// mode: nothing is set, all secrets are verified. Documented at
    /// <https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{ChangeNetworkModeOptions, NetworkMode};
    ///
    /// let options = ChangeNetworkModeOptions::default();
    /// manager.change_network_mode(NetworkMode::Private, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable). [`Reencrypt::Skip`](crate::Reencrypt::Skip) and `namespaces` are
    /// [`invalid_input`](crate::ErrorKind::InvalidInput).
    pub async fn change_network_mode(
        &self,
        network_mode: NetworkMode,
        options: ChangeNetworkModeOptions,
    ) -> Result<OperationReport> {
        let run = options.run();
        let ChangeNetworkModeOptions { vault_access, reencrypt, .. } = options;
        let mut problems =
            rules::option_problems(Verb::ChangeNetworkMode, &run, reencrypt.options());
        problems.extend(rules::cannot_skip(Verb::ChangeNetworkMode, &reencrypt));
        let intent = Intent::ChangeNetworkMode(ChangeNetworkMode { network_mode, vault_access });
        self.begin(Call::new(run.timeout.into(), intent, &run), reencrypt.options(), problems).await
    }

    /// Moves a cluster from KMS v1 to KMS v2, which has no limit of 2,000 secrets.
    ///
    /// KMS is turned off and every secret rewritten to plaintext; the cluster is upgraded along the
    /// versions that AKS offers until it is at 1.27 or later (or at the version asked for), node
    /// pools following unless [`NodePools::Keep`](crate::NodePools::Keep) is passed; then KMS is
    /// turned on with the same key in the same mode, and every secret rewritten under it. Each of
    /// these is proven before the next. Meanwhile secrets are not encrypted with your key.
    ///
    /// Metrics do not show the keys of KMS v1, so the gate cannot prove which one is in use: name
    /// `key-in-use-unproven` in `allow`. An upgrade that stops (quota, a `PodDisruptionBudget`)
    /// ends the call with `operation_failed`; [`resume`](Self::resume) goes on with it. With KMS
    /// v2 there is nothing to do. Documented at
    /// <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{MigrateToV2Options, RuleId};
    ///
    /// let allow = vec![RuleId::KeyInUseUnproven];
    /// manager.migrate_to_v2(MigrateToV2Options { allow, ..MigrateToV2Options::default() }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable). [`Reencrypt::Skip`](crate::Reencrypt::Skip), `namespaces` and a version below 1.27
    /// are [`invalid_input`](crate::ErrorKind::InvalidInput).
    pub async fn migrate_to_v2(&self, options: MigrateToV2Options) -> Result<OperationReport> {
        let run = options.run();
        let MigrateToV2Options { kubernetes_version, node_pools, reencrypt, .. } = options;
        let mut problems = rules::option_problems(Verb::MigrateToV2, &run, reencrypt.options());
        problems.extend(rules::cannot_skip(Verb::MigrateToV2, &reencrypt));
        problems.extend(rules::version_with_v2(kubernetes_version));
        let intent = Intent::MigrateToV2(MigrateToV2 { kubernetes_version, node_pools });
        self.begin(Call::new(run.timeout.into(), intent, &run), reencrypt.options(), problems).await
    }

    /// Rewrites secrets under the key in use, and proves it: the storage migration.
    ///
    /// The cluster's configuration is not changed. Secrets that are under the key already are not
    /// written. With `namespaces` it covers a part of the cluster, which is never proof of the whole.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{Pace, ReencryptOptions, ReencryptSecretsOptions};
    ///
    /// let reencrypt = ReencryptOptions { pace: Pace::Gentle, ..ReencryptOptions::default() };
    /// let options = ReencryptSecretsOptions { reencrypt, ..ReencryptSecretsOptions::default() };
    /// let report = manager.reencrypt_secrets(options).await?;
    /// let pass = report.reencryption.last().expect("it ends with a pass");
    /// println!("{} rewritten", pass.counts.rewritten);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable), without
    /// [`operation_failed`](crate::ErrorKind::OperationFailed).
    pub async fn reencrypt_secrets(
        &self,
        options: ReencryptSecretsOptions,
    ) -> Result<OperationReport> {
        let run = options.run();
        let problems =
            rules::option_problems(Verb::ReencryptSecrets, &run, Some(&options.reencrypt));
        let namespaces = options.reencrypt.namespaces.clone();
        let intent = Intent::ReencryptSecrets(ReencryptSecrets { namespaces });
        let call = Call::new(run.timeout.into(), intent, &run);
        self.begin(call, Some(&options.reencrypt), problems).await
    }

    /// Performs a verb that writes, once its arguments are in order.
    async fn begin(
        &self,
        call: Call<'_>,
        reencrypt: Option<&ReencryptOptions>,
        problems: Vec<String>,
    ) -> Result<OperationReport> {
        if !problems.is_empty() {
            return Err(rules::invalid_input(Vec::new(), problems));
        }
        let Call { intent, run, limit, wait, when_older_than } = call;
        let reencrypt = reencrypt.cloned().unwrap_or_default();
        let request =
            OperationRequest { intent, new: None, run, limit, wait, when_older_than, reencrypt };
        Box::pin(self.0.perform(request)).await
    }
}

/// A call of a verb that writes.
struct Call<'a> {
    intent: Intent,
    run: &'a RunOptions,
    /// Since the call began.
    limit: TimeLimit,
    /// Whether to wait for what AKS does in its own time.
    wait: bool,
    /// Only if the key in use is as old as that.
    when_older_than: Option<Duration>,
}

impl<'a> Call<'a> {
    fn new(limit: TimeLimit, intent: Intent, run: &'a RunOptions) -> Self {
        Self { intent, run, limit, wait: true, when_older_than: None }
    }
}

impl fmt::Debug for KmsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsManager").field("cluster", &self.0.cluster).finish_non_exhaustive()
    }
}
