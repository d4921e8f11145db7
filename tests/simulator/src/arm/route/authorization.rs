//! Routes of resources that hang on others: the scope comes before the last `providers`.

use super::{Parts, Target};
use crate::arm::versions::Provider;

pub(super) fn extension(method: &str, path: &[&str]) -> Option<Parts> {
    let last = path.iter().rposition(|segment| *segment == "providers")?;
    let scope = path[..last].iter().fold(String::new(), |scope, segment| scope + "/" + segment);
    let parts = match (method, &path[last + 1..]) {
        ("GET", ["microsoft.authorization", "roleassignments"]) => (
            Provider::Authorization,
            "Microsoft.Authorization/roleAssignments/read",
            Target::RoleAssignments(scope),
        ),
        (method, ["microsoft.authorization", "roleassignments", guid]) => {
            let guid = (*guid).to_owned();
            let (action, target) = match method {
                "GET" => (
                    "Microsoft.Authorization/roleAssignments/read",
                    Target::RoleAssignment(scope, guid),
                ),
                "PUT" => (
                    "Microsoft.Authorization/roleAssignments/write",
                    Target::PutRoleAssignment(scope, guid),
                ),
                "DELETE" => (
                    "Microsoft.Authorization/roleAssignments/delete",
                    Target::DeleteRoleAssignment(scope, guid),
                ),
                _ => return None,
            };
            (Provider::Authorization, action, target)
        }
        ("GET", ["microsoft.authorization", "roledefinitions"]) => (
            Provider::Authorization,
            "Microsoft.Authorization/roleDefinitions/read",
            Target::RoleDefinitions,
        ),
        ("GET", ["microsoft.authorization", "roledefinitions", guid]) => (
            Provider::Authorization,
            "Microsoft.Authorization/roleDefinitions/read",
            Target::RoleDefinition(scope, (*guid).to_owned()),
        ),
        ("GET", ["microsoft.insights", "diagnosticsettings"]) => (
            Provider::Insights,
            "Microsoft.Insights/diagnosticSettings/read",
            Target::DiagnosticSettings(scope),
        ),
        _ => return None,
    };
    Some(parts)
}
