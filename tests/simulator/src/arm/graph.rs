//! Resource Graph, as far as finding vaults and clusters takes it.

use serde_json::{Value, json};

use super::{Call, inventory};
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
    let in_scope = asked.is_none_or(|subscriptions| {
        subscriptions.iter().any(|asked| asked == call.world.names.subscription.as_str())
    });
    let rows: Vec<Value> = rows(call.world)
        .into_iter()
        .filter(|row| in_scope && conditions.iter().all(|condition| condition.holds(row)))
        .collect();
    Ok(Answer::ok(json!({
        "totalRecords": rows.len(),
        "count": rows.len(),
        "resultTruncated": "false",
        "facets": [],
        "data": rows,
    })))
}

/// `field == 'value'`, or `=~` when case does not count.
#[derive(Debug, Eq, PartialEq)]
struct Condition {
    field: String,
    value: String,
    ignores_case: bool,
}

impl Condition {
    fn holds(&self, row: &Value) -> bool {
        let field = row[&self.field].as_str().unwrap_or_default();
        if self.ignores_case {
            field.eq_ignore_ascii_case(&self.value)
        } else {
            field == self.value
        }
    }
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
            if part.starts_with("project ") || part.starts_with("limit ") {
                continue;
            }
            return None;
        };
        for term in part.split(" and ") {
            let (operator, ignores_case) =
                if term.contains("=~") { ("=~", true) } else { ("==", false) };
            let (field, value) = term.split_once(operator)?;
            let value = value.trim().trim_matches(['\'', '"']);
            conditions.push(Condition {
                field: field.trim().to_owned(),
                value: value.to_owned(),
                ignores_case,
            });
        }
    }
    Some(conditions)
}

/// The resources as rows; Resource Graph has types in lower case.
fn rows(world: &World) -> Vec<Value> {
    inventory::all(world)
        .into_iter()
        .map(|mut row| {
            let kind = row["type"].as_str().unwrap_or_default().to_ascii_lowercase();
            row["type"] = json!(kind);
            row["resourceGroup"] = json!(inventory::group_of(&row).to_ascii_lowercase());
            row["subscriptionId"] = json!(world.names.subscription);
            row["tenantId"] = json!(world.names.tenant);
            row
        })
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
        assert_eq!(conditions("Resources | summarize count()"), None);
        assert_eq!(conditions("Resources | where name startswith 'v'"), None);
    }
}
