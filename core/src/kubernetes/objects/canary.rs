//! The secret that we write ourselves, to see which key it is encrypted with.

use bytes::Bytes;
use serde_json::json;

use super::admission::Denial;
use crate::{
    error::Result,
    facts::DeniedPatch,
    kubernetes::http::{
        paths::{secrets_path, with_query},
        request::{Accept, Request},
        status::{denial, describe, response_error, send_error},
        transport::KubernetesApi,
    },
};

/// Its name, where nobody else has a secret of that name.
pub(crate) const CANARY: &str = "aks-kms-canary";
/// What it is known by.
pub(crate) const CANARY_TYPE: &str = "aks-kms/canary";

/// The canary as it is made.
pub(crate) fn canary_object(namespace: &str, name: &str) -> Bytes {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "aks-kms"},
        },
        "type": CANARY_TYPE,
    });
    Bytes::from(object.to_string())
}

/// Asks admission whether the canary may be made. Nothing is written.
pub(in crate::kubernetes) async fn canary_denied(
    api: &KubernetesApi,
    namespace: &str,
) -> Result<Option<DeniedPatch>> {
    let query = [("dryRun", "All"), ("includeObject", "None")];
    let path = with_query(&secrets_path(namespace), &query);
    let request = Request::post(path, Accept::Table, canary_object(namespace, CANARY));
    let doing = format!("try to make secret {namespace}/{CANARY}");
    let response =
        api.ask(&request).await.map_err(|error| send_error(error, &doing, api.host()))?;
    let said = denial(&response);
    let is_denied = match response.status {
        // 409: there is one, and admission was asked before.
        200..=299 | 409 if said.is_none() => false,
        _ if said.as_ref().is_some_and(Denial::not_in_a_trial) => false,
        _ if said.is_some() => true,
        400 | 403 | 413 | 422 => true,
        _ => return Err(response_error(&response, &doing, api.host())),
    };
    Ok(is_denied.then(|| DeniedPatch {
        secret: format!("{namespace}/{CANARY}"),
        message: describe(&response),
    }))
}
