//! Moving to KMS data encryption, the newer experience.

use super::{Call, Inner, KmsManager, session::TimeLimit};
use crate::{
    error::Result,
    ids::Verb,
    options::{Intent, KeySource, SetDataEncryption, SetDataEncryptionOptions},
    report::{Finding, KmsChange, OperationReport},
    rules,
};

impl KmsManager {
    /// Moves a cluster to KMS data encryption, the newer experience, or between its keys; rewrites every
    /// secret under the key and proves it.
    ///
    /// AKS then looks after the key and the secrets by itself: with a key of the platform's, or with a key of
    /// yours, which it follows to its newest version. It cannot be turned off, and there is no way back to
    /// KMS with a versioned key: name `data-encryption-irreversible` in `allow`. From whatever the cluster
    /// has, every secret is proven to be under it first. AKS rewrites the secrets by itself, and says nothing
    /// of it: the rewrite here is the proof, and until it is complete no key from before is called removable.
    ///
    /// On this key already: nothing is set, all secrets are verified. Needs Kubernetes 1.33 or later.
    /// Documented at <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{KeySource, RuleId, SetDataEncryptionOptions};
    ///
    /// let allow = vec![RuleId::DataEncryptionIrreversible];
    /// let options = SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::default() };
    /// let report = manager.set_data_encryption(KeySource::PlatformManaged, options).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`enable`](Self::enable).
    pub async fn set_data_encryption(
        &self,
        key_source: impl Into<KeySource> + Send,
        options: SetDataEncryptionOptions,
    ) -> Result<OperationReport> {
        let key_source = key_source.into();
        let run = options.run();
        let limit = TimeLimit::from(run.timeout);
        let (verb, reencrypt) = (Verb::SetDataEncryption, options.reencrypt.options());
        let problems = rules::option_problems(verb, &run, reencrypt);
        let target = self.0.data_encryption(key_source, verb, limit).await?;
        let target = target.map_err(|findings| rules::invalid_input(findings, problems.clone()))?;
        let reencrypts = reencrypt.is_some();
        let intent = Intent::SetDataEncryption(SetDataEncryption { target, reencrypt: reencrypts });
        self.begin(Call::new(limit, intent, &run), reencrypt, problems).await
    }
}

impl Inner {
    /// The profile that a key of data encryption comes to, or what is wrong with the key.
    pub(super) async fn data_encryption(
        &self,
        key_source: KeySource,
        verb: Verb,
        limit: TimeLimit,
    ) -> Result<Result<KmsChange, Vec<Finding>>> {
        let key = match key_source {
            KeySource::PlatformManaged => return Ok(Ok(KmsChange::PlatformManaged)),
            KeySource::CustomerManaged(key) => key,
        };
        let suffix = self.key_vault_suffix(verb, limit).await?;
        Ok(rules::customer_managed(&key, suffix).map(KmsChange::CustomerManaged))
    }
}
