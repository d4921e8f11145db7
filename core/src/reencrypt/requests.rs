//! The requests of the engine. None asks for a response with a value, an annotation or a label.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{
        Accept, KubernetesApi, Request, Response, SendError, ServerMetrics, Status, TablePage,
        UndecryptableList, all_secrets_path, describe, is_html, is_not_transformed,
        namespaces_path, object_resource_version, parse_page, scrape, secret_path, secrets_path,
        value_free_list, with_query,
    },
    report::BlockedReason,
};

/// Names in one page of a list.
pub(super) const PAGE: u32 = 500;

/// What became of asking for a page.
#[derive(Debug)]
pub(super) enum PageResponse {
    Page(TablePage),
    /// The continue token is too old; the server may offer another.
    Expired(Option<String>),
    /// Secrets in the page cannot be decrypted.
    Unreadable(UndecryptableList),
    /// Worth trying again.
    Retry {
        after: Option<Duration>,
        message: String,
    },
}

/// How a secret is patched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// Not at all: the API server rewrites what is not under the key that it writes with.
    Nothing,
    /// An annotation with the watermark of the pass. KMS v1 compares no keys, so only a change makes
    /// the API server write; one after the watermark is under the key in use.
    Touch { watermark: u64 },
}

impl Change {
    fn body(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::from_static(b"{}"),
            Self::Touch { watermark } => Bytes::from(format!(
                r#"{{"metadata":{{"annotations":{{"aks-kms/epoch":"{watermark}"}}}}}}"#
            )),
        }
    }
}

/// What became of a patch.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum PatchResponse {
    /// The secret's resource version now.
    Version(u64),
    Gone,
    Blocked(BlockedReason, String),
    /// The server is overloaded or was not reached; the outcome is unknown.
    Overloaded {
        after: Option<Duration>,
        message: String,
    },
    /// The server failed to do it.
    Broken(String),
}

impl PatchResponse {
    /// Whether it shows by itself that there is a secret of this name, or, where a list agrees, that
    /// there is none.
    pub(super) fn tells_of_the_secret(&self) -> bool {
        match self {
            Self::Version(_) | Self::Gone | Self::Blocked(BlockedReason::Unreadable, _) => true,
            Self::Blocked(..) | Self::Overloaded { .. } | Self::Broken(_) => false,
        }
    }
}

/// A page of the names of all namespaces.
pub(super) async fn namespaces_page(
    api: &KubernetesApi,
    limit: u32,
    next: Option<&str>,
) -> Result<PageResponse> {
    page(api, &namespaces_path(), "list namespaces", limit, next).await
}

/// A page of the names of a namespace's secrets.
pub(super) async fn secrets_page(
    api: &KubernetesApi,
    namespace: &str,
    limit: u32,
    next: Option<&str>,
) -> Result<PageResponse> {
    let doing = format!("list secrets in namespace {namespace}");
    page(api, &secrets_path(namespace), &doing, limit, next).await
}

/// The first secret of all at the place of a token.
pub(super) async fn first_secret(api: &KubernetesApi, next: Option<&str>) -> Result<PageResponse> {
    page(api, &all_secrets_path(), "list secrets in all namespaces", 1, next).await
}

/// Whether a list shows a secret. `None`: no list could be read, or not of this one.
pub(super) async fn is_listed(
    api: &KubernetesApi,
    namespace: &str,
    name: &str,
) -> Result<Option<bool>> {
    let field = format!("metadata.name={name}");
    let query = [("includeObject", "None"), ("limit", "1"), ("fieldSelector", field.as_str())];
    let request = Request::get(with_query(&secrets_path(namespace), &query), Accept::Table);
    let Ok(response) = send(api, &request, "list secrets").await? else { return Ok(None) };
    if response.status != 200 {
        return Ok(None);
    }
    let page = parse_page(&response.body).ok();
    Ok(page.map(|page| page.names.iter().any(|listed| listed == name)))
}

async fn page(
    api: &KubernetesApi,
    path: &str,
    doing: &str,
    limit: u32,
    next: Option<&str>,
) -> Result<PageResponse> {
    let request = Request::get(value_free_list(path, limit, next), Accept::Table);
    let response = match send(api, &request, doing).await? {
        Ok(response) => response,
        Err(message) => return Ok(PageResponse::Retry { after: None, message }),
    };
    if let Some(list) = UndecryptableList::read(&response) {
        return Ok(PageResponse::Unreadable(list));
    }
    let message = || describe(&response);
    Ok(match response.status {
        200 | 300..=400 | 402..=499 if is_html(&response) => {
            PageResponse::Retry { after: response.retry_after, message: message() }
        }
        200 => parse_page(&response.body)
            .map(PageResponse::Page)
            .map_err(|_| api.unexpected_response(doing))?,
        410 => {
            let status = Status::parse(&response.body).unwrap_or_default();
            PageResponse::Expired(status.continue_token().map(str::to_owned))
        }
        408 | 429 | 500..=599 => {
            PageResponse::Retry { after: response.retry_after, message: message() }
        }
        _ => return Err(api.refused(&response, doing)),
    })
}

/// A merge patch of a secret.
pub(super) async fn patch(
    api: &KubernetesApi,
    namespace: &str,
    name: &str,
    change: Change,
) -> Result<PatchResponse> {
    let path = format!("{}?fieldManager=aks-kms&includeObject=None", secret_path(namespace, name));
    let request = Request::merge_patch(path, Accept::Table, change.body());
    match send(api, &request, "patch secrets").await? {
        Ok(response) => classify(api, &response, namespace, name),
        Err(message) => Ok(PatchResponse::Overloaded { after: None, message }),
    }
}

fn classify(
    api: &KubernetesApi,
    response: &Response,
    namespace: &str,
    name: &str,
) -> Result<PatchResponse> {
    if response.status == 200
        && let Ok(version) = object_resource_version(&response.body)
    {
        return Ok(PatchResponse::Version(version));
    }
    let doing = "patch secrets";
    let message = describe(response);
    let status = Status::parse(&response.body);
    // Whatever admission says is about this secret: the code and the words are its own choice.
    if let Some(denial) = status.as_ref().and_then(|status| status.denial.as_ref()) {
        let reason = if denial.denies() { BlockedReason::Denied } else { BlockedReason::Error };
        return Ok(PatchResponse::Blocked(reason, message));
    }
    // Something in between responded: it says nothing of the secret, least of all that it is gone.
    let by_a_proxy = match response.status {
        200 => is_html(response),
        401 => false,
        400..=499 => status.is_none(),
        _ => false,
    };
    if by_a_proxy {
        return Ok(PatchResponse::Overloaded { after: response.retry_after, message });
    }
    Ok(match response.status {
        200 => return Err(api.unexpected_response(doing)),
        404 => not_found(status.as_ref(), namespace, name, message),
        401 if is_about(status.as_ref(), name) => {
            PatchResponse::Blocked(BlockedReason::Denied, message)
        }
        401 => return Err(api.refused(response, doing)),
        413 => PatchResponse::Blocked(BlockedReason::TooLarge, message),
        422 => PatchResponse::Blocked(BlockedReason::Invalid, message),
        408 | 409 | 429 | 502..=504 => {
            PatchResponse::Overloaded { after: response.retry_after, message }
        }
        400..=499 => PatchResponse::Blocked(BlockedReason::Denied, message),
        500 => internal_error(message)?,
        501..=599 => PatchResponse::Broken(message),
        _ => return Err(api.refused(response, doing)),
    })
}

/// Whether a refusal names this object: one of the whole request names none.
fn is_about(status: Option<&Status>, name: &str) -> bool {
    status.is_some_and(|status| status.details.name == name)
}

/// A 404 is believed only where it is the secret's own. That of its Namespace says that the secret
/// is there, and that nobody may change it.
fn not_found(
    status: Option<&Status>,
    namespace: &str,
    name: &str,
    message: String,
) -> PatchResponse {
    let Some(status) = status else { return PatchResponse::Broken(message) };
    if status.says_gone("secrets", name) {
        PatchResponse::Gone
    } else if status.says_gone("namespaces", namespace) {
        PatchResponse::Blocked(BlockedReason::NamespaceGone, namespace_gone(namespace, name))
    } else {
        PatchResponse::Blocked(BlockedReason::Denied, message)
    }
}

/// What is wrong with a secret whose Namespace is gone, and what helps.
pub(super) fn namespace_gone(namespace: &str, name: &str) -> String {
    format!(
        "its Namespace does not exist any more, so this API server does not rewrite it (those from Kubernetes 1.37 on \
         do), and each one reads it when it starts; \
         delete it (kubectl delete secret {name} -n {namespace}), or make its Namespace again (kubectl create \
         namespace {namespace}); then run this again"
    )
}

/// Stops everything if etcd is out of space: each further write makes it worse.
pub(super) fn stop_if_out_of_space(message: &str) -> Result<()> {
    if !message.contains("database space exceeded") {
        return Ok(());
    }
    let message = "etcd is out of space, so nothing more can be written; make room in it, then run this again";
    Err(Error::new(ErrorKind::Unavailable, message))
}

/// What a 500 means is only in its words: the API server has no reasons of its own for these.
fn internal_error(message: String) -> Result<PatchResponse> {
    stop_if_out_of_space(&message)?;
    Ok(if is_unreadable(&message) {
        PatchResponse::Blocked(BlockedReason::Unreadable, message)
    } else if message.contains("request is too large") {
        PatchResponse::Blocked(BlockedReason::TooLarge, message)
    } else {
        PatchResponse::Broken(message)
    })
}

/// Whether a server says that it cannot decrypt what is stored, for want of the key: neither its
/// KMS plugin nor time will help.
fn is_unreadable(message: &str) -> bool {
    ["no matching prefix found", "identity transformer tried to read encrypted data"]
        .iter()
        .any(|words| message.contains(words))
}

/// Whether a server says that it could not decrypt what is stored: the key is not there, or the
/// KMS plugin does not respond.
pub(super) fn is_decryption(message: &str) -> bool {
    is_unreadable(message) || is_not_transformed(message) || message.contains("decrypt")
}

/// The counters of the API server behind a connection. `None`: it did not respond with them now.
pub(super) async fn metrics(connection: &KubernetesApi) -> Result<Option<ServerMetrics>> {
    match scrape(connection).await {
        Ok(metrics) => Ok(Some(metrics)),
        Err(error) => match error.kind() {
            ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Throttled => Ok(None),
            _ => Err(error),
        },
    }
}

/// Makes the API server behind a connection ask its KMS plugin, so that it notices a new key
/// sooner. Where the path is not allowed nothing is lost but time.
pub(super) async fn ask_for_kms_health(connection: &KubernetesApi) {
    let request = Request::get("/readyz/kms-providers", Accept::Text);
    if let Err(error) = connection.send(&request).await {
        tracing::debug!(%error, "the KMS health of an API server was not answered");
    }
}

/// What the API server behind a connection says is wrong with its KMS plugins. One that cannot be
/// asked, or has none, says nothing.
pub(super) async fn unhealthy_reason(connection: &KubernetesApi) -> Option<String> {
    let request = Request::get("/readyz/kms-providers", Accept::Text);
    match connection.send(&request).await {
        Ok(response) if response.status >= 500 => {
            Some(format!("/readyz/kms-providers is {}", response.status))
        }
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// Sends a request. The inner error: no response, for a reason that may pass.
pub(super) async fn send(
    api: &KubernetesApi,
    request: &Request,
    doing: &str,
) -> Result<Result<Response, String>> {
    match api.send(request).await {
        Ok(response) => Ok(Ok(response)),
        Err(error) => transient(api, error, doing).map(Err),
    }
}

/// The message of a failure that may pass by itself; the others end the run.
pub(super) fn transient(api: &KubernetesApi, error: SendError, doing: &str) -> Result<String> {
    match error {
        SendError::Timeout | SendError::Connection(_) => Ok(error.to_string()),
        SendError::Credential(_) | SendError::TooLarge => Err(api.no_response(error, doing)),
    }
}

#[cfg(test)]
mod tests;
