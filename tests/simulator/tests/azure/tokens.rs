//! Discovery and tokens.

use serde_json::{Value, json};

use crate::support::{Fixture, VAULT_SCOPE, ask_token, code, token};

#[tokio::test]
async fn a_client_discovers_the_cloud_and_signs_in() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let get = |path: &str| client.http.get(format!("{}{path}", case.arm)).send();
    let cloud: Value =
        get("/metadata/endpoints?api-version=2022-09-01").await.unwrap().json().await.unwrap();
    assert_eq!(cloud["resourceManager"], case.arm);
    assert_eq!(cloud["suffixes"]["keyVaultDns"], "vault.azure.net");
    let openid: Value = get(&format!("/{}/v2.0/.well-known/openid-configuration", case.tenant_id))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let endpoint = format!("{}/{}/oauth2/v2.0/token", case.authority, case.tenant_id);
    assert_eq!(openid["token_endpoint"], endpoint);

    let subscriptions = client.get("/subscriptions?api-version=2022-12-01").await;
    let id =
        format!("/subscriptions/{}", subscriptions["value"][0]["subscriptionId"].as_str().unwrap());
    assert!(case.cluster_id.starts_with(&id));
}

#[tokio::test]
async fn a_wrong_secret_an_expired_token_and_another_audience_are_refused() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let case = &client.case;
    let (status, body) = ask_token(&client.http, case, "wrong", VAULT_SCOPE).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));

    let url = format!("{}{}", case.arm, client.cluster_path());
    let refused = async |token: Option<String>| {
        let mut request = client.http.get(&url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        code(&response.json().await.unwrap()).to_owned()
    };
    assert_eq!(refused(None).await, "AuthenticationFailed");
    assert_eq!(refused(Some("x.y.z".to_owned())).await, "InvalidAuthenticationToken");
    assert_eq!(
        refused(Some(client.vault_token.clone())).await,
        "InvalidAuthenticationTokenAudience"
    );
    fixture.simulator.set_token_lifetime(0);
    let expired = token(&client.http, case, &format!("{}//.default", case.arm)).await;
    assert_eq!(refused(Some(expired)).await, "ExpiredAuthenticationToken");

    fixture.simulator.set_token_lifetime(60);
    let aks = token(&client.http, case, "6dae42f8-4368-4678-94ff-3960e28e3630/.default").await;
    assert!((backend.entra)(&aks));
    assert!(!(backend.entra)(&client.vault_token));
    let (other, _) = fixture.case(json!({})).await;
    let others =
        token(&other.http, &other.case, "6dae42f8-4368-4678-94ff-3960e28e3630/.default").await;
    assert!(!(backend.entra)(&others), "another case's caller is nobody here");
}
