//! User-assigned identities, and where new resources of a group go.

use azure_core::http::Method;
use serde_json::{Value, json};

use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
};
use crate::{
    error::{ErrorKind, Result, optional},
    facts::IdentityFacts,
    ids::IdentityId,
};

const IDENTITY_API_VERSION: &str = "2024-11-30";
const GROUPS_API_VERSION: &str = "2021-04-01";

impl Azure {
    /// Reads an identity. `None`: there is none.
    pub(crate) async fn find_identity(&self, id: &IdentityId) -> Result<Option<IdentityFacts>> {
        let Some(read) = optional(self.read_identity(&id.to_string()).await)? else {
            return Ok(None);
        };
        Ok(Some(IdentityFacts { principal_id: read.principal_id?, tenant_id: read.tenant_id? }))
    }

    /// Reads the identity of a resource id.
    pub(super) async fn read_identity(&self, id: &str) -> Result<IdentityRead> {
        let what = format!("read identity {id}");
        let call = Call::get(id, IDENTITY_API_VERSION, what, AzureAction::ReadIdentity);
        Ok(IdentityRead::parse(&call.what, &self.send(&call).await?.json(&call.what)?))
    }

    /// Makes an identity. Where there is one it loses its tags: look before.
    pub(crate) async fn create_identity(
        &self,
        id: &IdentityId,
        location: &str,
    ) -> Result<IdentityFacts> {
        let target = CallTarget::ManagementOnce {
            path: id.to_string(),
            api_version: IDENTITY_API_VERSION.to_owned(),
        };
        let put = Call::new(
            Method::Put,
            target,
            format!("create identity {id}"),
            AzureAction::WriteIdentity,
        );
        let call = Call { body: Some(json!({ "location": location })), ..put };
        let made = IdentityRead::parse(&call.what, &self.send(&call).await?.json(&call.what)?);
        Ok(IdentityFacts { principal_id: made.principal_id?, tenant_id: made.tenant_id? })
    }

    /// The region of a resource group.
    pub(crate) async fn group_location(
        &self,
        subscription_id: &str,
        group: &str,
    ) -> Result<String> {
        let path = format!("/subscriptions/{subscription_id}/resourceGroups/{group}");
        let what = format!("read resource group {group} of subscription {subscription_id}");
        let call = Call::get(path, GROUPS_API_VERSION, what, AzureAction::ReadGroup);
        let response = self.send(&call).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => error.with_context(&format!(
                "make it first: `az group create --subscription {subscription_id} --name {group} --location <region>`"
            )),
            _ => error,
        })?;
        let group = response.json(&call.what)?;
        let location = group.get("location").and_then(Value::as_str).map(str::to_owned);
        location.ok_or_else(|| unreadable(&call.what, "location is missing"))
    }
}

/// What is read of an identity, each part on its own.
pub(super) struct IdentityRead {
    pub(super) principal_id: Result<String>,
    pub(super) tenant_id: Result<String>,
}

impl IdentityRead {
    fn parse(what: &str, identity: &Value) -> Self {
        let property = |name: &str| match identity["properties"][name].as_str() {
            // It becomes part of commands and of filter expressions.
            Some(text) if uuid::Uuid::try_parse(text).is_ok() => Ok(text.to_owned()),
            _ => Err(unreadable(what, &format!("{name} is missing or no UUID"))),
        };
        Self { principal_id: property("principalId"), tenant_id: property("tenantId") }
    }
}
