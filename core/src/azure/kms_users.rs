//! The clusters that use keys in vaults: asked of Resource Graph, which answers for every
//! subscription that the credential can read.

use serde_json::Value;

use super::{client::Azure, resource_graph::GraphScope};
use crate::{error::Result, facts::ClusterWithKms};

const QUERY: &str = "resources | where type =~ 'microsoft.containerservice/managedclusters' \
                     and isnotnull(properties.securityProfile.azureKeyVaultKms) \
                     | project id, identity, kms = properties.securityProfile.azureKeyVaultKms";

impl Azure {
    /// Every managed cluster that can be seen with a KMS profile that names a key, whether KMS is
    /// on or off.
    pub(crate) async fn kms_users(&self) -> Result<Vec<ClusterWithKms>> {
        let what = "search for clusters that use a key vault by Resource Graph";
        let rows = self.resource_graph(what, QUERY, GraphScope::Everywhere).await?;
        Ok(rows.iter().filter_map(user).collect())
    }
}

fn user(row: &Value) -> Option<ClusterWithKms> {
    let kms = row.get("kms")?;
    let identities = row.pointer("/identity/userAssignedIdentities").and_then(Value::as_object);
    Some(ClusterWithKms {
        id: row.get("id")?.as_str()?.to_owned(),
        key_id: kms.get("keyId")?.as_str().filter(|key_id| !key_id.is_empty())?.to_owned(),
        network_mode: kms["keyVaultNetworkAccess"].as_str().and_then(|mode| mode.parse().ok()),
        identities: identities
            .into_iter()
            .flatten()
            .map(|(id, identity)| {
                let principal = identity.get("principalId").and_then(Value::as_str);
                (id.clone(), principal.map(str::to_owned))
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;
    use serde_json::json;

    use super::*;
    use crate::{
        azure::testing::{FakeAzure, json_reply},
        ids::NetworkMode,
    };

    const SEARCH: &str = "/providers/Microsoft.ResourceGraph/resources?";

    fn row(name: &str) -> Value {
        json!({
            "id": format!("/subscriptions/s/{name}"),
            "identity": {"userAssignedIdentities": {"/identities/one": {"principalId": "p"}}},
            "kms": {"enabled": true, "keyId": "https://v.vault.azure.net/keys/k", "keyVaultNetworkAccess": "Public"},
        })
    }

    #[tokio::test]
    async fn every_page_is_read() {
        let fake = FakeAzure::default();
        fake.on(
            Method::Post,
            SEARCH,
            [
                json_reply(200, json!({"data": [row("a")], "resultTruncated": "true", "$skipToken": "next"})),
                json_reply(200, json!({"data": [row("b"), {"id": "/c", "kms": {"enabled": false}}], "resultTruncated": "false"})),
            ],
        );
        let users = fake.client().kms_users().await.unwrap();
        let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
        assert_eq!(ids, ["/subscriptions/s/a", "/subscriptions/s/b"]);
        assert_eq!(users[0].network_mode, Some(NetworkMode::Public));
        assert_eq!(users[0].identities, [("/identities/one".to_owned(), Some("p".to_owned()))]);
        let seen = fake.seen();
        assert_eq!(seen[0].body["options"].get("$skipToken"), None);
        assert_eq!(seen[1].body["options"]["$skipToken"], "next");
    }

    #[tokio::test]
    async fn a_part_of_the_result_is_not_taken_for_all_of_it() {
        for page in [json!({"data": [row("a")], "resultTruncated": "true"}), json!({"count": 0})] {
            let fake = FakeAzure::default();
            fake.on(Method::Post, SEARCH, [json_reply(200, page)]);
            assert!(fake.client().kms_users().await.is_err());
        }
    }
}
