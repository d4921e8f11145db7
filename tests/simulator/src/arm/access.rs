//! `Microsoft.Authorization`: role assignments and definitions.

use super::Call;
use crate::{
    http::{Answer, Outcome},
    roles::{BUILT_IN, RoleAssignment, lies_in},
};

/// What `$filter` asks for.
#[derive(Debug, Default, Eq, PartialEq)]
struct Filter {
    /// Only assignments at the scope or above it.
    at_scope: bool,
    /// Only what this principal has, itself or through groups.
    assigned_to: Option<String>,
    /// Only what this very principal has.
    principal: Option<String>,
}

impl Filter {
    fn parse(text: &str) -> Option<Self> {
        let mut filter = Self::default();
        for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
            let lower = term.to_ascii_lowercase();
            let quoted = term.split('\'').nth(1).map(str::to_owned);
            if lower == "atscope()" {
                filter.at_scope = true;
            } else if lower.starts_with("assignedto(") {
                filter.assigned_to = Some(quoted?);
            } else if lower.starts_with("principalid eq") {
                filter.principal = Some(quoted?);
            } else {
                return None;
            }
        }
        Some(filter)
    }
}

/// The role assignments at a scope, above it and, without `atScope()`, below it.
pub(super) fn assignments(call: &Call<'_>, scope: &str) -> Outcome {
    let names = &call.world.names;
    let text = call.request.query("$filter").unwrap_or_default();
    let filter = Filter::parse(text).ok_or_else(|| {
        let message = format!("The filter '{text}' is not supported.");
        Answer::error(400, "UnsupportedQuery", &message)
    })?;
    let in_scope = |assignment: &&RoleAssignment| {
        assignment.covers(scope) || (!filter.at_scope && lies_in(&assignment.scope, scope))
    };
    let has = |assignment: &&RoleAssignment| {
        let itself = |principal: &String| assignment.principal.eq_ignore_ascii_case(principal);
        let in_group = |principal: &String| {
            let identity = [&names.identity_principal, &names.own_principal];
            identity.iter().any(|member| member.eq_ignore_ascii_case(principal))
                && assignment.principal == names.identity_group
        };
        filter.principal.as_ref().is_none_or(itself)
            && filter
                .assigned_to
                .as_ref()
                .is_none_or(|principal| itself(principal) || in_group(principal))
    };
    let subscription = names.subscription_id();
    let found = call.world.roles().iter().filter(in_scope).filter(has);
    Ok(Answer::list(found.map(|assignment| assignment.document(&subscription))))
}

/// A built-in role's definition.
pub(super) fn definition(prefix: &str, guid: &str) -> Outcome {
    let role =
        BUILT_IN.iter().find(|role| role.guid.eq_ignore_ascii_case(guid)).ok_or_else(|| {
            let message = format!("The specified role definition with ID '{guid}' does not exist.");
            Answer::error(404, "RoleDefinitionDoesNotExist", &message)
        })?;
    Ok(Answer::ok(role.document(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_in_any_case_and_unknown_ones_refused() {
        let filter = Filter::parse("atScope() and assignedTo('P')").unwrap();
        assert!(filter.at_scope);
        assert_eq!(filter.assigned_to.as_deref(), Some("P"));
        assert_eq!(Filter::parse("principalId eq 'p'").unwrap().principal.as_deref(), Some("p"));
        assert_eq!(Filter::parse("roleName eq 'x'"), None);
    }
}
