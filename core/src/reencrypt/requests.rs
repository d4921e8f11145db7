//! The requests of the engine. None asks for an answer with a value, an annotation or a label.

use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{
        Accept, Answer, KubernetesApi, Request, SendError, ServerMetrics, Table,
    },
    model::BlockedReason,
};

/// Names in one page of a list.
pub(super) const PAGE: usize = 500;

/// A page of names.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) names: Vec<String>,
    pub(super) next: Option<String>,
    /// The list's: every page of one list has the same.
    pub(super) resource_version: u64,
}

/// What became of asking for a page.
#[derive(Debug)]
pub(super) enum PageAnswer {
    Page(Page),
    /// The continue token is too old; the server may offer another.
    Expired(Option<String>),
    /// A secret in the page cannot be decrypted, in the server's words.
    Unreadable(String),
    /// Worth trying again.
    Retry { after: Option<Duration>, message: String },
}

/// What became of an empty patch.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum PatchAnswer {
    /// The secret's resource version now.
    Version(u64),
    Gone,
    Blocked(BlockedReason, String),
    /// The server is overloaded or was not reached; the outcome is unknown.
    Overloaded { after: Option<Duration>, message: String },
    /// The server failed to do it.
    Broken(String),
}

fn get(path_and_query: String, accept: Accept) -> Request {
    Request { method: Method::GET, path_and_query, accept, body: None }
}

/// All namespaces.
pub(super) async fn namespaces(api: &KubernetesApi) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut next: Option<String> = None;
    loop {
        match page(api, "/api/v1/namespaces", PAGE, next.as_deref()).await? {
            PageAnswer::Page(page) => {
                names.extend(page.names);
                match page.next {
                    Some(token) => next = Some(token),
                    None => return Ok(names),
                }
            }
            // namespaces are few: from the start again costs little
            PageAnswer::Expired(_) => {
                names.clear();
                next = None;
            }
            PageAnswer::Unreadable(message) | PageAnswer::Retry { message, .. } => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("the namespaces could not be listed: {message}"),
                ));
            }
        }
    }
}

/// A page of the names of a namespace's secrets.
pub(super) async fn secrets_page(
    api: &KubernetesApi,
    namespace: &str,
    limit: usize,
    next: Option<&str>,
) -> Result<PageAnswer> {
    page(api, &format!("/api/v1/namespaces/{namespace}/secrets"), limit, next).await
}

async fn page(
    api: &KubernetesApi,
    path: &str,
    limit: usize,
    next: Option<&str>,
) -> Result<PageAnswer> {
    let mut path_and_query = format!("{path}?includeObject=None&limit={limit}");
    if let Some(token) = next {
        path_and_query.push_str("&continue=");
        path_and_query.extend(url::form_urlencoded::byte_serialize(token.as_bytes()));
    }
    let answer = match api.send(get(path_and_query, Accept::Table)).await {
        Ok(answer) => answer,
        Err(error) => return Ok(PageAnswer::Retry { after: None, message: transient(error)? }),
    };
    Ok(match answer.status {
        200 => {
            let table = Table::parse(&answer.body)?;
            PageAnswer::Page(Page {
                resource_version: table.resource_version()?,
                next: table.continue_token,
                names: table.names,
            })
        }
        410 => PageAnswer::Expired(answer.continue_token()),
        500 if is_unreadable(&answer.status_message()) => {
            PageAnswer::Unreadable(answer.status_message())
        }
        429 | 500..=599 => {
            PageAnswer::Retry { after: answer.retry_after, message: answer.status_message() }
        }
        _ => return Err(answer.into_error(&format!("list {path}"))),
    })
}

/// The cluster's resource version now: every write before this call has a lower or equal one.
pub(super) async fn resource_version(api: &KubernetesApi, namespace: &str) -> Result<u64> {
    let mut tries = 0;
    loop {
        match secrets_page(api, namespace, 1, None).await? {
            PageAnswer::Page(page) => return Ok(page.resource_version),
            PageAnswer::Retry { .. } if tries < 5 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(200) * tries).await;
            }
            PageAnswer::Unreadable(message) | PageAnswer::Retry { message, .. } => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("the cluster's resource version could not be read: {message}"),
                ));
            }
            PageAnswer::Expired(_) => {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    "the API server called a list without a continue token expired",
                ));
            }
        }
    }
}

/// The empty merge patch: rewrites the secret if it is under another key, else only reads it.
pub(super) async fn patch(api: &KubernetesApi, namespace: &str, name: &str) -> Result<PatchAnswer> {
    let request = Request {
        method: Method::PATCH,
        path_and_query: format!(
            "/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager=aks-kms&includeObject=None"
        ),
        accept: Accept::Table,
        body: Some(("application/merge-patch+json", Bytes::from_static(b"{}"))),
    };
    match api.send(request).await {
        Ok(answer) => classify(answer),
        Err(error) => Ok(PatchAnswer::Overloaded { after: None, message: transient(error)? }),
    }
}

fn classify(answer: Answer) -> Result<PatchAnswer> {
    let message = || answer.status_message();
    Ok(match answer.status {
        200 => PatchAnswer::Version(Table::parse(&answer.body)?.resource_version()?),
        404 => PatchAnswer::Gone,
        400 | 403 => PatchAnswer::Blocked(BlockedReason::Denied, message()),
        422 => PatchAnswer::Blocked(BlockedReason::Invalid, message()),
        413 => PatchAnswer::Blocked(BlockedReason::TooLarge, message()),
        409 | 429 | 502..=504 => {
            PatchAnswer::Overloaded { after: answer.retry_after, message: message() }
        }
        500 => {
            let message = message();
            if message.contains("database space exceeded") {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "etcd is out of space; nothing more was written; give it room, then run this again",
                ));
            }
            if is_unreadable(&message) {
                PatchAnswer::Blocked(BlockedReason::Unreadable, message)
            } else if message.contains("failed calling webhook") {
                PatchAnswer::Blocked(BlockedReason::Error, message)
            } else if message.contains("request is too large") {
                PatchAnswer::Blocked(BlockedReason::TooLarge, message)
            } else {
                PatchAnswer::Broken(message)
            }
        }
        _ => return Err(answer.into_error("patch secrets")),
    })
}

/// Whether a server says that it cannot decrypt what is stored.
fn is_unreadable(message: &str) -> bool {
    message.contains("unable to transform key")
}

/// The counters of the API server behind a connection. `None`: it did not answer with them now.
pub(super) async fn metrics(connection: &KubernetesApi) -> Result<Option<ServerMetrics>> {
    match connection.send(get("/metrics".to_owned(), Accept::Text)).await {
        Ok(answer) if answer.status == 200 => Ok(Some(ServerMetrics::parse(&answer.body))),
        Ok(answer) if matches!(answer.status, 401 | 403) => Err(answer.into_error("get /metrics")),
        Ok(_) => Ok(None),
        Err(error) => transient(error).map(|_| None),
    }
}

/// Makes the API server behind a connection ask its KMS plugin, so that it notices a new key
/// sooner. Where the path is not allowed nothing is lost but time.
pub(super) async fn ask_for_kms_health(connection: &KubernetesApi) {
    let request = get("/readyz/kms-providers".to_owned(), Accept::Text);
    if let Err(error) = connection.send(request).await {
        tracing::debug!(%error, "the KMS health of an API server was not answered");
    }
}

/// The message of an error that may pass by itself; the others end the run.
fn transient(error: SendError) -> Result<String> {
    if error.is_transient() { Ok(error.to_string()) } else { Err(error.into()) }
}
