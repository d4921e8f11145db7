//! Built-in roles and who has which where.

use serde_json::{Value, json};
use uuid::Uuid;

/// A built-in role, as Azure defines it.
#[derive(Debug)]
pub(crate) struct RoleDefinition {
    pub(crate) guid: &'static str,
    pub(crate) name: &'static str,
    description: &'static str,
    actions: &'static [&'static str],
    not_actions: &'static [&'static str],
    data_actions: &'static [&'static str],
}

const KEY_VAULT_READS: &[&str] = &[
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
];

/// The built-in roles that matter to keys, and two that look as if they did.
pub(crate) const BUILT_IN: &[RoleDefinition] = &[
    RoleDefinition {
        guid: "12338af0-0e69-4776-bea7-57ae8d297424",
        name: "Key Vault Crypto User",
        description: "Perform cryptographic operations using keys.",
        actions: &[],
        not_actions: &[],
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/update/action",
            "Microsoft.KeyVault/vaults/keys/backup/action",
            "Microsoft.KeyVault/vaults/keys/encrypt/action",
            "Microsoft.KeyVault/vaults/keys/decrypt/action",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
            "Microsoft.KeyVault/vaults/keys/sign/action",
            "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
    },
    RoleDefinition {
        guid: "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        name: "Key Vault Crypto Officer",
        description: "Perform any action on the keys of a key vault, except manage permissions.",
        actions: KEY_VAULT_READS,
        not_actions: &[],
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/*",
            "Microsoft.KeyVault/vaults/keyrotationpolicies/*",
        ],
    },
    RoleDefinition {
        guid: "e147488a-f6f5-4113-8e2d-b22465e65bf6",
        name: "Key Vault Crypto Service Encryption User",
        description: "Read metadata of keys and perform wrap/unwrap operations.",
        actions: &[
            "Microsoft.EventGrid/eventSubscriptions/write",
            "Microsoft.EventGrid/eventSubscriptions/read",
            "Microsoft.EventGrid/eventSubscriptions/delete",
        ],
        not_actions: &[],
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
        ],
    },
    RoleDefinition {
        guid: "f25e0fa2-a7c8-4377-a976-54943a77a395",
        name: "Key Vault Contributor",
        description: "Lets you manage key vaults, but not access to them.",
        actions: &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.KeyVault/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
        not_actions: &[
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ],
        data_actions: &[],
    },
    RoleDefinition {
        guid: "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        name: "Key Vault Administrator",
        description: "Perform all data plane operations on a key vault and all objects in it.",
        actions: KEY_VAULT_READS,
        not_actions: &[],
        data_actions: &["Microsoft.KeyVault/vaults/*"],
    },
    RoleDefinition {
        guid: "21090545-7ca7-4776-b22c-e363652d74d2",
        name: "Key Vault Reader",
        description: "Read metadata of key vaults and its certificates, keys, and secrets.",
        actions: KEY_VAULT_READS,
        not_actions: &[],
        data_actions: &[
            "Microsoft.KeyVault/vaults/*/read",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
    },
    RoleDefinition {
        guid: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        name: "Contributor",
        description: "Grants full access to manage all resources, but not to assign roles.",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
        data_actions: &[],
    },
    RoleDefinition {
        guid: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        name: "Reader",
        description: "View all resources, but does not allow you to make any changes.",
        actions: &["*/read"],
        not_actions: &[],
        data_actions: &[],
    },
];

impl RoleDefinition {
    /// The built-in role of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|role| role.name.eq_ignore_ascii_case(name))
    }

    /// Whether the role grants an action of the management plane.
    pub(crate) fn grants(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| matches(pattern, action))
            && !self.not_actions.iter().any(|pattern| matches(pattern, action))
    }

    /// Whether the role grants an action of the data plane.
    pub(crate) fn grants_data(&self, action: &str) -> bool {
        self.data_actions.iter().any(|pattern| matches(pattern, action))
    }

    /// Resource id, under a subscription or (empty prefix) the tenant.
    pub(crate) fn id(&self, prefix: &str) -> String {
        format!("{prefix}/providers/Microsoft.Authorization/roleDefinitions/{}", self.guid)
    }

    /// The definition as Azure answers it.
    pub(crate) fn document(&self, prefix: &str) -> Value {
        json!({
            "id": self.id(prefix),
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": self.guid,
            "properties": {
                "roleName": self.name,
                "type": "BuiltInRole",
                "description": self.description,
                "assignableScopes": ["/"],
                "permissions": [{
                    "actions": self.actions,
                    "notActions": self.not_actions,
                    "dataActions": self.data_actions,
                    "notDataActions": [],
                }],
            },
        })
    }
}

/// A role given to a principal at a scope.
#[derive(Clone, Debug)]
pub(crate) struct RoleAssignment {
    guid: String,
    pub(crate) role: &'static RoleDefinition,
    pub(crate) principal: String,
    /// `ServicePrincipal` or `Group`.
    pub(crate) principal_type: &'static str,
    pub(crate) scope: String,
    pub(crate) condition: Option<String>,
}

impl RoleAssignment {
    pub(crate) fn new(
        role: &'static RoleDefinition,
        (principal_type, principal): (&'static str, &str),
        scope: String,
        condition: Option<String>,
    ) -> Self {
        let guid = Uuid::new_v4().to_string();
        Self { guid, role, principal: principal.to_owned(), principal_type, scope, condition }
    }

    /// Whether the assignment is at `resource` or at something that it lies in.
    pub(crate) fn covers(&self, resource: &str) -> bool {
        lies_in(resource, &self.scope)
    }

    /// The assignment as Azure answers it.
    pub(crate) fn document(&self, subscription: &str) -> Value {
        json!({
            "id": format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{}", self.scope, self.guid
            ),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": self.guid,
            "properties": {
                "roleDefinitionId": self.role.id(subscription),
                "principalId": self.principal,
                "principalType": self.principal_type,
                "scope": self.scope,
                "condition": self.condition,
                "conditionVersion": self.condition.as_ref().map(|_| "2.0"),
                "delegatedManagedIdentityResourceId": null,
                "description": null,
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
