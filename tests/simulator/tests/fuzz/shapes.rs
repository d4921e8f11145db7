//! What an answer of each surface must look like.

use serde_json::Value;

use crate::{
    surface::Surface,
    wire::{Answer, Request},
};

/// What is wrong with an answer, if anything.
pub(crate) fn wrong(surface: Surface, request: &Request, answer: &Answer) -> Option<String> {
    // Nothing was scripted to fail.
    if answer.status == 500 {
        return Some("500".to_owned());
    }
    if answer.status < 400 || request.method == "HEAD" {
        return None;
    }
    let is_json = answer.headers.contains("content-type: application/json");
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |value: &Value| value.is_string();
    let nested = text(&body["error"]["code"]) && text(&body["error"]["message"]);
    let flat = text(&body["code"]) && text(&body["message"]);
    let fits = is_json
        && match surface {
            Surface::Arm => nested || flat,
            Surface::Vault | Surface::Graph => nested,
            // A path that is none of Entra's is Resource Manager's, on the same host.
            Surface::Entra => nested || (text(&body["error"]) && text(&body["error_description"])),
            // The endpoint on App Service has another shape than that on virtual machines.
            Surface::ManagedIdentity => {
                nested
                    || (text(&body["error"]) && text(&body["error_description"]))
                    || (body["statusCode"] == answer.status && text(&body["message"]))
            }
            Surface::Kubernetes => {
                body["kind"] == "Status"
                    && body["status"] == "Failure"
                    && body["code"] == answer.status
                    && text(&body["message"])
            }
            Surface::Administration => text(&body["error"]),
        };
    // kube-apiserver says this in plain text of what is neither a resource nor a health check.
    let no_page = surface == Surface::Kubernetes
        && answer.status == 404
        && answer.body.starts_with(b"404 page not found");
    (!fits && !no_page).then(|| format!("an error of another shape, {}", answer.status))
}
