//! `Microsoft.Authorization/roleAssignments`.

use std::time::Instant;

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Call, inventory, known_group, not_found, role_definitions};
use crate::{
    entra::principal,
    http::{Answer, Outcome},
    roles::{RoleAssignment, RoleDefinition, lies_in},
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

/// The role assignments at a scope, above it and, without `atScope()`, below it. New ones are seen
/// at once, whether they are in effect or not.
pub(super) fn list(call: &Call<'_>, scope: &str) -> Outcome {
    let text = call.request.query("$filter").unwrap_or_default();
    let filter = Filter::parse(text).ok_or_else(|| {
        let message = format!("The filter '{text}' is not supported.");
        Answer::error(400, "UnsupportedQuery", &message)
    })?;
    let holders = filter.assigned_to.as_ref().map(|holder| call.world.with_groups(holder));
    let in_scope = |assignment: &&RoleAssignment| {
        assignment.covers(scope) || (!filter.at_scope && lies_in(&assignment.scope, scope))
    };
    let has = |assignment: &&RoleAssignment| {
        let is = |principal: &String| assignment.principal.eq_ignore_ascii_case(principal);
        filter.principal.as_ref().is_none_or(is)
            && holders.as_ref().is_none_or(|holders| holders.iter().any(is))
    };
    let subscription = call.world.names.subscription_id();
    let roles = call.world.roles();
    let found = roles.iter().filter(in_scope).filter(has);
    Ok(Answer::list(found.map(|assignment| assignment.document(&subscription))))
}

pub(super) fn get(call: &Call<'_>, scope: &str, guid: &str) -> Outcome {
    let subscription = call.world.names.subscription_id();
    let roles = call.world.roles();
    let found = roles.iter().find(|assignment| is(assignment, scope, guid));
    found.map(|assignment| Answer::ok(assignment.document(&subscription))).ok_or_else(|| {
        let message = format!("The role assignment '{guid}' is not found.");
        Answer::error(404, "RoleAssignmentNotFound", &message)
    })
}

fn is(assignment: &RoleAssignment, scope: &str, guid: &str) -> bool {
    assignment.guid.eq_ignore_ascii_case(guid)
        && lies_in(&assignment.scope, scope)
        && lies_in(scope, &assignment.scope)
}

/// Gives a role. It is seen at once and in effect once it has reached those who ask for it.
pub(super) fn put(call: &Call<'_>, scope: &str, guid: &str) -> Outcome {
    let world = call.world;
    if Uuid::parse_str(guid).is_err() {
        let message = format!("The role assignment ID '{guid}' is not valid. It must be a GUID.");
        return Err(Answer::error(400, "InvalidRoleAssignmentId", &message));
    }
    scope_exists(call, scope)?;
    let body = call.request.json()?;
    let properties = &body["properties"];
    let text = |name: &str| properties[name].as_str().filter(|text| !text.is_empty());
    let (Some(role), Some(holder)) = (text("roleDefinitionId"), text("principalId")) else {
        let message = "The request content must have roleDefinitionId and principalId.";
        return Err(Answer::error(400, "InvalidRequestContent", message));
    };
    let role = role.rsplit('/').next().unwrap_or_default();
    let role =
        RoleDefinition::with_guid(role).ok_or_else(|| role_definitions::does_not_exist(role))?;
    let principal_type = principal_type(call, holder, text("principalType"))?;
    let mut roles = world.roles();
    let same = |assignment: &&RoleAssignment| {
        assignment.role.guid == role.guid
            && assignment.principal.eq_ignore_ascii_case(holder)
            && lies_in(&assignment.scope, scope)
            && lies_in(scope, &assignment.scope)
    };
    let subscription = world.names.subscription_id();
    if let Some(present) = roles.iter().find(|assignment| is(assignment, scope, guid)) {
        if same(&present) {
            return Ok(Answer::ok(present.document(&subscription)));
        }
        let message = "Tenant ID, application ID, principal ID, and scope are not allowed to be \
                       updated.";
        return Err(Answer::error(400, "RoleAssignmentUpdateNotPermitted", message));
    }
    if roles.iter().any(|assignment| same(&assignment)) {
        let message = "The role assignment already exists.";
        return Err(Answer::error(409, "RoleAssignmentExists", message));
    }
    let delay = world.scale.seconds(world.faults.role_propagation_seconds());
    let assignment = RoleAssignment {
        guid: guid.to_ascii_lowercase(),
        description: text("description").map(str::to_owned),
        created: world.faults.now().format(&Rfc3339).unwrap_or_default(),
        effective: Instant::now() + delay,
        ..RoleAssignment::new(
            role,
            (&principal_type, holder),
            as_sent(call, scope),
            text("condition").map(str::to_owned),
        )
    };
    let document = assignment.document(&subscription);
    roles.push(assignment);
    Ok(Answer::status(201, document))
}

/// Takes a role away, at once.
pub(super) fn delete(call: &Call<'_>, scope: &str, guid: &str) -> Answer {
    let mut roles = call.world.roles();
    let Some(index) = roles.iter().position(|assignment| is(assignment, scope, guid)) else {
        return Answer::status(204, Value::Null);
    };
    let assignment = roles.remove(index);
    Answer::ok(assignment.document(&call.world.names.subscription_id()))
}

/// The type of a principal. One whose type is named need not be known yet.
fn principal_type(call: &Call<'_>, holder: &str, named: Option<&str>) -> Result<String, Answer> {
    let known = principal(call.world, holder);
    match (known, named) {
        (Some(known), Some(named)) if !known.kind.eq_ignore_ascii_case(named) => {
            let message = format!(
                "The PrincipalId '{holder}' has type '{}', which is different from the specified \
                 PrincipalType '{named}'.",
                known.kind
            );
            Err(Answer::error(400, "UnmatchedPrincipalType", &message))
        }
        (Some(known), _) if known.is_found || named.is_some() => Ok(known.kind.to_owned()),
        (None, Some(named)) if named.eq_ignore_ascii_case("ServicePrincipal") => {
            Ok("ServicePrincipal".to_owned())
        }
        _ => {
            let message = format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct \
                 principal ID. If you are creating this principal and then immediately assigning a \
                 role, this error might be related to a replication delay. In this case, set the \
                 role assignment principalType property to a value, such as ServicePrincipal, User, \
                 or Group.",
                holder.replace('-', ""),
                call.world.names.tenant,
            );
            Err(Answer::error(400, "PrincipalNotFound", &message))
        }
    }
}

fn scope_exists(call: &Call<'_>, scope: &str) -> Result<(), Answer> {
    let segments: Vec<&str> = scope.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["subscriptions", _] => Ok(()),
        ["subscriptions", _, "resourcegroups", group] => known_group(call.world, group),
        ["subscriptions", _, "resourcegroups", group, "providers", kind @ .., name] => {
            known_group(call.world, group)?;
            let resources = inventory::all(call.world, |_| true);
            let within =
                |resource: &Value| resource["id"].as_str().is_some_and(|id| lies_in(scope, id));
            let exists = resources.iter().any(within);
            if exists { Ok(()) } else { Err(not_found(&kind.join("/"), name, group)) }
        }
        _ => {
            let message = "The scope of the role assignment is not valid.";
            Err(Answer::error(400, "InvalidScope", message))
        }
    }
}

/// A scope as the client wrote it.
fn as_sent(call: &Call<'_>, scope: &str) -> String {
    let count = scope.split('/').filter(|segment| !segment.is_empty()).count();
    call.request
        .segments
        .iter()
        .take(count)
        .fold(String::new(), |path, segment| path + "/" + segment)
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
