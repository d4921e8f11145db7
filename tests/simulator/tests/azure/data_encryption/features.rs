//! The preview feature's registration in the subscription.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, code};

fn path(client: &Client, rest: &str) -> String {
    let features = "providers/Microsoft.Features/providers/Microsoft.ContainerService/features";
    format!("{}/{features}{rest}?api-version=2021-07-01", client.subscription())
}

fn state(feature: &Value) -> &str {
    feature["properties"]["state"].as_str().unwrap()
}

#[tokio::test]
async fn it_is_registered_unless_the_case_says_otherwise() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let feature = client.get(&path(&client, "/KMSPMKPreview")).await;
    assert_eq!(state(&feature), "Registered");
    assert_eq!(feature["name"], "Microsoft.ContainerService/KMSPMKPreview");
    assert_eq!(feature["type"], "Microsoft.Features/providers/features");

    let given = json!({ "data_encryption": { "feature": "NotRegistered" } });
    let (client, _) = fixture.case(given).await;
    assert_eq!(state(&client.get(&path(&client, "/kmspmkpreview")).await), "NotRegistered");
    let register = path(&client, "/KMSPMKPreview/register");
    let (status, answer) = client.arm(Method::POST, &register, None).await;
    assert_eq!((status, state(&answer)), (200, "Registering"));
    assert_eq!(state(&client.get(&path(&client, "/KMSPMKPreview")).await), "Registered");
    let (status, _) =
        client.arm(Method::POST, &register.replace("/register", "/unregister"), None).await;
    assert_eq!(status, 200);
    let list = client.get(&path(&client, "")).await;
    assert_eq!(state(&list["value"][0]), "Unregistered");
}

#[tokio::test]
async fn other_features_and_callers_without_the_right_are_refused() {
    let fixture = Fixture::start().await;
    let lacks =
        json!({ "access": { "caller_lacks": ["Microsoft.Features/providers/features/read"] } });
    let (client, _) = fixture.case(lacks).await;
    let (status, answer) = client.arm(Method::GET, &path(&client, "/KMSPMKPreview"), None).await;
    assert_eq!((status, code(&answer)), (403, "AuthorizationFailed"));
    let (client, _) = fixture.case(json!({})).await;
    let (status, answer) = client.arm(Method::GET, &path(&client, "/Another"), None).await;
    assert_eq!((status, code(&answer)), (404, "FeatureNotFound"));
}
