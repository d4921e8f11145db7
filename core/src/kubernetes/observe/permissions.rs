//! Which rights are missing, as the API server itself judges them.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::{AT_A_TIME, CANARY, Needs, ObserveScope};
use crate::{
    error::{Error, Result},
    facts::Permission,
    kubernetes::{
        http::{
            request::{Accept, Request},
            transport::KubernetesApi,
        },
        right::KubernetesRight::{
            self, CreateConfigMaps, CreateLeases, CreateSecrets, DeleteCanary, GetKmsHealth,
            GetLease, GetMetrics, GetNamespaces, GetRecord, GetSeal, ListLeases, ListNamespaces,
            ListNodes, ListPods, ListSecrets, PatchSecrets, UpdateLease, UpdateRecord,
        },
    },
};

const SYSTEM: &str = "kube-system";

/// A right, for one object if its name is known beforehand: a role may be that narrow.
struct Right {
    permission: Permission,
    name: Option<&'static str>,
}

impl Right {
    fn new(right: KubernetesRight, namespace: Option<&str>) -> Self {
        let permission = Permission {
            verb: right.verb().to_owned(),
            resource: right.resource().to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
        };
        Self { permission, name: right.object() }
    }

    /// For its object alone: no more is asked for, and no more must be granted.
    fn only(right: KubernetesRight, namespace: Option<&str>) -> Self {
        let mut only = Self::new(right, namespace);
        if let Some(object) = right.object() {
            only.permission.resource = format!("{}/{object}", right.resource());
        }
        only
    }

    fn named(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }
}

/// What is missing of what the verb needs. `watch` is none of it: without it there is another way.
pub(super) async fn missing(
    api: &KubernetesApi,
    scope: ObserveScope<'_>,
) -> Result<Vec<Permission>> {
    let mut rights = fixed(scope);
    for right in rights_on_secrets(scope) {
        let everywhere = Right::new(*right, None);
        match scope.namespaces {
            None => rights.push(everywhere),
            Some(namespaces) if !allowed(api, &everywhere).await? => rights
                .extend(namespaces.iter().map(|namespace| Right::new(*right, Some(namespace)))),
            Some(_) => {}
        }
    }
    let mut missing: Vec<Permission> = stream::iter(rights)
        .map(|right| async move {
            Ok::<_, Error>((!allowed(api, &right).await?).then_some(right.permission))
        })
        .buffered(AT_A_TIME)
        .try_filter_map(async |missing| Ok(missing))
        .try_collect()
        .await?;
    // The canary may live in a namespace that was given.
    let mut seen = Vec::new();
    missing.retain(|permission| {
        let is_new = !seen.contains(permission);
        if is_new {
            seen.push(permission.clone());
        }
        is_new
    });
    Ok(missing)
}

fn rights_on_secrets(scope: ObserveScope<'_>) -> &'static [KubernetesRight] {
    match scope.needs {
        Needs::Rewrite => &[ListSecrets, PatchSecrets],
        Needs::Status if scope.count_secrets => &[ListSecrets],
        Needs::Status => &[],
    }
}

/// The rights that are the same whatever the namespaces.
fn fixed(scope: ObserveScope<'_>) -> Vec<Right> {
    let state = Some(scope.state_namespace);
    match scope.needs {
        Needs::Status => vec![
            Right::new(ListNodes, None),
            Right::new(ListPods, Some(SYSTEM)),
            Right::new(ListLeases, Some(SYSTEM)),
            Right::new(GetNamespaces, Some(SYSTEM)).named(SYSTEM),
            Right::new(GetRecord, state),
            Right::only(GetSeal, state),
            Right::new(GetMetrics, None),
            Right::new(GetKmsHealth, None),
        ],
        Needs::Rewrite => {
            let mut rights = vec![
                // Which API servers there are, so that each is heard.
                Right::new(ListLeases, Some(SYSTEM)),
                Right::new(CreateSecrets, state),
                Right::new(PatchSecrets, state).named(CANARY),
                Right::new(DeleteCanary, state),
            ];
            if scope.journal {
                rights.push(Right::new(GetNamespaces, None).named(SYSTEM));
                rights.push(Right::only(GetSeal, state));
                let of_the_record = [
                    [GetRecord, CreateConfigMaps, UpdateRecord],
                    [GetLease, CreateLeases, UpdateLease],
                ];
                rights.extend(
                    of_the_record.as_flattened().iter().map(|right| Right::new(*right, state)),
                );
            }
            if scope.closes_vault {
                rights.push(Right::new(GetKmsHealth, None));
            }
            if scope.namespaces.is_none() {
                rights.push(Right::new(ListNamespaces, None));
            }
            rights
        }
    }
}

/// Asks by a `SelfSubjectAccessReview`, which writes nothing.
async fn allowed(api: &KubernetesApi, right: &Right) -> Result<bool> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }

    let Permission { verb, resource, namespace } = &right.permission;
    let spec = if resource.starts_with('/') {
        json!({"nonResourceAttributes": {"verb": verb, "path": resource}})
    } else {
        let resource = resource.split('/').next().unwrap_or_default();
        let group = if resource == "leases" { "coordination.k8s.io" } else { "" };
        json!({"resourceAttributes": {
            "verb": verb,
            "group": group,
            "resource": resource,
            "namespace": namespace.as_deref().unwrap_or_default(),
            "name": right.name.unwrap_or_default(),
        }})
    };
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": spec,
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let request = Request::post(path, Accept::Json, review.to_string().into());
    let review: Review = api.read(&request, "ask which rights there are").await?;
    Ok(review.status.allowed)
}
