//! The forms that an answer can have: whole objects, metadata only, tables.

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{route::Resource, secret::Secret, status::ApiError};

/// `includeObject` of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Include {
    None,
    Metadata,
    Object,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Whole objects.
    Objects,
    /// `PartialObjectMetadata`.
    Partial,
    /// `Table`.
    Table(Include),
}

impl Form {
    /// The first form of an `Accept` header that there is.
    pub(super) fn negotiate(accept: &str, include: Option<&str>) -> Result<Self, ApiError> {
        if accept.trim().is_empty() {
            return Ok(Self::Objects);
        }
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let parameter = |name: &str| {
                let mut parts = range.split(';').skip(1).map(str::trim);
                parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
            };
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                continue;
            }
            let converted = parameter("g") == Some("meta.k8s.io") && parameter("v") == Some("v1");
            match parameter("as") {
                None => return Ok(Self::Objects),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") if converted => {
                    return Ok(Self::Partial);
                }
                Some("Table") if converted => {
                    return Ok(Self::Table(match include {
                        None | Some("Metadata") => Include::Metadata,
                        Some("None") => Include::None,
                        Some("Object") => Include::Object,
                        Some(other) => {
                            return Err(ApiError::bad_request(format!(
                                "Unable to convert to Table as requested: includeObject: Invalid \
                                 value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
                            )));
                        }
                    }));
                }
                Some(_) => {}
            }
        }
        Err(ApiError::not_acceptable())
    }
}

/// `metadata` of a list.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMeta {
    pub(super) resource_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) r#continue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remaining_item_count: Option<usize>,
}

/// A column of a table.
#[derive(Serialize)]
pub(super) struct Column {
    name: &'static str,
    r#type: &'static str,
    format: &'static str,
    description: &'static str,
    priority: u8,
}

const fn column(name: &'static str, description: &'static str) -> Column {
    Column { name, r#type: "string", format: "", description, priority: 0 }
}

const NAME: Column = Column {
    format: "name",
    ..column(
        "Name",
        "Name must be unique within a namespace. Is required when creating resources, although \
         some resources may allow a client to request the generation of an appropriate name \
         automatically.",
    )
};

const AGE: Column = column(
    "Age",
    "CreationTimestamp is a timestamp representing the server time when this object was created.",
);

/// Columns of a table of secrets.
pub(super) static SECRET_COLUMNS: [Column; 4] = [
    NAME,
    column("Type", "Used to facilitate programmatic handling of secret data."),
    column("Data", "Data contains the secret data."),
    AGE,
];

static NAMESPACE_COLUMNS: [Column; 3] =
    [NAME, column("Status", "The status of the namespace"), AGE];

static OTHER_COLUMNS: [Column; 2] = [NAME, AGE];

/// A table.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Table<R> {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListMeta,
    column_definitions: Option<&'static [Column]>,
    rows: Vec<R>,
}

impl<R> Table<R> {
    pub(super) fn new(
        metadata: ListMeta,
        column_definitions: Option<&'static [Column]>,
        rows: Vec<R>,
    ) -> Self {
        Self { kind: "Table", api_version: "meta.k8s.io/v1", metadata, column_definitions, rows }
    }
}

/// A row of a table of secrets.
#[derive(Serialize)]
pub(super) struct SecretRow<'a> {
    cells: (&'a str, &'a str, u32, String),
    object: Value,
}

impl<'a> SecretRow<'a> {
    pub(super) fn new(
        secret: &'a Secret,
        namespace: &str,
        name: &'a str,
        revision: u64,
        include: Include,
    ) -> Self {
        let object = match include {
            Include::None => Value::Null,
            Include::Metadata => secret.partial(namespace, name, revision),
            Include::Object => secret.object(namespace, name, revision),
        };
        Self { cells: (name, secret.kind(), secret.entries, age(secret.created)), object }
    }
}

/// The row of a bookmark: nobody's, but for its annotations.
#[derive(Serialize)]
pub(super) struct BookmarkRow {
    cells: (&'static str, &'static str, u32, &'static str),
    object: Value,
}

impl BookmarkRow {
    pub(super) fn new(object: Value) -> Self {
        Self { cells: ("", "", 0, "<unknown>"), object }
    }
}

/// One secret in the form asked for.
pub(super) fn secret(
    secret: &Secret,
    namespace: &str,
    name: &str,
    revision: u64,
    form: Form,
) -> http::Response<super::body::Body> {
    match form {
        Form::Objects => super::body::json(&secret.object(namespace, name, revision)),
        Form::Partial => super::body::json(&secret.partial(namespace, name, revision)),
        Form::Table(include) => {
            let metadata =
                ListMeta { resource_version: revision.to_string(), ..ListMeta::default() };
            let row = SecretRow::new(secret, namespace, name, revision, include);
            super::body::json(&Table::new(metadata, Some(&SECRET_COLUMNS), vec![row]))
        }
    }
}

/// One other object in the form asked for.
pub(super) fn object(
    resource: Resource,
    object: Value,
    form: Form,
) -> http::Response<super::body::Body> {
    match form {
        Form::Objects => super::body::json(&object),
        Form::Partial => super::body::json(&partial(&object)),
        Form::Table(include) => {
            let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            let metadata = ListMeta { resource_version: version.to_owned(), ..ListMeta::default() };
            super::body::json(&other_table(resource, metadata, vec![object], include))
        }
    }
}

/// A list of other objects in the form asked for.
pub(super) fn objects(
    resource: Resource,
    metadata: ListMeta,
    items: Vec<Value>,
    form: Form,
) -> http::Response<super::body::Body> {
    let list = |kind: String, version: String, items: Vec<Value>| json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items});
    match form {
        Form::Objects => {
            let items = items.into_iter().map(|mut item| {
                // items of a list do not say what they are
                if let Some(item) = item.as_object_mut() {
                    item.remove("kind");
                    item.remove("apiVersion");
                }
                item
            });
            let kind = format!("{}List", resource.kind());
            super::body::json(&list(kind, resource.api_version(), items.collect()))
        }
        Form::Partial => super::body::json(&list(
            "PartialObjectMetadataList".to_owned(),
            "meta.k8s.io/v1".to_owned(),
            items.iter().map(partial).collect(),
        )),
        Form::Table(include) => super::body::json(&other_table(resource, metadata, items, include)),
    }
}

fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object["metadata"],
    })
}

fn other_table(
    resource: Resource,
    metadata: ListMeta,
    items: Vec<Value>,
    include: Include,
) -> Table<Value> {
    let namespaces = resource == Resource::Namespaces;
    let rows = items.into_iter().map(|item| {
        let created = item["metadata"]["creationTimestamp"].as_str().unwrap_or_default();
        let format = &time::format_description::well_known::Rfc3339;
        let age = OffsetDateTime::parse(created, format)
            .map_or_else(|_| "<unknown>".to_owned(), |created| age(created.unix_timestamp()));
        let mut cells = vec![item["metadata"]["name"].clone()];
        if namespaces {
            cells.push(item["status"]["phase"].clone());
        }
        cells.push(json!(age));
        let object = match include {
            Include::None => Value::Null,
            Include::Metadata => partial(&item),
            Include::Object => item,
        };
        json!({"cells": cells, "object": object})
    });
    let columns: &'static [Column] = if namespaces { &NAMESPACE_COLUMNS } else { &OTHER_COLUMNS };
    Table::new(metadata, Some(columns), rows.collect())
}

/// The time since `created` (Unix seconds), as kubectl shows it.
fn age(created: i64) -> String {
    let seconds = (OffsetDateTime::now_utc().unix_timestamp() - created).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if minutes < 2 {
        format!("{seconds}s")
    } else if hours < 3 {
        format!("{minutes}m")
    } else if days < 2 {
        format!("{hours}h")
    } else {
        format!("{days}d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

    #[test]
    fn the_first_form_that_there_is_is_taken() {
        let negotiate = |accept, include| Form::negotiate(accept, include).ok();
        assert_eq!(negotiate("", None), Some(Form::Objects));
        assert_eq!(negotiate(TABLE, Some("None")), Some(Form::Table(Include::None)));
        assert_eq!(negotiate(TABLE, None), Some(Form::Table(Include::Metadata)));
        let kubectl = "application/json;as=Table;v=v2;g=meta.k8s.io,application/json";
        assert_eq!(negotiate(kubectl, None), Some(Form::Objects));
        assert_eq!(negotiate("application/vnd.kubernetes.protobuf", None), None);
        assert_eq!(negotiate(TABLE, Some("All")), None);
    }
}
