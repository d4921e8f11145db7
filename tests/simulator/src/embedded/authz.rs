//! Who asks, and what they may do.

use std::sync::Arc;

use http::{HeaderMap, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    body::{self, Body},
    call::Call,
    route::Resource,
    status::ApiError,
};
use crate::{backend::BackendSpec, bearer::same, given::KubernetesRight};

/// Who sends a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Caller {
    /// `system:masters`: may do everything.
    Admin,
    /// The cluster user, by its token or by an Entra token.
    User,
}

/// Decides who may do what.
pub(super) struct Access {
    pub(super) admin_token: String,
    pub(super) user_token: String,
    entra: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    lacks: Vec<KubernetesRight>,
}

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];

const PATHS: [&str; 5] = ["/healthz", "/livez", "/metrics", "/readyz", "/readyz/kms-providers"];

impl Access {
    /// Makes the tokens of a cluster.
    pub(super) fn new(spec: &BackendSpec) -> Self {
        Self {
            admin_token: format!("admin-{}", Uuid::new_v4().simple()),
            user_token: format!("user-{}", Uuid::new_v4().simple()),
            entra: Arc::clone(&spec.entra),
            lacks: spec.given.access.kubernetes_lacks.clone(),
        }
    }

    /// Who the bearer of the request's token is.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        if same(token, &self.admin_token) {
            Some(Caller::Admin)
        } else if same(token, &self.user_token) || (self.entra)(token) {
            Some(Caller::User)
        } else {
            None
        }
    }

    /// Whether a caller may do something to a resource or a path. Without a namespace: in all.
    pub(super) fn allows(
        &self,
        caller: Caller,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
    ) -> bool {
        let lacking = |right: &KubernetesRight| {
            (right.verb == verb || right.verb == "*" || verb == "*")
                && (right.resource == resource || right.resource == "*" || resource == "*")
                && match (&right.namespace, namespace) {
                    (Some(right), Some(asked)) => right == asked,
                    _ => true,
                }
        };
        caller == Caller::Admin || !self.lacks.iter().any(lacking)
    }

    /// Refuses what the caller of a request may not do to a resource.
    pub(super) fn check(
        &self,
        caller: Caller,
        verb: &str,
        resource: Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<(), ApiError> {
        if self.allows(caller, verb, resource.plural(), namespace) {
            return Ok(());
        }
        let place = namespace.map_or_else(
            || "at the cluster scope".to_owned(),
            |namespace| format!("in the namespace {namespace:?}"),
        );
        let why = format!(
            "User \"clusterUser\" cannot {verb} resource {:?} in API group {:?} {place}",
            resource.plural(),
            resource.group(),
        );
        Err(ApiError::forbidden(&resource.qualified(), name, &why))
    }

    /// Refuses a path that the caller may not get.
    pub(super) fn check_path(&self, caller: Caller, path: &str) -> Result<(), ApiError> {
        // every authenticated user may ask for the version
        if path == "/version" || self.allows(caller, "get", path, None) {
            return Ok(());
        }
        let why = format!("User \"clusterUser\" cannot get path {path:?}");
        Err(ApiError::forbidden("", "", &why))
    }

    /// `selfsubjectaccessreviews`.
    pub(super) fn review(&self, call: &Call) -> Result<http::Response<Body>, ApiError> {
        let mut review: Value = call.json()?;
        let spec = &review["spec"];
        let text =
            |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (attributes, resource) = if spec["nonResourceAttributes"].is_object() {
            (&spec["nonResourceAttributes"], &spec["nonResourceAttributes"]["path"])
        } else {
            (&spec["resourceAttributes"], &spec["resourceAttributes"]["resource"])
        };
        let (Some(verb), Some(resource)) = (text(&attributes["verb"]), text(resource)) else {
            return Err(ApiError::invalid(
                "SelfSubjectAccessReview",
                "",
                "spec.resourceAttributes: Required value",
            ));
        };
        let namespace = text(&attributes["namespace"]);
        let allowed = self.allows(call.caller, &verb, &resource, namespace.as_deref());
        review["status"] = json!({"allowed": allowed});
        if allowed {
            review["status"]["reason"] = json!("RBAC: allowed by ClusterRoleBinding");
        }
        Ok(body::json(&review))
    }

    /// `selfsubjectrulesreviews`.
    pub(super) fn rules(&self, call: &Call) -> Result<http::Response<Body>, ApiError> {
        let mut review: Value = call.json()?;
        let namespace = review["spec"]["namespace"].as_str().filter(|it| !it.is_empty());
        let Some(namespace) = namespace.map(str::to_owned) else {
            return Err(ApiError::bad_request("no namespace on request"));
        };
        let resources = Resource::ALL.iter().map(|resource| {
            let verbs = VERBS
                .into_iter()
                .filter(|verb| self.allows(call.caller, verb, resource.plural(), Some(&namespace)));
            json!({
                "apiGroups": [resource.group()],
                "resources": [resource.plural()],
                "verbs": verbs.collect::<Vec<_>>(),
            })
        });
        let paths: Vec<_> =
            PATHS.into_iter().filter(|path| self.allows(call.caller, "get", path, None)).collect();
        review["status"] = json!({
            "resourceRules": resources.collect::<Vec<_>>(),
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}],
            "incomplete": false,
        });
        Ok(body::json(&review))
    }
}
