//! Making what must be there before KMS is turned on.

use super::{
    Inner, KmsManager,
    session::{AtTimeLimit, TimeLimit, in_time},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::Verb,
    options::ProvisionOptions,
    progress::{Phase, Reporter},
    provision::{Made, Maker, Wanted, findings, look, steps, versioned},
    report::{ProvisionPart, Provisioned},
    rules,
};

impl KmsManager {
    /// Makes what must be there before KMS is turned on: vault, key, identity, and the identity's access
    /// to them. The cluster itself may be there or not; it is not changed.
    ///
    /// What is there is taken as it is: nothing is written over, an existing key gets no new version, an
    /// existing vault keeps its settings. A second call makes nothing, and an interrupted one is gone on
    /// with by the same call. Everything is made through Resource Manager, so that no right inside the
    /// vault and no network path to it is needed.
    ///
    /// With the experience `customer-managed` the key is for [`set_data_encryption`](Self::set_data_encryption): it
    /// is named without a version, the identity gets a role by which AKS follows it to its newest one, and for
    /// private access the vault lets trusted services of Azure in, without private endpoints.
    ///
    /// Azure does not tell when a role has reached a vault, so after giving one it waits 5 minutes.
    /// Documented at <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption> and
    /// <https://learn.microsoft.com/azure/aks/kms-data-encryption>.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{EnableOptions, ProvisionOptions};
    ///
    /// let planned = manager
    ///     .provision(ProvisionOptions { dry_run: true, ..ProvisionOptions::default() })
    ///     .await?;
    /// for step in &planned.plan {
    ///     println!("{step}\n  {}", step.command);
    /// }
    /// let made = manager.provision(ProvisionOptions::default()).await?;
    /// manager.enable(made.key_id, EnableOptions::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// For a customer-managed key:
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{
    ///     CustomerManagedKey, Experience, NetworkMode, ProvisionOptions, RuleId, SetDataEncryptionOptions,
    /// };
    ///
    /// let network_mode = NetworkMode::Private;
    /// let experience = Experience::CustomerManaged;
    /// let options = ProvisionOptions { experience, network_mode, ..ProvisionOptions::default() };
    /// let made = manager.provision(options).await?;
    /// let key = CustomerManagedKey {
    ///     key_id: made.key_id.into(),
    ///     key_vault_id: made.key_vault_id.to_string(),
    ///     network_mode,
    /// };
    /// let allow = vec![RuleId::DataEncryptionIrreversible];
    /// let options = SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::default() };
    /// manager.set_data_encryption(key, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) for malformed arguments,
    /// [`preflight_failed`](crate::ErrorKind::PreflightFailed) when rules are violated, such as a vault's
    /// name that somebody else has, and those of Azure and the network. What was made before an error
    /// is in its message.
    pub async fn provision(&self, options: ProvisionOptions) -> Result<Provisioned> {
        Box::pin(provision(&self.0, &options)).await
    }
}

async fn provision(inner: &Inner, options: &ProvisionOptions) -> Result<Provisioned> {
    let limit = TimeLimit::from(options.timeout);
    let suffix = inner.key_vault_suffix(Verb::Provision, limit).await?;
    let wanted = Wanted::new(&inner.cluster, options, suffix)?;
    let reporter = Reporter::new(Verb::Provision, options.on_progress.clone());
    let made = Made::default();
    let work = Box::pin(plan_and_make(inner, options, &wanted, &reporter, &made));
    let at_last = || reporter.last_message();
    let (cluster, then) = (&inner.cluster, AtTimeLimit::GoesOn);
    let outcome = in_time(cluster, Verb::Provision, limit, then, at_last, work).await;
    let outcome = outcome.map_err(|error| made.told_in(error));
    match &outcome {
        Ok(_) => reporter.finish("Done"),
        Err(error) => reporter.finish(error.to_string()),
    }
    outcome
}

async fn plan_and_make(
    inner: &Inner,
    options: &ProvisionOptions,
    wanted: &Wanted,
    reporter: &Reporter,
    made: &Made,
) -> Result<Provisioned> {
    let azure = &*inner.access.azure;
    reporter.phase(Phase::Observe, None, "Looking for vault, key, identity and access");
    let seen = Box::pin(look(azure, wanted)).await?;
    reporter.phase(Phase::Plan, None, "Judging the rules and listing what is missing");
    let found = findings(wanted, &seen);
    let plan = steps(wanted, &seen);
    let key = seen.found_key().map(versioned).transpose()?;
    let provisioned = Provisioned {
        dry_run: options.dry_run,
        key_vault_id: wanted.vault.clone(),
        key_id: wanted.named(key.unwrap_or_else(|| wanted.key.clone())),
        identity_id: seen.identity_id.clone(),
        identity_principal_id: seen.identity.as_ref().map(|it| it.principal_id.clone()),
        plan,
        created: Vec::new(),
        allowed: rules::allowed(&found, &options.allow),
        findings: found,
    };
    if options.dry_run {
        return Ok(provisioned);
    }
    let what = format!("{} for cluster {}", Verb::Provision, inner.cluster.name());
    if let Some(refusal) = rules::refusal(&what, &provisioned.findings, &options.allow, &[]) {
        return Err(refusal);
    }
    let plan = &provisioned.plan;
    let timing = &inner.access.timing;
    let maker = Maker { azure, wanted, seen: &seen, plan, timing, reporter, made };
    let (identity, key_id) = Box::pin(maker.make()).await?;
    let created = made.steps();
    let findings = if created.is_empty() {
        provisioned.findings
    } else {
        reporter.phase(Phase::Observe, None, "Looking at what was made");
        let last = Box::pin(look(azure, wanted)).await?;
        if steps(wanted, &last).iter().any(|step| step.part == ProvisionPart::KeyPolicy) {
            let message = format!(
                "somebody else changed the access policies of key vault {} meanwhile; run this again",
                wanted.vault
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        findings(wanted, &last)
    };
    if let Some(refusal) = rules::refusal(&what, &findings, &options.allow, &[]) {
        return Err(refusal);
    }
    Ok(Provisioned {
        key_id: wanted.named(key_id),
        identity_principal_id: Some(identity.principal_id),
        created,
        findings,
        ..provisioned
    })
}
