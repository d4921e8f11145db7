//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{
    body::{self, Body},
    call::Call,
    cluster::Cluster,
    documents, health, list, metrics, namespaces,
    process::Process,
    route::{self, Resource, Route},
    status::ApiError,
    watch,
    write::Target,
};
use crate::{
    backend::{CANARY, SEAL},
    http::host::Hosts,
};

/// The connection is to be dropped without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(super) struct Dropped;

/// Answers a request that came to `process`.
pub(super) async fn answer(
    cluster: Arc<Cluster>,
    process: Arc<Process>,
    hosts: Hosts,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    if let Err(message) = hosts.check(request.uri(), request.headers()) {
        return Ok(ApiError::misdirected(message).response());
    }
    let _in_flight = cluster.traffic.enter();
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let (latency, fault) = {
        let latency = cluster.script.faults().kubernetes_latency_ms;
        let path_and_query = parts.uri.path_and_query().map_or("", |it| it.as_str());
        (latency, cluster.script.meet(&parts.method, path_and_query))
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    cluster.recorder.requests.add("kubernetes", method, path);
    if latency > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(latency)).await;
    }
    let caller = cluster.access.caller(&parts.headers);
    if caller.is_some() {
        record(&cluster, &parts, &body);
    }
    let answer = async {
        let caller = caller.ok_or_else(ApiError::unauthorized)?;
        let query = parts.uri.query().unwrap_or_default();
        let call = Call::new(parts.method.clone(), query, &parts.headers, body, caller)?;
        dispatch(&cluster, &process, parts.uri.path(), &call).await
    };
    if let Some(fault) = fault {
        if fault.takes_effect {
            // done, but the client will not know
            let _ = answer.await;
        }
        if fault.status == 0 {
            return Err(Dropped);
        }
        if fault.web_page {
            return Ok(super::body::web_page(fault.status));
        }
        return Ok(ApiError::scripted(fault.status, fault.retry_after).response());
    }
    Ok(answer.await.unwrap_or_else(|error| error.response()))
}

/// Records a write.
fn record(cluster: &Cluster, parts: &http::request::Parts, body: &Bytes) {
    if parts.method == Method::GET
        || super::call::Query::parse(parts.uri.query().unwrap_or_default()).get("dryRun").is_some()
    {
        return;
    }
    let path = parts.uri.path();
    let resource = match Route::parse(path) {
        Some(Route::Resource { resource, name, .. }) => {
            let created = || {
                let object: Option<Value> = serde_json::from_slice(body).ok();
                object?["metadata"]["name"].as_str().map(str::to_owned)
            };
            let name = name.or_else(|| (resource == Resource::Secrets).then(created).flatten());
            let is_ours = |name: String| {
                name.starts_with(CANARY) || (name == SEAL && parts.method == Method::POST)
            };
            if resource == Resource::Secrets && name.is_some_and(is_ours) {
                return;
            }
            Some(resource)
        }
        _ => None,
    };
    match resource {
        Some(
            Resource::AccessReviews
            | Resource::RulesReviews
            | Resource::Leases
            | Resource::ConfigMaps,
        ) => {}
        Some(Resource::Secrets) if parts.method == Method::PATCH => cluster.recorder.patch_secret(),
        // values stay where they are
        Some(Resource::Secrets) => {
            cluster.recorder.kubernetes(parts.method.as_str(), path, Value::Null);
        }
        _ => {
            let body = serde_json::from_slice(body).unwrap_or_default();
            cluster.recorder.kubernetes(parts.method.as_str(), path, body);
        }
    }
}

async fn dispatch(
    cluster: &Arc<Cluster>,
    process: &Arc<Process>,
    path: &str,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let Some(route) = Route::parse(path) else {
        return Err(ApiError::no_such_resource());
    };
    let (resource, namespace, name) = match route {
        Route::Path => return non_resource(cluster, process, path, call).await,
        Route::Finalize(name) => {
            if call.method != Method::PUT {
                return Err(ApiError::method_not_allowed());
            }
            let (place, resource) = (Some(&*name), Resource::Namespaces);
            cluster.access.check(call.caller, "update", resource, place, &name)?;
            return namespaces::finalize(cluster, &name, call);
        }
        Route::Resource { resource, namespace, name } => (resource, namespace, name),
    };
    if matches!(resource, Resource::AccessReviews | Resource::RulesReviews) {
        return match (&call.method, resource) {
            (&Method::POST, Resource::AccessReviews) => cluster.access.review(call),
            (&Method::POST, _) => cluster.access.rules(call),
            _ => Err(ApiError::method_not_allowed()),
        };
    }
    let watched = call.query.on("watch");
    let verb = route::verb(&call.method, name.is_some(), watched)
        .ok_or_else(ApiError::method_not_allowed)?;
    let place = match (resource, &name) {
        (Resource::Namespaces, Some(name)) => Some(&**name),
        _ => namespace.as_deref(),
    };
    let named = name.as_deref().unwrap_or_default();
    cluster.access.check(call.caller, verb, resource, place, named)?;
    if resource == Resource::Secrets {
        let namespace = namespace.as_deref();
        return secrets(cluster, process, namespace, name.as_deref(), verb, call).await;
    }
    let request = documents::Request { cluster, resource, namespace: namespace.as_deref(), call };
    match verb {
        "list" => request.list(),
        "get" => request.get(named),
        "create" if namespace.is_some() || !resource.namespaced() => request.create(),
        "update" | "patch" => request.change(named),
        "delete" => request.delete(named),
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn secrets(
    cluster: &Arc<Cluster>,
    process: &Arc<Process>,
    namespace: Option<&str>,
    name: Option<&str>,
    verb: &str,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    match verb {
        "list" => return list::list(cluster, process, namespace, call).await,
        "watch" => {
            let synced = process.synced(&cluster.store.seals()).await;
            return watch::watch(cluster, process, namespace, call, synced);
        }
        _ => {}
    }
    let namespace = namespace.ok_or_else(ApiError::method_not_allowed)?;
    if verb == "create" {
        let object = call.json()?;
        let Some(name) = object["metadata"]["name"].as_str().filter(|name| !name.is_empty()) else {
            return Err(ApiError::invalid(
                "Secret",
                "",
                "metadata.name: Required value: name or generateName is required",
            ));
        };
        return Target { cluster, process, namespace, name }.create(call).await;
    }
    let name = name.ok_or_else(ApiError::method_not_allowed)?;
    let target = Target { cluster, process, namespace, name };
    match verb {
        "get" => target.get(call).await,
        "patch" => target.patch(call).await,
        "update" => target.replace(call).await,
        _ => target.delete(call).await,
    }
}

async fn non_resource(
    cluster: &Cluster,
    process: &Process,
    path: &str,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    if call.method != Method::GET {
        return Err(ApiError::method_not_allowed());
    }
    cluster.access.check_path(call.caller, path)?;
    match path.trim_end_matches('/') {
        "/version" => {
            let version = cluster.version();
            let mut numbers = version.split('.');
            let (major, minor) = (numbers.next(), numbers.next());
            Ok(body::json(&json!({
                "major": major,
                "minor": minor,
                "gitVersion": format!("v{version}"),
                "gitCommit": "0000000000000000000000000000000000000000",
                "gitTreeState": "clean",
                "buildDate": "2026-01-01T00:00:00Z",
                "goVersion": "go1.25",
                "compiler": "gc",
                "platform": "linux/amd64",
            })))
        }
        "/livez" | "/healthz" => Ok(body::text("ok".to_owned())),
        "/readyz" => Ok(health::ready(cluster, process).await),
        "/readyz/kms-providers" => Ok(health::kms_providers(process).await),
        "/metrics" => Ok(body::text(metrics::render(cluster, process))),
        _ => Ok(body::no_such_page()),
    }
}
