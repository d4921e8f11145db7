//! Preview features of a subscription.

use super::{action::AzureAction, call::Call, client::Azure, error::unreadable};
use crate::error::Result;

const API_VERSION: &str = "2021-07-01";
/// What KMS data encryption was registered with during its preview.
pub(crate) const DATA_ENCRYPTION_PREVIEW: &str = "KMSPMKPreview";

impl Azure {
    /// Whether a preview feature of AKS is registered in a subscription.
    pub(crate) async fn is_feature_registered(
        &self,
        subscription_id: &str,
        name: &str,
    ) -> Result<bool> {
        let path = format!(
            "/subscriptions/{subscription_id}/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/{name}"
        );
        let what = format!("read feature {name} of subscription {subscription_id}");
        let call = Call::get(path, API_VERSION, what, AzureAction::ReadFeature);
        let feature = self.send(&call).await?.json(&call.what)?;
        let state = feature.pointer("/properties/state").and_then(|state| state.as_str());
        let state = state.ok_or_else(|| unreadable(&call.what, "properties.state is missing"))?;
        Ok(state.eq_ignore_ascii_case("Registered"))
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        azure::testing::{FakeAzure, Reply, SUBSCRIPTION, json_reply},
        error::ErrorKind,
    };

    async fn registered(reply: Reply) -> Result<bool> {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/Microsoft.ContainerService/features/KMSPMKPreview?", [reply]);
        fake.client().is_feature_registered(SUBSCRIPTION, DATA_ENCRYPTION_PREVIEW).await
    }

    fn state(state: impl Into<Value>) -> Reply {
        json_reply(200, json!({"name": "n", "properties": {"state": state.into()}}))
    }

    #[tokio::test]
    async fn a_feature_is_registered_when_it_says_so() {
        for (told, is) in [
            ("Registered", true),
            ("registered", true),
            ("Registering", false),
            ("NotRegistered", false),
        ] {
            assert_eq!(registered(state(told)).await.unwrap(), is, "{told}");
        }
    }

    #[tokio::test]
    async fn what_keeps_it_from_being_read_is_an_error_that_names_the_right() {
        let denied =
            json_reply(403, json!({"error": {"code": "AuthorizationFailed", "message": "no"}}));
        let error = registered(denied).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(
            error.to_string().contains("Microsoft.Features/providers/features/read"),
            "{error}"
        );
        assert!(registered(state(Value::Null)).await.is_err());
        let gone = json_reply(404, json!({"error": {"code": "FeatureNotFound", "message": "no"}}));
        assert_eq!(registered(gone).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}
