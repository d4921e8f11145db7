//! Tables: answers that show an object's name and resource version, and nothing of its content.
//!
//! `meta.k8s.io/v1` Table with `includeObject=None`: each row has the printed columns only.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

/// A page of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TablePage {
    /// In the list's order.
    pub(crate) names: Vec<String>,
    /// The list's own.
    pub(crate) resource_version: u64,
    /// Where the next page starts; `None`: this is the last one.
    pub(crate) continue_token: Option<String>,
    /// How many objects are on later pages, where the API server knows.
    pub(crate) remaining: Option<u64>,
}

/// A response is not the table that was asked for. It says nothing of the response: if it is the
/// object instead of a table, it holds what nobody may see.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the response is not a table")]
pub(crate) struct NotATable;

#[derive(Deserialize)]
pub(in crate::kubernetes) struct Table {
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(rename = "columnDefinitions")]
    columns: Option<Vec<Column>>,
    #[serde(default)]
    rows: Option<Vec<Row>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
    #[serde(rename = "continue")]
    continue_token: Option<String>,
    remaining_item_count: Option<u64>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Row {
    cells: Vec<Cell>,
    #[serde(default)]
    object: Option<RowObject>,
}

/// Only names are kept; numbers and the like are read over.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cell {
    Text(String),
    Other(IgnoredAny),
}

/// Only a streaming list's last bookmark has one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RowObject {
    metadata: Option<RowMetadata>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RowMetadata {
    annotations: Option<RowAnnotations>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RowAnnotations {
    #[serde(rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<Value>,
}

impl Table {
    /// Which column holds the name, if the table says.
    pub(in crate::kubernetes) fn name_column(&self) -> Option<usize> {
        self.columns.as_ref()?.iter().position(|column| column.name.eq_ignore_ascii_case("name"))
    }

    pub(in crate::kubernetes) fn is_table(&self) -> bool {
        self.kind == "Table"
    }

    pub(in crate::kubernetes) fn resource_version(&self) -> Result<u64, NotATable> {
        self.metadata.resource_version.parse().map_err(|_| NotATable)
    }

    /// The name in the only row.
    pub(in crate::kubernetes) fn into_single_name(
        self,
        column: usize,
    ) -> Result<String, NotATable> {
        let mut names = self.into_names(column)?;
        if names.len() == 1 { names.pop().ok_or(NotATable) } else { Err(NotATable) }
    }

    pub(in crate::kubernetes) fn ends_initial_events(&self) -> bool {
        self.rows
            .iter()
            .flatten()
            .filter_map(|row| row.object.as_ref()?.metadata.as_ref()?.annotations.as_ref())
            .any(|annotations| {
                annotations.initial_events_end.as_ref().and_then(Value::as_str) == Some("true")
            })
    }

    fn into_names(self, column: usize) -> Result<Vec<String>, NotATable> {
        self.rows
            .unwrap_or_default()
            .into_iter()
            .map(|row| match row.cells.into_iter().nth(column) {
                Some(Cell::Text(name)) if !name.is_empty() => Ok(name),
                _ => Err(NotATable),
            })
            .collect()
    }
}

/// Reads a page of a list.
pub(crate) fn parse_page(body: &[u8]) -> Result<TablePage, NotATable> {
    let mut table = parse(body)?;
    let resource_version = table.resource_version()?;
    let continue_token = table.metadata.continue_token.take().filter(|token| !token.is_empty());
    let remaining = table.metadata.remaining_item_count;
    let column = table.name_column().unwrap_or(0);
    Ok(TablePage { names: table.into_names(column)?, resource_version, continue_token, remaining })
}

/// The resource version of the one object that a patch, a create or a get answered with.
pub(crate) fn object_resource_version(body: &[u8]) -> Result<u64, NotATable> {
    parse(body)?.resource_version()
}

fn parse(body: &[u8]) -> Result<Table, NotATable> {
    let table: Table = serde_json::from_slice(body).map_err(|_| NotATable)?;
    if table.is_table() { Ok(table) } else { Err(NotATable) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Seen, Target};

    const PAGE: &str = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"8131","continue":"eyJ2","remainingItemCount":7},"columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"","priority":0},{"name":"Type","type":"string","format":"","description":"","priority":0},{"name":"Data","type":"string","format":"","description":"","priority":0},{"name":"Age","type":"string","format":"","description":"","priority":0}],"rows":[{"cells":["a","Opaque",1,"5d"],"object":null},{"cells":["b","kubernetes.io/tls",2,"5d"],"object":null}]}"#;

    #[test]
    fn a_page_gives_names_and_where_to_go_on() {
        let page = TablePage {
            names: vec!["a".to_owned(), "b".to_owned()],
            resource_version: 8131,
            continue_token: Some("eyJ2".to_owned()),
            remaining: Some(7),
        };
        assert_eq!(parse_page(PAGE.as_bytes()), Ok(page));
    }

    #[test]
    fn an_empty_list_is_the_last_page() {
        for rows in ["[]", "null"] {
            let body = format!(
                r#"{{"kind":"Table","metadata":{{"resourceVersion":"5","continue":""}},"columnDefinitions":[{{"name":"Name"}}],"rows":{rows}}}"#
            );
            let page = parse_page(body.as_bytes()).unwrap();
            assert!(page.names.is_empty() && page.continue_token.is_none());
        }
    }

    #[test]
    fn the_name_is_found_by_its_column() {
        let body = r#"{"kind":"Table","metadata":{"resourceVersion":"5"},"columnDefinitions":[{"name":"Namespace"},{"name":"Name"}],"rows":[{"cells":["ns","a"]}]}"#;
        assert_eq!(parse_page(body.as_bytes()).unwrap().names, ["a"]);
    }

    #[test]
    fn a_patch_answers_with_the_objects_resource_version() {
        let body = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"912"},"columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["a","Opaque",1,"5d"],"object":null}]}"#;
        assert_eq!(object_resource_version(body.as_bytes()), Ok(912));
    }

    #[test]
    fn anything_else_is_no_table_and_never_quoted() {
        let bodies = [
            "<html></html>",
            r#"{"kind":"SecretList","metadata":{"resourceVersion":"5"},"items":[{"data":{"a":"very-secret"}}]}"#,
            r#"{"kind":"Secret","metadata":{"resourceVersion":"5"},"data":{"a":"very-secret"}}"#,
            r#"{"kind":"Table","metadata":{"resourceVersion":"very-secret"},"rows":[]}"#,
            r#"{"kind":"Table","metadata":{"resourceVersion":"5"},"rows":[{"cells":[]}]}"#,
            r#"{"kind":"Table","metadata":{"resourceVersion":"5"},"rows":[{"cells":[7]}]}"#,
        ];
        for body in bodies {
            let error = parse_page(body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "the response is not a table", "{body}");
        }
    }

    /// An object instead of a table: nothing of it is ever repeated.
    const SECRET: &str = r#"{"kind":"Table","metadata":{"resourceVersion":"5"},"rows":[{"cells":["a"],"object":{"kind":"Secret","data":{"a":"very-secret"}}}]}"#;

    #[test]
    fn fuzz_pages() {
        let patched = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"912"},"columnDefinitions":[{"name":"Namespace"},{"name":"Name"}],"rows":[{"cells":["shop","a"],"object":null}]}"#;
        let documents = [PAGE, SECRET, patched].map(Vec::from).to_vec();
        let target = Target { name: "tables", documents, read: 17, hidden: &["very-secret"] };
        target.run(|input| {
            let page = parse_page(input);
            if let Ok(page) = &page {
                assert!(page.names.iter().all(|name| !name.is_empty()));
                assert!(page.continue_token.as_ref().is_none_or(|token| !token.is_empty()));
                assert_eq!(object_resource_version(input), Ok(page.resource_version));
            }
            Seen::of(page)
        });
    }
}
