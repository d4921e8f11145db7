//! Lists of secrets, page by page.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    body::{self, Body},
    call::{Call, Query},
    cluster::Cluster,
    forms::{Form, ListMeta, SECRET_COLUMNS, SecretRow, Table},
    process::Process,
    status::ApiError,
    undecryptable::{Undecryptable, reads_on},
    versions::{Found, Page},
};

/// Where a list goes on.
#[derive(Deserialize, Serialize)]
struct Continue {
    v: String,
    /// The revision of the list; -1: the newest.
    rv: i64,
    /// The key to go on at, relative to what is listed: that of the last secret of the page
    /// before, and a zero byte.
    start: String,
    /// How many were left behind it, if the token says.
    #[serde(default)]
    left: Option<usize>,
}

impl Continue {
    fn decode(token: &str) -> Result<Self, ApiError> {
        URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok())
            .filter(|token| token.v == "meta.k8s.io/v1" && token.rv != 0 && !token.start.is_empty())
            .ok_or_else(|| ApiError::bad_request("continue key is not valid"))
    }

    /// The place to go on at, relative to what is listed.
    fn place(&self) -> &str {
        self.start.trim_start_matches('/')
    }

    fn encode(&self) -> String {
        // strings and numbers: cannot fail
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The requirements of selectors, as far as there are any for secrets.
#[derive(Default)]
struct Selector {
    labels: Vec<(String, String)>,
    name: Option<String>,
    namespace: Option<String>,
    kind: Option<String>,
}

impl Selector {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let mut selector = Self::default();
        for requirement in query.get("labelSelector").into_iter().flat_map(|it| it.split(',')) {
            selector.labels.push(equality(requirement)?);
        }
        for requirement in query.get("fieldSelector").into_iter().flat_map(|it| it.split(',')) {
            match equality(requirement)? {
                (field, name) if field == "metadata.name" => selector.name = Some(name),
                (field, place) if field == "metadata.namespace" => selector.namespace = Some(place),
                (field, kind) if field == "type" => selector.kind = Some(kind),
                (field, _) => {
                    return Err(ApiError::bad_request(format!(
                        "field label not supported: {field}"
                    )));
                }
            }
        }
        Ok(selector)
    }

    fn fits(&self, found: &Found) -> bool {
        self.name.as_ref().is_none_or(|name| **name == *found.name)
            && self.namespace.as_ref().is_none_or(|namespace| **namespace == *found.namespace)
            && self.kind.as_ref().is_none_or(|kind| **kind == *found.version.secret.kind())
            && self
                .labels
                .iter()
                .all(|(label, value)| found.version.secret.label(label) == Some(value))
    }
}

/// `name=value` or `name==value`.
pub(super) fn equality(requirement: &str) -> Result<(String, String), ApiError> {
    requirement
        .split_once('=')
        .map(|(name, value)| (name.to_owned(), value.trim_start_matches('=').to_owned()))
        .filter(|(name, _)| !name.ends_with('!'))
        .ok_or_else(|| ApiError::bad_request(format!("selector {requirement:?} is not supported")))
}

/// Answers a list.
pub(super) async fn list(
    cluster: &Cluster,
    process: &Arc<Process>,
    namespace: Option<&str>,
    call: &Call,
) -> Result<Response<Body>, ApiError> {
    let limit = call.query.number("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let token = call.query.get("continue").map(Continue::decode).transpose()?;
    let selector = Selector::parse(&call.query)?;
    if limit == usize::MAX && !process.synced(&cluster.store.seals()).await {
        // an unpaged list is answered from the watch cache, which never gets filled
        return Err(ApiError::too_many_requests("storage is (re)initializing", 30));
    }

    let newest = cluster.store.revision();
    let asked = token.as_ref().map(|token| token.rv);
    if cluster.script.page_expired(namespace.unwrap_or_default(), asked, newest) {
        // something else was written meanwhile, so that a new list is newer than the old one
        cluster.store.advance();
        return Err(expired(cluster, token));
    }
    let revision = match asked {
        Some(revision) if revision >= 0 => u64::try_from(revision).unwrap_or_default(),
        _ => newest,
    };
    let page_of = |limit: usize| match (namespace, &selector.name) {
        // a single key, which is read as such
        (Some(namespace), Some(name)) if token.is_none() => {
            Some(cluster.store.single(namespace, name))
        }
        (Some(namespace), _) => {
            let after = token.as_ref().map(|it| (namespace, it.place().trim_end_matches('\0')));
            cluster.store.page(Some(namespace), after, revision, limit)
        }
        (None, _) => {
            let place = token.as_ref().map_or("", |token| token.place());
            cluster.store.page_of_all(place, revision, limit)
        }
    };
    let Some(page) = page_of(limit) else { return Err(expired(cluster, token)) };
    if let Some(error) = undecryptable(cluster, process, limit, page_of).await {
        return Err(error);
    }

    let mut metadata = ListMeta { resource_version: revision.to_string(), ..ListMeta::default() };
    if let Some(last) = page.items.last().filter(|_| page.more) {
        let position = (&*last.namespace, &*last.name);
        let left = match token.as_ref().and_then(|token| token.left.filter(|_| token.rv >= 0)) {
            Some(left) => left.saturating_sub(page.items.len()),
            None => cluster.store.count_after(namespace, position),
        };
        metadata.remaining_item_count = Some(left);
        metadata.r#continue = Some(
            Continue {
                v: "meta.k8s.io/v1".to_owned(),
                rv: i64::try_from(revision).unwrap_or(i64::MAX),
                start: match namespace {
                    Some(_) => format!("/{}\0", last.name),
                    None => format!("/{}/{}\0", last.namespace, last.name),
                },
                left: Some(left),
            }
            .encode(),
        );
    }
    let items: Vec<&Found> = page.items.iter().filter(|found| selector.fits(found)).collect();
    Ok(answer(&items, metadata, call.form))
}

/// What a list says that finds secrets which it cannot decrypt. `page_of`: the list with another
/// limit.
async fn undecryptable(
    cluster: &Cluster,
    process: &Process,
    mut limit: usize,
    page_of: impl Fn(usize) -> Option<Page>,
) -> Option<ApiError> {
    let wanted = limit;
    loop {
        let page = page_of(limit)?;
        let mut found = Vec::new();
        for Found { namespace, name, version } in &page.items {
            if let Err(why) = process.read(&version.seal).await {
                found.push(Undecryptable { namespace, name, why });
            }
        }
        let (first, others) = found.split_first()?;
        let readable = page.items.len() - found.len();
        if !page.more || readable >= wanted || !reads_on(cluster, found.len()) {
            return Some(first.in_a_list(cluster, others));
        }
        limit = limit.saturating_mul(2);
    }
}

fn answer(items: &[&Found], metadata: ListMeta, form: Form) -> Response<Body> {
    let parts = |found: &&Found| {
        (found.version.secret.clone(), found.namespace.clone(), found.version.revision)
    };
    match form {
        Form::Table(include) => {
            let rows = items.iter().map(|found| {
                let version = &found.version;
                let (secret, name) = (&version.secret, &found.name);
                SecretRow::new(secret, &found.namespace, name, version.revision, include)
            });
            body::json(&Table::new(metadata, Some(&SECRET_COLUMNS), rows.collect()))
        }
        Form::Partial => {
            let items = items.iter().map(|found| {
                let (secret, namespace, revision) = parts(found);
                secret.partial(&namespace, &found.name, revision)
            });
            body::json(&json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items.collect::<Vec<_>>(),
            }))
        }
        Form::Objects => {
            let items = items.iter().map(|found| {
                let (secret, namespace, revision) = parts(found);
                let mut object = secret.object(&namespace, &found.name, revision);
                // items of a list do not say what they are
                if let Some(object) = object.as_object_mut() {
                    object.remove("kind");
                    object.remove("apiVersion");
                }
                object
            });
            body::json(&json!({
                "kind": "SecretList",
                "apiVersion": "v1",
                "metadata": metadata,
                "items": items.collect::<Vec<_>>(),
            }))
        }
    }
}

/// 410, with a token to go on at the newest revision unless the script withholds it.
fn expired(cluster: &Cluster, token: Option<Continue>) -> ApiError {
    let without = cluster.script.faults().continue_without_token;
    let token = token.filter(|_| !without).map(|token| Continue { rv: -1, ..token }.encode());
    ApiError::expired_continue(token)
}
