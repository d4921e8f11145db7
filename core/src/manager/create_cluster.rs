//! Making a cluster with KMS on from the start.

use serde_json::Value;

use super::{Inner, KmsManager, creation::Creation, perform::OperationRequest, session::TimeLimit};
use crate::{
    azure::NewCluster,
    error::Result,
    ids::{IdentityId, Verb},
    options::{
        ClusterKeySource, CreateClusterOptions, Enable, Intent, KeySource, SetDataEncryption,
    },
    report::{Finding, KmsChange, OperationReport},
    rules,
};

impl KmsManager {
    /// Makes the cluster with KMS on from the start, and proves every secret of it.
    ///
    /// `body` is the cluster as the Azure REST API takes it, in the fields of any api-version; identity
    /// and KMS profile are put into it, and nothing else is changed. What only Azure can say (`id`, `eTag`,
    /// `provisioningState` …) is left out, and of another cluster's document what belongs to that one alone
    /// (`nodeResourceGroup`, `fqdnSubdomain`, `identityProfile`): it is a good beginning, and
    /// `az rest --method get --url <cluster id>?api-version=2026-08-01` prints it.
    ///
    /// `key_source` is the id of a key with its version; or a [`KeySource`], and the cluster has KMS data
    /// encryption from the start: with a key of the platform's, or with a key of yours without a version. It
    /// cannot be turned off: name `data-encryption-irreversible` in `allow`. It needs Kubernetes 1.33 or later,
    /// which `body` should name, and with a key of the platform's any managed identity will do.
    ///
    /// A cluster that exists is never changed: one with this identity, key and network mode is waited for
    /// and proven, any other one is refused. So an interrupted call is gone on with by the same call. One
    /// whose last operation failed is refused, too: if that was its creation, delete it first. Once the
    /// cluster is there, the proof is that of [`enable`](Self::enable) or
    /// [`set_data_encryption`](Self::set_data_encryption), and is recorded as such.
    ///
    /// Nobody can name a key of the platform's. Of a cluster that this call made, and watched from then on, it is known
    /// that it never had another key, so it is proven. A call that finds the cluster there, also one that goes on
    /// after a crash, cannot prove that, and the report has `key-in-use-unproven`: with that rule in `allow`,
    /// [`reencrypt_secrets`](Self::reencrypt_secrets) records the hash that the API servers show as the platform's,
    /// and the next one proves.
    ///
    /// A new cluster has secrets of its own; they are rewritten if they are not under the key. In
    /// the report, the provisioning state before is `NotCreated`.
    /// Documented at <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
    /// <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> Result<(), Box<dyn std::error::Error>> {
    /// use aks_kms::{CreateClusterOptions, ProvisionOptions};
    ///
    /// let made = manager.provision(ProvisionOptions::default()).await?;
    /// let body = serde_json::from_str(r#"{
    ///     "location": "westeurope",
    ///     "properties": {
    ///         "dnsPrefix": "shop",
    ///         "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 3, "vmSize": "Standard_D4s_v5"}]
    ///     }
    /// }"#)?;
    /// let options = CreateClusterOptions {
    ///     identity_id: Some(made.identity_id.to_string()),
    ///     ..CreateClusterOptions::default()
    /// };
    /// let report = manager.create_cluster(body, made.key_id, options).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With a key of the platform's:
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager, body: serde_json::Value) -> aks_kms::Result<()> {
    /// use aks_kms::{CreateClusterOptions, KeySource, RuleId};
    ///
    /// let allow = vec![RuleId::DataEncryptionIrreversible];
    /// let options = CreateClusterOptions { allow, ..CreateClusterOptions::default() };
    /// let report = manager.create_cluster(body, KeySource::PlatformManaged, options).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) for a malformed body or argument,
    /// [`preflight_failed`](crate::ErrorKind::PreflightFailed) when rules are violated, among them that
    /// another cluster of the name exists, [`operation_failed`](crate::ErrorKind::OperationFailed) when
    /// Azure ends the creation as failed, and those of [`enable`](Self::enable).
    pub async fn create_cluster(
        &self,
        body: Value,
        key_source: impl Into<ClusterKeySource> + Send,
        options: CreateClusterOptions,
    ) -> Result<OperationReport> {
        let key_source = key_source.into();
        let verb = Verb::CreateCluster;
        let run = options.run();
        let limit = TimeLimit::from(run.timeout);
        let reencrypt = options.reencrypt.options();
        let mut problems = rules::option_problems(verb, &run, reencrypt);
        let identity = options.identity_id.as_deref().map(IdentityId::parse).transpose();
        let identity = identity.unwrap_or_else(|error| {
            problems.push(error.to_string());
            None
        });
        problems.extend(misplaced(&key_source, &options));
        let (cluster, identity) = (&self.0.cluster, identity.as_ref());
        let target = match self.0.new_target(key_source, &options, limit).await? {
            Ok(target) => target,
            Err(findings) => {
                problems.extend(NewCluster::problems(cluster, body, identity));
                return Err(rules::invalid_input(findings, problems));
            }
        };
        let new = match NewCluster::new(cluster, body, identity, target.clone()) {
            Ok(new) if problems.is_empty() => new,
            outcome => {
                problems.extend(outcome.err().unwrap_or_default());
                return Err(rules::invalid_input(Vec::new(), problems));
            }
        };
        let reencrypts = reencrypt.is_some();
        let intent = match target {
            KmsChange::On(target) => Intent::Enable(Enable { target, reencrypt: reencrypts }),
            target => {
                Intent::SetDataEncryption(SetDataEncryption { target, reencrypt: reencrypts })
            }
        };
        let reencrypt = reencrypt.cloned().unwrap_or_default();
        let new = Some(Creation { cluster: new, rewrites: reencrypts });
        let request = OperationRequest {
            intent,
            new,
            run: &run,
            limit,
            wait: true,
            when_older_than: None,
            reencrypt,
        };
        Box::pin(self.0.perform(request)).await
    }
}

impl Inner {
    /// The profile of the new cluster, or what is wrong with its key.
    async fn new_target(
        &self,
        key_source: ClusterKeySource,
        options: &CreateClusterOptions,
        limit: TimeLimit,
    ) -> Result<Result<KmsChange, Vec<Finding>>> {
        let verb = Verb::CreateCluster;
        let key_id = match key_source {
            ClusterKeySource::DataEncryption(key_source) => {
                return self.data_encryption(key_source, verb, limit).await;
            }
            ClusterKeySource::Versioned(key_id) => key_id,
        };
        let suffix = self.key_vault_suffix(verb, limit).await?;
        let vault_id = options.key_vault_id.as_deref();
        let mode = options.network_mode.unwrap_or_default();
        let target = rules::target(&key_id, mode, vault_id, suffix);
        Ok(target.map(KmsChange::On))
    }
}

/// Options that are of a key with a version, where none is asked for.
fn misplaced(key_source: &ClusterKeySource, options: &CreateClusterOptions) -> Option<String> {
    let ClusterKeySource::DataEncryption(key_source) = key_source else { return None };
    let is_given = options.key_vault_id.is_some() || options.network_mode.is_some();
    let instead = match key_source {
        KeySource::PlatformManaged => "leave them out",
        KeySource::CustomerManaged(_) => "name both in key_source",
    };
    is_given
        .then(|| format!("key_vault_id and network_mode are of a key with a version; {instead}"))
}
