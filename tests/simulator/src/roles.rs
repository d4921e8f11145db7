//! Built-in roles and who has which where.

mod built_in;

use std::time::Instant;

use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use built_in::{BUILT_IN, RoleDefinition};

/// A role given to a principal at a scope.
#[derive(Clone, Debug)]
pub(crate) struct RoleAssignment {
    pub(crate) guid: String,
    pub(crate) role: &'static RoleDefinition,
    pub(crate) principal: String,
    /// `ServicePrincipal`, `Group` or `User`.
    pub(crate) principal_type: String,
    pub(crate) scope: String,
    pub(crate) condition: Option<String>,
    pub(crate) description: Option<String>,
    /// When it was made, as Azure writes it.
    pub(crate) created: String,
    /// Lists show it at once; it grants something only from now on.
    pub(crate) effective: Instant,
}

impl RoleAssignment {
    /// An assignment that is in effect.
    pub(crate) fn new(
        role: &'static RoleDefinition,
        (principal_type, principal): (&str, &str),
        scope: String,
        condition: Option<String>,
    ) -> Self {
        Self {
            guid: Uuid::new_v4().to_string(),
            role,
            principal: principal.to_owned(),
            principal_type: principal_type.to_owned(),
            scope,
            condition,
            description: None,
            created: "2026-01-01T00:00:00.0000000Z".to_owned(),
            effective: Instant::now(),
        }
    }

    /// Whether the assignment is at `resource` or at something that it lies in.
    pub(crate) fn covers(&self, resource: &str) -> bool {
        lies_in(resource, &self.scope)
    }

    /// Whether it has reached those who ask for it.
    pub(crate) fn is_effective(&self) -> bool {
        self.effective <= Instant::now()
    }

    /// Resource id.
    pub(crate) fn id(&self) -> String {
        let scope = self.scope.trim_end_matches('/');
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", self.guid)
    }

    /// The assignment as Azure answers it.
    pub(crate) fn document(&self, subscription: &str) -> Value {
        json!({
            "id": self.id(),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": self.guid,
            "properties": {
                "roleDefinitionId": self.role.id(subscription),
                "principalId": self.principal,
                "principalType": self.principal_type,
                "scope": self.scope,
                "condition": self.condition,
                "conditionVersion": self.condition.as_ref().map(|_| "2.0"),
                "createdOn": self.created,
                "updatedOn": self.created,
                "delegatedManagedIdentityResourceId": null,
                "description": self.description,
            },
        })
    }
}

/// Whether a resource id is `scope` or below it.
pub(crate) fn lies_in(resource: &str, scope: &str) -> bool {
    let scope = scope.trim_end_matches('/');
    resource.get(..scope.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(scope))
        && matches!(resource.as_bytes().get(scope.len()), None | Some(b'/'))
}

/// Whether an action fits a pattern with `*` in it, case-insensitively.
pub(crate) fn matches(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let action = action.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            let Some(found) = rest.find(previous) else {
                return false;
            };
            rest = &rest[found + previous.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_azure() {
        for (pattern, action, expected) in [
            ("*", "Microsoft.KeyVault/vaults/read", true),
            ("*/read", "Microsoft.KeyVault/vaults/read", true),
            ("*/read", "Microsoft.KeyVault/vaults/write", false),
            ("Microsoft.KeyVault/vaults/*/read", "microsoft.keyvault/vaults/keys/READ", true),
            ("Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/read", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn only_a_whole_segment_makes_a_scope() {
        assert!(lies_in("/subscriptions/S/resourceGroups/a", "/Subscriptions/s"));
        assert!(lies_in("/subscriptions/s", "/subscriptions/s"));
        assert!(!lies_in("/subscriptions/s1", "/subscriptions/s"));
        assert!(!lies_in("/subscriptions", "/subscriptions/s"));
    }
}
