//! How many secrets there are, and whether admission would let them be patched.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::{AT_A_TIME, ObserveScope, each_page, list_page};
use crate::{
    error::{Error, Result},
    facts::{DeniedPatch, Fact, Permission},
    kubernetes::{
        http::{
            paths::{namespaces_path, secret_path, secrets_path, with_query},
            request::{Accept, Request},
            status::{denial, describe, not_kubernetes, response_error, send_error},
            transport::KubernetesApi,
        },
        objects::{
            admission::Denial,
            canary::{CANARY, CANARY_TYPE, canary_denied},
        },
        tables::table::{TablePage, parse_page},
    },
};

/// In how many namespaces admission is asked.
const SAMPLE: usize = 20;

const NOT_ASKED: &str = "not asked for";

/// The secrets in the scope, without the canary.
pub(super) async fn count(api: &KubernetesApi, scope: ObserveScope<'_>) -> Fact<u64> {
    if !scope.count_secrets {
        return Fact::Unknown(NOT_ASKED.to_owned());
    }
    count_all(api, scope).await.into()
}

async fn count_all(api: &KubernetesApi, scope: ObserveScope<'_>) -> Result<u64> {
    let is_counted = |namespaces: &[String]| {
        namespaces.iter().any(|namespace| namespace == scope.state_namespace)
    };
    let total = async {
        let Some(namespaces) = scope.namespaces else {
            return count_list(api, "/api/v1/secrets", "list secrets in all namespaces").await;
        };
        stream::iter(namespaces.to_vec())
            .map(|namespace| async move {
                count_list(api, &secrets_path(&namespace), &doing(&namespace)).await
            })
            .buffer_unordered(AT_A_TIME)
            .try_fold(0, async |sum: u64, count| Ok(sum.saturating_add(count)))
            .await
    };
    let canary = async {
        if scope.namespaces.is_none_or(is_counted) {
            canary(api, scope.state_namespace).await
        } else {
            Ok(0)
        }
    };
    let (total, canary) = futures::try_join!(total, canary)?;
    Ok(total.saturating_sub(canary))
}

fn doing(namespace: &str) -> String {
    format!("list secrets in namespace {namespace}")
}

async fn count_list(api: &KubernetesApi, path: &str, doing: &str) -> Result<u64> {
    let first = list_page(api, path, 1, None, doing).await?;
    let mut total = counted(&first);
    // Normally the API server tells how many are left; else they are counted.
    if let (Some(token), None) = (first.continue_token, first.remaining) {
        each_page(api, path, Some(token), doing, |page| {
            total = total.saturating_add(counted(page));
            page.remaining.is_none()
        })
        .await?;
    }
    Ok(total)
}

/// The secrets in the page, and those that are said to be on later ones.
fn counted(page: &TablePage) -> u64 {
    let later = page.remaining.filter(|_| page.continue_token.is_some());
    (page.names.len() as u64).saturating_add(later.unwrap_or_default())
}

/// One if a canary was left behind. A list, because `get` on secrets is not among our rights.
async fn canary(api: &KubernetesApi, namespace: &str) -> Result<u64> {
    let doing = doing(namespace);
    let selector = format!("metadata.name={CANARY},type={CANARY_TYPE}");
    let query = [("includeObject", "None"), ("fieldSelector", selector.as_str())];
    let path = with_query(&secrets_path(namespace), &query);
    let response = api.call(&Request::get(path, Accept::Table), &doing).await?;
    let page = parse_page(&response.body).map_err(|_| not_kubernetes(&doing, api.host()))?;
    Ok(u64::from(page.names.iter().any(|name| name == CANARY)))
}

/// Asks admission about the first secret of some namespaces.
pub(super) async fn denied_patches(
    api: &KubernetesApi,
    scope: ObserveScope<'_>,
    missing: &Fact<Vec<Permission>>,
    first: Result<Vec<Result<Option<FirstSecret>>>>,
) -> Result<Vec<DeniedPatch>, String> {
    if !scope.dry_run_patches {
        return Err(NOT_ASKED.to_owned());
    }
    let missing = missing.get()?;
    if let Some(permission) = missing.iter().find(|permission| concerns_secrets(permission, scope))
    {
        return Err(format!("{} on secrets is not allowed", permission.verb));
    }
    ask_admission(api, first).await.map_err(|error| error.to_string())
}

/// Asks admission about our own secret.
pub(super) async fn denied_canary(
    api: &KubernetesApi,
    scope: ObserveScope<'_>,
    missing: &Fact<Vec<Permission>>,
) -> Result<Option<DeniedPatch>, String> {
    if !scope.dry_run_patches {
        return Err(NOT_ASKED.to_owned());
    }
    if !may_make_canary(scope, missing.get()?) {
        return Err("create on secrets is not allowed".to_owned());
    }
    canary_denied(api, scope.state_namespace).await.map_err(|error| error.to_string())
}

/// Whether this is a right to the secrets of the scope, not only to the canary.
fn concerns_secrets(permission: &Permission, scope: ObserveScope<'_>) -> bool {
    let in_scope = match (scope.namespaces, &permission.namespace) {
        (None, namespace) => namespace.is_none(),
        (Some(namespaces), Some(namespace)) => namespaces.contains(namespace),
        (Some(_), None) => false,
    };
    in_scope
        && permission.resource == "secrets"
        && matches!(permission.verb.as_str(), "list" | "patch")
}

/// The first secret of a namespace, by their names.
pub(super) struct FirstSecret {
    namespace: String,
    name: String,
}

/// The first secret of some namespaces, or why it cannot be told. Only names are read, so this need not wait for the
/// rights: without them it fails, and nothing is made of it.
pub(super) async fn first_of_namespaces(
    api: &KubernetesApi,
    scope: ObserveScope<'_>,
) -> Result<Vec<Result<Option<FirstSecret>>>> {
    if !scope.dry_run_patches {
        return Ok(Vec::new());
    }
    let namespaces = match scope.namespaces {
        Some(namespaces) => namespaces.to_vec(),
        None => all_namespaces(api).await?,
    };
    Ok(stream::iter(sample(&namespaces, SAMPLE))
        .map(|namespace| async move {
            let path = secrets_path(&namespace);
            let page = list_page(api, &path, 2, None, &doing(&namespace)).await?;
            let name = page.names.into_iter().find(|name| name != CANARY);
            Ok(name.map(|name| FirstSecret { namespace, name }))
        })
        .buffered(AT_A_TIME)
        .collect()
        .await)
}

async fn ask_admission(
    api: &KubernetesApi,
    first: Result<Vec<Result<Option<FirstSecret>>>>,
) -> Result<Vec<DeniedPatch>> {
    let asked: Vec<Result<Option<DeniedPatch>>> = stream::iter(first?)
        .map(|first| async move {
            match first? {
                Some(secret) => ask_about(api, &secret).await,
                None => Ok(None),
            }
        })
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let mut denied = Vec::new();
    let mut failed: Option<Error> = None;
    for outcome in asked {
        match outcome {
            Ok(found) => denied.extend(found),
            Err(error) => failed = Some(error),
        }
    }
    // A denial is certain, whatever else could not be asked.
    match failed {
        Some(error) if denied.is_empty() => Err(error),
        _ => Ok(denied),
    }
}

/// Where it may not, that is told as a right that is missing.
fn may_make_canary(scope: ObserveScope<'_>, missing: &[Permission]) -> bool {
    !missing.iter().any(|permission| {
        permission.resource == "secrets"
            && permission.verb == "create"
            && permission.namespace.as_deref() == Some(scope.state_namespace)
    })
}

async fn ask_about(api: &KubernetesApi, first: &FirstSecret) -> Result<Option<DeniedPatch>> {
    let FirstSecret { namespace, name } = first;
    let query = [("dryRun", "All"), ("includeObject", "None")];
    let path = with_query(&secret_path(namespace, name), &query);
    let request = Request::merge_patch(path, Accept::Table, Bytes::from_static(b"{}"));
    let doing = format!("try a patch of secret {namespace}/{name}");
    let response =
        api.ask(&request).await.map_err(|error| send_error(error, &doing, api.host()))?;
    let said = describe(&response);
    let denial = denial(&response);
    if denial.as_ref().is_some_and(Denial::not_in_a_trial) {
        return Ok(None);
    }
    let is_denied = match response.status {
        // Deleted meanwhile.
        200..=299 | 404 if denial.is_none() => return Ok(None),
        400 | 403 | 422 => true,
        _ => denial.is_some(),
    };
    if is_denied {
        Ok(Some(DeniedPatch { secret: format!("{namespace}/{name}"), message: said }))
    } else {
        Err(response_error(&response, &doing, api.host()))
    }
}

async fn all_namespaces(api: &KubernetesApi) -> Result<Vec<String>> {
    let mut names = Vec::new();
    each_page(api, &namespaces_path(), None, "list namespaces", |page| {
        names.append(&mut page.names);
        true
    })
    .await?;
    Ok(names)
}

/// At most `size` of them, evenly spread.
fn sample(names: &[String], size: usize) -> Vec<String> {
    let taken = names.len().min(size);
    (0..taken).map(|index| names[index * names.len() / taken].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_never_repeats() {
        let names: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let taken = sample(&names, 20);
        assert_eq!(taken.len(), 20);
        assert_eq!(taken.first().unwrap(), "0");
        assert_eq!(taken.last().unwrap(), "47");
        let mut unique = taken.clone();
        unique.dedup();
        assert_eq!(unique, taken);
        assert_eq!(sample(&names[..3], 20), names[..3]);
        assert!(sample(&[], 20).is_empty());
    }
}
