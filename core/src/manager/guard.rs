//! Judging what somebody is about to do elsewhere.

use super::{Inner, KmsManager};
use crate::{
    error::Result,
    facts::Fact,
    ids::Verb,
    report::{Action, Finding},
    rules::{self, Guarded},
};

impl KmsManager {
    /// Judges something that somebody is about to do elsewhere: to a key, a vault, an identity or the
    /// cluster. Writes nothing. An empty list: nothing is against it.
    ///
    /// What the cluster names itself is certain. Which other keys it still needs, its ledger tells;
    /// where there is none that can be relied on, and where other clusters cannot be seen, the
    /// finding is *undetermined* and refuses: guessing could make secrets unreadable for good.
    /// Other clusters are seen in the subscriptions that the credential can read.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::{Action, KeyId};
    ///
    /// let key = "https://shop-keys.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    /// let findings = manager.check_action(Action::DeleteKey { key_id: KeyId::parse(key)? }).await?;
    /// assert!(findings.is_empty(), "the key is still needed: {findings:?}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of Azure and the network, where the cluster itself cannot be read, and
    /// [`timeout`](crate::ErrorKind::Timeout) after two minutes.
    pub async fn check_action(&self, action: Action) -> Result<Vec<Finding>> {
        let work = Box::pin(check_action(&self.0, &action));
        self.0.reading(Verb::CheckAction, work).await
    }
}

/// What there is against an action.
pub(super) async fn check_action(inner: &Inner, action: &Action) -> Result<Vec<Finding>> {
    let others = async {
        if !action.concerns_others() {
            return Fact::Known(Vec::new());
        }
        Fact::from(inner.access.azure.kms_users().await)
    };
    let (seen, others) = futures::join!(inner.look(false), others);
    let observed = seen?.observed;
    Ok(rules::guard(&Guarded { action, observed: &observed, others: &others }))
}
