//! Judging what somebody is about to do elsewhere.

use super::Inner;
use crate::{
    error::Result,
    model::{Action, Fact, Finding},
    observe::KeyToObserve,
    rules::{self, Guarded},
};

/// What there is against an action.
pub(super) async fn check_action(inner: &Inner, action: &Action) -> Result<Vec<Finding>> {
    let others = async {
        if !action.concerns_others() {
            return Fact::Known(Vec::new());
        }
        match inner.azure.kms_users().await {
            Ok(users) => Fact::Known(users),
            Err(error) => Fact::Unknown(error.to_string()),
        }
    };
    let look =
        inner.observe(|cluster, _| KeyToObserve::in_use(cluster), inner.scope_to_look(false));
    let (seen, others) = futures::join!(look, others);
    let observed = seen?.observed;
    Ok(rules::guard(&Guarded { action, observed: &observed, others: &others }))
}
