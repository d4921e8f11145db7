//! Who asks, and what they may do.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    body::{self, Body},
    call::Call,
    route::Resource,
    status::ApiError,
};
use crate::{
    backend::BackendSpec,
    bearer::same,
    given::{self, EVERYBODYS},
    writes::{Recorder, Use},
};

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
    rights: Mutex<given::Access>,
    recorder: Arc<Recorder>,
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
            rights: Mutex::new(spec.given.access.clone()),
            recorder: Arc::clone(&spec.recorder),
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

    /// Whether a caller may do something to a resource or a path. Without a namespace: in all;
    /// without a name: to every object.
    fn allows(
        &self,
        caller: Caller,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> bool {
        let rights = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        caller == Caller::Admin || rights.allows(verb, resource, namespace, name)
    }

    /// Gives the cluster user other rights.
    pub(super) fn set(&self, rights: given::Access) {
        *self.rights.lock().unwrap_or_else(PoisonError::into_inner) = rights;
    }

    /// Notes a right that the cluster user had and used.
    fn use_of(
        &self,
        caller: Caller,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) {
        if caller == Caller::User {
            self.recorder.used(Use::Kubernetes {
                verb: verb.to_owned(),
                resource: resource.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.map(str::to_owned),
            });
        }
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
        let object = Some(name).filter(|name| !name.is_empty());
        if self.allows(caller, verb, resource.plural(), namespace, object) {
            self.use_of(caller, verb, resource.plural(), namespace, object);
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
        if self.allows(caller, "get", path, None, None) {
            if !EVERYBODYS.contains(&path) {
                self.use_of(caller, "get", path, None, None);
            }
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
        let [namespace, name] = ["namespace", "name"].map(|field| text(&attributes[field]));
        let allowed =
            self.allows(call.caller, &verb, &resource, namespace.as_deref(), name.as_deref());
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
            let verbs = VERBS.into_iter().filter(|verb| {
                self.allows(call.caller, verb, resource.plural(), Some(&namespace), None)
            });
            json!({
                "apiGroups": [resource.group()],
                "resources": [resource.plural()],
                "verbs": verbs.collect::<Vec<_>>(),
            })
        });
        let paths: Vec<_> = PATHS
            .into_iter()
            .filter(|path| self.allows(call.caller, "get", path, None, None))
            .collect();
        review["status"] = json!({
            "resourceRules": resources.collect::<Vec<_>>(),
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": paths}],
            "incomplete": false,
        });
        Ok(body::json(&review))
    }
}
