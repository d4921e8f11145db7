//! Permissions: what each verb needs is what `docs/permissions.md` says.

mod document;
mod run;
mod table;

use futures::{StreamExt, stream};
use serde_json::json;

use self::{
    run::{Outcome, Run, World},
    table::{CALLS, Needed, Without, rights},
};
use crate::{Finding, FindingState, KubernetesAccess, azure::AzureAction};

/// So many calls are made at once.
const AT_A_TIME: usize = 8;

/// With exactly the rights that the page has, a call ends well and uses no other; without any one of them
/// it does what the page says.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_needs_the_rights_that_the_page_has() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for call in CALLS {
        runs.push((call, None));
        runs.extend(rights(call).into_iter().map(|right| (call, Some(right))));
    }
    let world = &world;
    let wrong = stream::iter(runs)
        .map(async |(call, left_out)| {
            let run = Run::of(call);
            let of_call = rights(call);
            match left_out {
                None => with_all(world, &run, &of_call).await,
                Some((right, without)) => {
                    let mut left = of_call;
                    left.retain(|(other, _)| *other != right);
                    let outcome = world.call(&run, &rights_of(&left)).await;
                    let seen = seen(&outcome, right);
                    let wrong = seen != Some(without);
                    wrong.then(|| {
                        format!(
                            "{call} without {right:?}: {seen:?} instead of {without:?}: {:?}",
                            outcome.result
                        )
                    })
                }
            }
        })
        .buffer_unordered(AT_A_TIME)
        .filter_map(async |wrong| wrong);
    let mut wrong: Vec<String> = wrong.collect().await;
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn with_all(world: &World, run: &Run, of_call: &[(Needed, Without)]) -> Option<String> {
    let outcome = world.call(run, &rights_of(of_call)).await;
    let is_listed = |used: &&_| !of_call.iter().any(|(right, _)| right.is(used));
    let others: Vec<_> = outcome.uses.iter().filter(is_listed).collect();
    let is_undetermined = |finding: &Finding| finding.state == FindingState::Undetermined;
    match &outcome.result {
        Ok(findings) if others.is_empty() && !findings.iter().any(is_undetermined) => None,
        result => Some(format!("{} with all: {result:?}, and uses {others:?}", run.verb)),
    }
}

/// The rights of a call, without some and with others.
fn but(call: &str, without: &[Needed], with: &[Needed]) -> Vec<Needed> {
    let mut all = rights_of(&rights(call));
    all.retain(|right| !without.contains(right));
    all.extend(with);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_credential_is_a_right_of_its_own() {
    let world = World::new().await;
    let run = Run { kubernetes: KubernetesAccess::ClusterAdmin, ..Run::of("status") };
    let (user, admin) =
        (AzureAction::GetUserCredential.into(), AzureAction::GetAdminCredential.into());
    let with = world.call(&run, &but("status", &[user], &[admin])).await;
    assert_eq!(seen(&with, admin), Some(Without::Does), "{:?}", with.result);
    let without = world.call(&run, &but("status", &[], &[])).await;
    assert_eq!(seen(&without, admin), Some(Without::Finds), "{:?}", without.result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_can_be_recovered_is_told_from_one_that_is_gone() {
    let world = World::new().await;
    let run = Run::of("enable").given(json!({"vault": {"soft_deleted": true}}));
    let deleted = AzureAction::ReadDeletedVaults.into();
    let refused = async |rights: Vec<Needed>| world.call(&run, &rights).await.result.unwrap_err();
    let with = refused(but("enable", &[], &[deleted])).await;
    assert!(with.to_string().contains("[vault-soft-deleted]"), "{with}");
    assert!(!deleted.is_named_in(&with.to_string()), "{with}");
    let without = refused(but("enable", &[], &[])).await;
    assert!(deleted.is_named_in(&without.to_string()), "{without}");
}

/// Either of two rights to read the key is enough.
#[tokio::test(flavor = "multi_thread")]
async fn the_vault_tells_of_a_key_that_resource_manager_may_not_show() {
    let world = World::new().await;
    let (run, version) = (Run::of("enable"), AzureAction::ReadKeyVersion.into());
    let rights = but("enable", &[version], &[AzureAction::ReadKeyInVault.into()]);
    let outcome = world.call(&run, &rights).await;
    assert_eq!(seen(&outcome, version), Some(Without::Does), "{:?}", outcome.result);
}

fn rights_of(of_call: &[(Needed, Without)]) -> Vec<Needed> {
    of_call.iter().map(|(right, _)| *right).collect()
}

/// What came of a call without a right; `None`: it failed and did not name it.
fn seen(outcome: &Outcome, right: Needed) -> Option<Without> {
    match &outcome.result {
        Err(error) => right.is_named_in(&error.to_string()).then_some(Without::Fails),
        Ok(findings) => {
            let is_named = findings.iter().any(|finding| right.is_named_in(&finding.message));
            Some(if is_named { Without::Finds } else { Without::Does })
        }
    }
}
