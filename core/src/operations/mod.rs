//! The verbs as pure plans: one file each, in the order of the documentation page.

mod disable;
mod enable;
mod reencrypt_secrets;
mod rotate;
mod status;
mod way_back;

pub(crate) use status::findings as status;

use crate::{
    catalogue::RuleId,
    error::Result,
    model::{Fact, Intent, ReencryptOptions},
    observed::Observed,
    plan::Plan,
};

/// The plan of a verb that writes, from what was observed.
pub(crate) fn plan(
    observed: &Observed,
    intent: &Intent,
    reencrypt: &ReencryptOptions,
    allow: &[RuleId],
) -> Result<Plan> {
    let back = allow.contains(&RuleId::WayBackUnproven);
    let plan = match intent {
        Intent::Enable(asked) => enable::plan(observed, asked, reencrypt),
        Intent::Rotate(asked) => rotate::plan(observed, asked, reencrypt, back),
        Intent::Disable(asked) => disable::plan(observed, asked, reencrypt, back),
        Intent::ReencryptSecrets(asked) => reencrypt_secrets::plan(observed, asked, reencrypt),
    }?;
    Ok(match &observed.record {
        None => plan,
        // While the API server is down, the way back has nowhere to be recorded before.
        Some(record) => plan.recorded(matches!(record, Fact::Known(_))),
    })
}
