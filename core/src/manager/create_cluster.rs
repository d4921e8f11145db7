//! Making a cluster with KMS on from the start.

use serde_json::Value;

use super::{KmsManager, perform::OperationRequest, session::TimeLimit};
use crate::{
    azure::NewCluster,
    error::Result,
    ids::{IdentityId, Verb},
    options::{CreateClusterOptions, Enable, Intent},
    report::OperationReport,
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
    /// A cluster that exists is never changed: one with this identity, key and network mode is waited for
    /// and proven, any other one is refused. So an interrupted call is gone on with by the same call. One
    /// whose last operation failed is refused, too: if that was its creation, delete it first. Once the
    /// cluster is there, the proof is that of [`enable`](Self::enable), and is recorded as such.
    ///
    /// A new cluster has secrets of its own; they are rewritten if they are not under the key. In
    /// the report, the provisioning state before is `NotCreated`.
    /// Documented at <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
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
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) for a malformed body or argument,
    /// [`preflight_failed`](crate::ErrorKind::PreflightFailed) when rules are violated, among them that
    /// another cluster of the name exists, [`operation_failed`](crate::ErrorKind::OperationFailed) when
    /// Azure ends the creation as failed, and those of [`enable`](Self::enable).
    pub async fn create_cluster(
        &self,
        body: Value,
        key_id: impl AsRef<str> + Send,
        options: CreateClusterOptions,
    ) -> Result<OperationReport> {
        let key_id = key_id.as_ref().to_owned();
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
        let suffix = self.0.key_vault_suffix(verb, limit).await?;
        let vault_id = options.key_vault_id.as_deref();
        let (cluster, identity) = (&self.0.cluster, identity.as_ref());
        let target = match rules::target(&key_id, options.network_mode, vault_id, suffix) {
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
        let intent = Intent::Enable(Enable { target, reencrypt: reencrypt.is_some() });
        let reencrypt = reencrypt.cloned().unwrap_or_default();
        let request =
            OperationRequest { intent, new: Some(new), run: &run, limit, wait: true, reencrypt };
        Box::pin(self.0.perform(request)).await
    }
}
