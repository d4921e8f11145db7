//! User-assigned identities, and where new resources of a group go.

use azure_core::http::Method;
use serde_json::{Value, json};

use super::{
    access::IDENTITY_API_VERSION,
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
};
use crate::{
    error::{ErrorKind, Result},
    facts::IdentityFacts,
    ids::IdentityId,
};

const GROUPS_API_VERSION: &str = "2021-04-01";

impl Azure {
    /// Reads an identity. `None`: there is none.
    pub(crate) async fn find_identity(&self, id: &IdentityId) -> Result<Option<IdentityFacts>> {
        let what = format!("read identity {id}");
        let call = Call::get(id.to_string(), IDENTITY_API_VERSION, what, AzureAction::ReadIdentity);
        match self.send(&call).await {
            Ok(response) => parse(&call.what, &response.json(&call.what)?).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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
        parse(&call.what, &self.send(&call).await?.json(&call.what)?)
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

fn parse(what: &str, identity: &Value) -> Result<IdentityFacts> {
    let property = |name: &str| match identity["properties"][name].as_str() {
        // It becomes part of commands and of filter expressions.
        Some(text) if uuid::Uuid::try_parse(text).is_ok() => Ok(text.to_owned()),
        _ => Err(unreadable(what, &format!("{name} is missing or no UUID"))),
    };
    Ok(IdentityFacts { principal_id: property("principalId")?, tenant_id: property("tenantId")? })
}
