//! The caller as a user.

use serde_json::{Value, json};

use crate::support::{Client, Fixture};

/// What `az login` and `az` send later on.
async fn ask(client: &Client, form: &[(&str, &str)]) -> (u16, Value) {
    let case = &client.case;
    let url = format!("{}/{}/oauth2/v2.0/token", case.authority, case.tenant_id);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client.http.post(url).header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_user_signs_in_and_may_do_what_the_application_may() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = client.case.clone();
    let realm = format!("{}/common/userrealm/{}?api-version=1.0", case.authority, case.user_name);
    let realm: Value = client.http.get(realm).send().await.unwrap().json().await.unwrap();
    assert_eq!(realm["account_type"], "Managed");

    let scope = format!("{}/.default openid profile offline_access", case.arm);
    let mut form = [
        ("grant_type", "password"),
        ("client_id", "az"),
        ("username", case.user_name.as_str()),
        ("password", "wrong"),
        ("scope", scope.as_str()),
    ];
    let (status, body) = ask(&client, &form).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")));

    form[3].1 = &case.user_password;
    let (status, tokens) = ask(&client, &form).await;
    assert_eq!(status, 200);
    let get = async |url: String, token: &Value| {
        let request = client.http.get(url).bearer_auth(token.as_str().unwrap());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let cluster = format!("{}{}?api-version=2026-08-01", case.arm, case.cluster_id);
    let (status, _) = get(cluster.clone(), &tokens["access_token"]).await;
    assert_eq!(status, 200);
    let (status, _) = get(cluster, &tokens["refresh_token"]).await;
    assert_eq!(status, 401, "a refresh token is for Entra only");

    let scope = format!("{}/graph/.default", case.arm);
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", scope.as_str()),
    ];
    let (status, tokens) = ask(&client, &refresh).await;
    assert_eq!(status, 200);
    let (status, me) = get(format!("{}/graph/v1.0/me", case.arm), &tokens["access_token"]).await;
    assert_eq!((status, &me["userPrincipalName"]), (200, &json!(case.user_name)));
}

#[tokio::test]
async fn an_application_is_nobody_to_graphs_me() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let scope = format!("{}/graph/.default", case.arm);
    let token = crate::support::token(&client.http, case, &scope).await;
    let url = format!("{}/graph/v1.0/me", case.arm);
    let response = client.http.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 400);
}
