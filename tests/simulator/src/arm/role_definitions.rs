//! `Microsoft.Authorization/roleDefinitions`.

use super::{Call, filter};
use crate::{
    http::{Answer, Outcome},
    roles::{BUILT_IN, RoleDefinition},
};

/// A built-in role's definition.
pub(super) fn get(prefix: &str, guid: &str) -> Outcome {
    let role = RoleDefinition::with_guid(guid).ok_or_else(|| does_not_exist(guid))?;
    Ok(Answer::ok(role.document(prefix)))
}

/// The definitions that fit `$filter`.
pub(super) fn list(call: &Call<'_>) -> Outcome {
    let text = call.request.query("$filter").unwrap_or_default();
    let terms =
        text.split(" and ").filter(|term| !term.trim().eq_ignore_ascii_case("atScopeAndBelow()"));
    let conditions = filter::equalities(&terms.collect::<Vec<_>>().join(" and "))
        .ok_or_else(|| filter::unsupported(text))?;
    let known = |(field, _): &(String, String)| matches!(field.as_str(), "rolename" | "type");
    if !conditions.iter().all(known) {
        return Err(filter::unsupported(text));
    }
    let fits = |role: &&RoleDefinition| {
        conditions.iter().all(|(field, value)| {
            let actual = if field == "rolename" { role.name } else { "BuiltInRole" };
            actual.eq_ignore_ascii_case(value)
        })
    };
    let subscription = call.world.names.subscription_id();
    Ok(Answer::list(BUILT_IN.iter().filter(fits).map(|role| role.document(&subscription))))
}

/// The refusal of a role that is not built in.
pub(super) fn does_not_exist(guid: &str) -> Answer {
    let message = format!("The specified role definition with ID '{guid}' does not exist.");
    Answer::error(404, "RoleDefinitionDoesNotExist", &message)
}
