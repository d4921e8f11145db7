//! Resource Graph, as far as finding vaults and clusters takes it.

use serde_json::{Value, json};

use super::{Call, inventory, other_clusters};
use crate::{
    http::{Answer, Outcome},
    world::World,
};

/// Answers a query of the form `Resources | where field =~ 'value' and … | project …`.
pub(super) fn query(call: &Call<'_>) -> Outcome {
    let body = call.request.json()?;
    let query = body["query"].as_str().unwrap_or_default();
    let conditions = conditions(query).ok_or_else(|| {
        Answer::error(400, "BadRequest", "The simulator does not understand this query.")
    })?;
    let asked = body["subscriptions"].as_array();
    let in_scope = |row: &Value| {
        asked.is_none_or(|subscriptions| subscriptions.contains(&row["subscriptionId"]))
    };
    let mut rows = Vec::new();
    for world in call.worlds() {
        let call = Call { world: &world, ..*call };
        let of_world = rows_of(&world, &conditions).into_iter();
        // What the caller may not read is left out without a word.
        rows.extend(of_world.filter(|row| in_scope(row) && may_read(&call, row)));
    }
    if query.contains("order by id") {
        rows.sort_by_cached_key(|row| text(row, "id").to_ascii_lowercase());
    }
    let total = rows.len();
    let number = |option: &Value| option.as_str().and_then(|text| text.parse::<usize>().ok());
    let start = number(&body["options"]["$skipToken"]).unwrap_or_default();
    let asked = body["options"]["$top"].as_u64().and_then(|top| usize::try_from(top).ok());
    let most = call.world.faults.page_size().unwrap_or(MOST_ROWS).min(MOST_ROWS);
    let page: Vec<Value> = rows
        .into_iter()
        .skip(start)
        .take(asked.unwrap_or(most).min(most))
        .map(|row| projected(query, row))
        .collect();
    let next = start.saturating_add(page.len());
    let mut answer = json!({
        "totalRecords": total,
        "count": page.len(),
        "resultTruncated": "false",
        "facets": [],
        "data": page,
    });
    if next < total {
        answer["$skipToken"] = json!(next.to_string());
    }
    Ok(Answer::ok(answer))
}

/// Resource Graph gives no more rows at a time.
const MOST_ROWS: usize = 1_000;

fn may_read(call: &Call<'_>, row: &Value) -> bool {
    call.may(&format!("{}/read", text(row, "type")), text(row, "id"))
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

/// What a row must be.
#[derive(Debug, Eq, PartialEq)]
enum Condition {
    /// `field == 'value'`, or `=~` when case does not count.
    Is { field: String, value: String, ignores_case: bool },
    /// `isnotnull(field)`.
    IsNotNull { field: String },
}

impl Condition {
    fn parse(term: &str) -> Option<Self> {
        let inner = term.trim().strip_prefix("isnotnull(").and_then(|term| term.strip_suffix(')'));
        if let Some(field) = inner {
            return Some(Self::IsNotNull { field: field.to_owned() });
        }
        let (operator, ignores_case) =
            if term.contains("=~") { ("=~", true) } else { ("==", false) };
        let (field, value) = term.split_once(operator)?;
        let value = value.trim().trim_matches(['\'', '"']).to_owned();
        Some(Self::Is { field: field.trim().to_owned(), value, ignores_case })
    }

    fn holds(&self, row: &Value) -> bool {
        match self {
            Self::Is { field, value, ignores_case } => {
                let actual = member(row, field).as_str().unwrap_or_default();
                if *ignores_case { actual.eq_ignore_ascii_case(value) } else { actual == value }
            }
            Self::IsNotNull { field } => !member(row, field).is_null(),
        }
    }
}

/// A member by its path, such as `properties.tenantId`.
fn member<'a>(row: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(row, |value, name| &value[name])
}

/// The columns that `project` keeps, under the names that it gives them; all where there is none.
fn projected(query: &str, row: Value) -> Value {
    let Some(columns) = query.split('|').find_map(|part| part.trim().strip_prefix("project "))
    else {
        return row;
    };
    let columns = columns.split(',').map(|column| {
        let (name, path) = column.split_once('=').unwrap_or((column, column));
        (name.trim().to_owned(), member(&row, path.trim()).clone())
    });
    Value::Object(columns.collect())
}

/// The conditions of a query's `where` parts; `None` when there is something else in them.
fn conditions(query: &str) -> Option<Vec<Condition>> {
    let mut parts = query.split('|').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("resources") {
        return None;
    }
    let mut conditions = Vec::new();
    for part in parts {
        let Some(part) = part.strip_prefix("where ") else {
            let others = ["project ", "limit ", "order by id"];
            if others.iter().any(|start| part.starts_with(start)) {
                continue;
            }
            return None;
        };
        for term in part.split(" and ") {
            conditions.push(Condition::parse(term)?);
        }
    }
    Some(conditions)
}

/// The resources that meet some conditions, as rows; Resource Graph has types in lower case.
fn rows_of(world: &World, conditions: &[Condition]) -> Vec<Value> {
    let elsewhere = world.given.other_subscriptions.iter().filter(|other| other.readable);
    // Most resources of a fleet have another type or name, which is seen before anything is copied.
    let of_document = |document: &Value| {
        conditions.iter().all(|condition| match condition {
            Condition::Is { field, value, .. } if matches!(field.as_str(), "type" | "name") => {
                text(document, field).eq_ignore_ascii_case(value)
            }
            _ => true,
        })
    };
    inventory::all(world, of_document)
        .into_iter()
        .chain(other_clusters::of_case(world))
        .chain(elsewhere.flat_map(|other| other_clusters::of(world, other)))
        .map(|mut row| {
            let kind = row["type"].as_str().unwrap_or_default().to_ascii_lowercase();
            row["type"] = json!(kind);
            row["resourceGroup"] = json!(inventory::group_of(&row).to_ascii_lowercase());
            row["subscriptionId"] = json!(inventory::subscription_of(&row));
            row["tenantId"] = json!(world.names.tenant);
            row
        })
        .filter(|row| conditions.iter().all(|condition| condition.holds(row)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_parts_are_read_and_others_refused() {
        let query =
            "Resources | where type =~ 'microsoft.keyvault/vaults' and name == 'v' | project id";
        let read = conditions(query).unwrap();
        assert!(read[0].holds(&json!({ "type": "Microsoft.KeyVault/vaults" })));
        assert!(!read[1].holds(&json!({ "name": "V" })));
        let query = "Resources | where isnotnull(properties.kms.keyId) | project id";
        let read = conditions(query).unwrap();
        assert!(read[0].holds(&json!({ "properties": { "kms": { "keyId": "k" } } })));
        assert!(!read[0].holds(&json!({ "properties": { "kms": {} } })));
        assert_eq!(conditions("Resources | summarize count()"), None);
        assert_eq!(conditions("Resources | where name startswith 'v'"), None);
    }

    #[test]
    fn projected_columns_have_the_names_that_they_are_given() {
        let row = json!({ "id": "/a", "name": "a", "properties": { "kms": { "keyId": "k" } } });
        let query = "Resources | project id, key = properties.kms.keyId, gone = properties.other";
        assert_eq!(projected(query, row.clone()), json!({ "id": "/a", "key": "k", "gone": null }));
        assert_eq!(projected("Resources", row.clone()), row);
    }
}
