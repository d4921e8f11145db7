//! The life of a namespace: made, told to end, and gone when nothing holds it any more.
//!
//! Nobody here empties a namespace that ends, as the namespace controller would. Somebody who
//! takes its finalizers away leaves what is in it behind, as on a real API server.

use http::Response;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    body::Body, call::Call, cluster::Cluster, documents::Documents, forms, route::Resource,
    secret::timestamp, status::ApiError, store::Store,
};

/// What a namespace has when it is made.
pub(super) fn complete(namespace: &mut Value) {
    let name = namespace["metadata"]["name"].clone();
    namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    namespace["spec"] = json!({"finalizers": ["kubernetes"]});
    namespace["status"] = json!({"phase": "Active"});
}

/// Whether something keeps a namespace that was told to end.
pub(super) fn is_held(namespace: &Value) -> bool {
    namespace["spec"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty())
}

/// Whether a DELETE leaves it: the first one only tells it to end.
pub(super) fn is_kept(namespace: &Value) -> bool {
    is_held(namespace) || namespace["metadata"]["deletionTimestamp"].is_null()
}

/// Tells a namespace to end.
pub(super) fn end(namespace: &mut Value, store: &Store) {
    if namespace["metadata"]["deletionTimestamp"].is_null() {
        let now = timestamp(OffsetDateTime::now_utc().unix_timestamp());
        namespace["metadata"]["deletionTimestamp"] = json!(now);
        namespace["status"]["phase"] = json!("Terminating");
        namespace["metadata"]["resourceVersion"] = json!(store.advance().to_string());
    }
}

/// Answers `PUT …/finalize`: the finalizers are those of the body, and without any a namespace that
/// was told to end is gone, whatever is in it.
pub(super) fn finalize(
    cluster: &Cluster,
    name: &str,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let finalizers = call.json()?["spec"]["finalizers"].clone();
    let store = &cluster.store;
    let change = |namespace: &mut Value| {
        namespace["spec"]["finalizers"] = finalizers;
        namespace["metadata"]["resourceVersion"] = json!(store.advance().to_string());
        let goes = !is_held(namespace) && !namespace["metadata"]["deletionTimestamp"].is_null();
        (goes, namespace.clone())
    };
    let namespace = cluster.documents.change_namespace(name, change);
    let namespace = namespace.ok_or_else(|| ApiError::not_found("namespaces", name))?;
    Ok(forms::object(Resource::Namespaces, namespace, call.form))
}

/// Refuses to make something where there is no namespace, or one that ends.
pub(super) fn admit(documents: &Documents, name: &str, resource: &str) -> Result<(), ApiError> {
    let namespace = documents.namespace(name);
    let namespace = namespace.ok_or_else(|| ApiError::not_found("namespaces", name))?;
    if namespace["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why =
        format!("unable to create new content in namespace {name} because it is being terminated");
    Err(ApiError::forbidden(resource, "", &why))
}
