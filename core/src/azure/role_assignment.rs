//! Giving an identity a role on a vault, and how old that is.

use std::time::Duration;

use azure_core::http::Method;
use futures::future::try_join_all;
use serde_json::{Value, json};
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    access::AUTHORIZATION_API_VERSION,
    action::AzureAction,
    call::{Call, CallTarget, Response},
    client::Azure,
    error::unreadable,
};
use crate::{
    error::{Result, optional},
    facts::{HeldRole, VaultRole},
    ids::VaultId,
};

/// An identity that was just made is not known everywhere at once.
const PRINCIPAL_NOT_FOUND: &str = "PrincipalNotFound";
const ALREADY_THERE: &str = "RoleAssignmentExists";
/// How many times a role is given again to an identity that is not known yet: a minute and a half of pauses.
const PRINCIPAL_TRIES: u32 = 8;

impl Azure {
    /// Gives a principal a role on a vault. Twice is as good as once: its id is made of all three.
    /// Gives how long ago it was given; `None`: it was there, by an assignment of somebody else's.
    pub(crate) async fn grant_role(
        &self,
        vault: &VaultId,
        principal_id: &str,
        role: VaultRole,
    ) -> Result<Option<Duration>> {
        let api_version = AUTHORIZATION_API_VERSION.to_owned();
        let target =
            CallTarget::ManagementOnce { path: path(vault, principal_id, role), api_version };
        let what = format!("give identity {principal_id} the role {role} on key vault {vault}");
        let subscription = vault.subscription_id();
        let definition = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{}",
            role.definition()
        );
        let body = json!({ "properties": {
            "roleDefinitionId": definition,
            "principalId": principal_id,
            // Told this, Azure does not look for an identity that it does not know yet.
            "principalType": "ServicePrincipal",
        }});
        let put = Call::new(Method::Put, target, what, AzureAction::WriteRoleAssignments);
        let call = Call { body: Some(body), ..put };
        let mut tries = 0;
        loop {
            match self.send(&call).await {
                Ok(response) => return Ok(Some(age(&call.what, &response)?.unwrap_or_default())),
                Err(error) if error.service_code() == Some(ALREADY_THERE) => return Ok(None),
                Err(error)
                    if error.service_code() == Some(PRINCIPAL_NOT_FOUND)
                        && tries < PRINCIPAL_TRIES =>
                {
                    tries += 1;
                    sleep(self.timing.pause(tries)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Every role that a principal itself holds in a subscription, at whatever scope.
    pub(crate) async fn roles_held(
        &self,
        subscription_id: &str,
        principal_id: &str,
    ) -> Result<Vec<HeldRole>> {
        let what = format!("read the roles of principal {principal_id}");
        // It becomes part of a filter expression.
        if Uuid::try_parse(principal_id).is_err() {
            return Err(unreadable(&what, "the principal is no UUID"));
        }
        let path = format!(
            "/subscriptions/{subscription_id}/providers/Microsoft.Authorization/roleAssignments"
        );
        let mut call =
            Call::get(path, AUTHORIZATION_API_VERSION, what, AzureAction::ReadRoleAssignments);
        call.query.push(("$filter", format!("principalId eq '{principal_id}'")));
        let what = call.what.clone();
        let held = self.list(call).await?;
        let held = held.iter().map(|assignment| self.role_held(&what, assignment));
        let mut held = try_join_all(held).await?;
        held.sort();
        Ok(held)
    }

    async fn role_held(&self, what: &str, assignment: &Value) -> Result<HeldRole> {
        let text = |name: &str| assignment["properties"][name].as_str();
        let (Some(definition), Some(scope)) = (text("roleDefinitionId"), text("scope")) else {
            return Err(unreadable(what, "an assignment lacks role or scope"));
        };
        let (role, scope) = (self.role_definition(definition).await?.name, scope.to_owned());
        Ok(HeldRole { role, scope })
    }

    /// How long ago this library gave a principal a role on a vault. `None`: it did not.
    pub(crate) async fn role_age(
        &self,
        vault: &VaultId,
        principal_id: &str,
        role: VaultRole,
    ) -> Result<Option<Duration>> {
        let what = format!("read when identity {principal_id} got the role {role} on {vault}");
        let path = path(vault, principal_id, role);
        let call =
            Call::get(path, AUTHORIZATION_API_VERSION, what, AzureAction::ReadRoleAssignments);
        match optional(self.send(&call).await)? {
            Some(response) => age(&call.what, &response),
            None => Ok(None),
        }
    }
}

fn path(vault: &VaultId, principal_id: &str, role: VaultRole) -> String {
    let name = format!("{vault} {principal_id} {}", role.definition()).to_lowercase();
    let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    format!("{vault}/providers/Microsoft.Authorization/roleAssignments/{name}")
}

/// How old an assignment was when Azure answered, by Azure's clock. `None`: it does not say. One of which only Azure's
/// time is missing counts as new: the clock here may be wrong.
fn age(what: &str, response: &Response) -> Result<Option<Duration>> {
    let assignment: Value = response.json(what)?;
    let created = assignment.pointer("/properties/createdOn").and_then(Value::as_str);
    let created = created.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let now = response.header("date").and_then(|text| OffsetDateTime::parse(text, &Rfc2822).ok());
    let Some(created) = created else { return Ok(None) };
    let age = now.map_or(time::Duration::ZERO, |now| now - created);
    Ok(Some(age.try_into().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::azure::testing::{FakeAzure, Reply, SUBSCRIPTION, json_reply};

    const PRINCIPAL: &str = "5f6c1a52-3f2b-4f0f-9d8c-7e1f2a3b4c5d";

    async fn age_of(reply: Reply) -> Option<Duration> {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/roleAssignments/", [reply]);
        let vault = format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop"
        );
        let vault = VaultId::parse(&vault).unwrap();
        fake.client().role_age(&vault, PRINCIPAL, VaultRole::CryptoUser).await.unwrap()
    }

    fn created(on: &str) -> Reply {
        json_reply(200, json!({"properties": {"createdOn": on}}))
    }

    #[tokio::test]
    async fn a_role_is_as_old_as_azure_says() {
        let day = "Mon, 02 Mar 2026 10:05:00 GMT";
        let given = created("2026-03-02T10:00:00Z").with("date", day);
        assert_eq!(age_of(given).await, Some(Duration::from_secs(300)));
        let later = created("2026-03-02T10:06:00Z").with("date", day);
        assert_eq!(age_of(later).await, Some(Duration::ZERO));
        let missing = json_reply(404, json!({"error": {"code": "RoleAssignmentNotFound"}}));
        assert_eq!(age_of(missing).await, None);
        let silent = json_reply(200, json!({"properties": {}})).with("date", day);
        assert_eq!(age_of(silent).await, None);
    }

    /// The clock here may be wrong by more than a role takes.
    #[tokio::test]
    async fn a_role_counts_as_new_where_azure_does_not_say_what_time_it_is() {
        for reply in [
            created("2020-01-01T00:00:00Z"),
            created("2020-01-01T00:00:00Z").with("date", "yesterday"),
        ] {
            assert_eq!(age_of(reply).await, Some(Duration::ZERO));
        }
    }
}
