//! What the API servers ask the simulator for, by webhooks: whether a token is an Entra token,
//! and that it takes note of a write.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use super::rights::CLUSTER_USER;
use crate::{
    backend::OWN_SECRETS,
    bearer::{Bearer, same},
    http::host::Hosts,
    writes::Recorder,
};

/// The user as whom the simulator itself works: what it does is not recorded.
pub(super) const SIMULATOR: &str = "aks-kms-simulator";

type Entra = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The webhooks' server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Hooks {
    address: SocketAddr,
    token: Bearer,
    task: AbortHandle,
}

#[derive(Clone)]
struct Context {
    recorder: Arc<Recorder>,
    entra: Entra,
}

impl Hooks {
    pub(super) async fn start(recorder: Arc<Recorder>, entra: Entra) -> Result<Self, String> {
        let error = |error: std::io::Error| format!("webhooks: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let token = Bearer::new().map_err(error)?;
        let router = Router::new()
            .route("/{secret}/audit", post(audit))
            .route("/{secret}/token", post(review))
            .layer(from_fn_with_state((Hosts::loopback(address.port()), token.clone()), admit))
            .with_state(Context { recorder, entra });
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "webhooks ended");
            }
        });
        Ok(Self { address, token, task: task.abort_handle() })
    }

    /// A kubeconfig, which is how an API server wants to be told about a webhook.
    pub(super) fn kubeconfig(&self, path: &str) -> Value {
        // Without TLS, an API server shows no token: it is in the path.
        let server = format!("http://{}/{}{path}", self.address, self.token.text());
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "hook", "cluster": {"server": server}}],
            "users": [{"name": "hook", "user": {}}],
            "contexts": [{"name": "hook", "context": {"cluster": "hook", "user": "hook"}}],
            "current-context": "hook",
        })
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The audit policy: everybody's writes, before they take effect, without bodies.
pub(super) fn audit_policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
        "rules": [
            {"level": "None", "users": [SIMULATOR, "system:apiserver"]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "Metadata"},
        ],
    })
}

/// Lets through the API servers: they alone have read the token.
async fn admit(
    State((hosts, token)): State<(Hosts, Bearer)>,
    request: Request,
    next: Next,
) -> Response {
    let is_ours = hosts.check(request.uri(), request.headers()).is_ok();
    let shown = request.uri().path().split('/').nth(1).unwrap_or_default();
    if is_ours && same(shown, token.text()) {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

async fn audit(State(context): State<Context>, Json(events): Json<Value>) {
    for event in events["items"].as_array().into_iter().flatten() {
        record(event, &context.recorder);
    }
}

fn record(event: &Value, recorder: &Recorder) {
    let uri = event["requestURI"].as_str().unwrap_or_default();
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let text = |field: &str| event["objectRef"][field].as_str().unwrap_or_default();
    let (resource, name, group) = (text("resource"), text("name"), text("apiGroup"));
    let verb = event["verb"].as_str().unwrap_or_default();
    if query.split('&').any(|pair| pair == "dryRun=All")
        || ["authentication.k8s.io", "authorization.k8s.io"].contains(&group)
        || is_bookkeeping(resource, name)
    {
        return;
    }
    match (verb, resource) {
        ("patch", "secrets") => recorder.patch_secret(),
        ("patch", _) => recorder.kubernetes("PATCH", path, Value::Null),
        ("create", _) => recorder.kubernetes("POST", path, Value::Null),
        ("update", _) => recorder.kubernetes("PUT", path, Value::Null),
        ("delete" | "deletecollection", _) => {
            recorder.kubernetes("DELETE", path, Value::Null);
        }
        _ => {}
    }
}

/// Whether a write is to the library's `Lease`, `ConfigMap` or own secrets. A new object's name is in the
/// body only: of these kinds the library makes no others.
fn is_bookkeeping(resource: &str, name: &str) -> bool {
    match resource {
        "secrets" => name.is_empty() || OWN_SECRETS.contains(&name),
        "leases" | "configmaps" => ["", "aks-kms"].contains(&name),
        _ => false,
    }
}

async fn review(State(context): State<Context>, Json(review): Json<Value>) -> Json<Value> {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let status = if (context.entra)(token) {
        json!({"authenticated": true, "user": {"username": CLUSTER_USER}})
    } else {
        json!({"authenticated": false})
    };
    let api_version = review["apiVersion"].clone();
    Json(json!({"apiVersion": api_version, "kind": "TokenReview", "status": status}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verb: &str, uri: &str, resource: &str, name: &str) -> Value {
        json!({"verb": verb, "requestURI": uri, "objectRef": {"resource": resource, "name": name}})
    }

    #[test]
    fn writes_of_a_case_are_recorded_and_bookkeeping_is_not() {
        let recorder = Recorder::default();
        let secrets = "/api/v1/namespaces/team-1/secrets";
        for event in [
            event("patch", &format!("{secrets}/one"), "secrets", "one"),
            event("patch", &format!("{secrets}/two?fieldManager=x"), "secrets", "two"),
            event("patch", &format!("{secrets}/two?dryRun=All"), "secrets", "two"),
            event("create", secrets, "secrets", ""),
            event("patch", "/api/v1/secrets", "secrets", "aks-kms-canary"),
            event("update", "/apis/coordination.k8s.io/v1/leases", "leases", "aks-kms"),
            event("delete", &format!("{secrets}/one"), "secrets", "one"),
        ] {
            record(&event, &recorder);
        }
        let writes = serde_json::to_value(recorder.all()).unwrap();
        let path = format!("{secrets}/one");
        assert_eq!(
            writes,
            json!([
                {"patch_secrets": 2},
                {"target": "kubernetes", "method": "DELETE", "path": path},
            ])
        );
    }
}
