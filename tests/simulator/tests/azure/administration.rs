//! The administration over HTTP.

use aks_kms_simulator::Case;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::{Value, json};

use crate::support::Fixture;

#[tokio::test]
async fn a_case_is_made_watched_and_ended_over_http() {
    let fixture = Fixture::start().await;
    let mut authorization: HeaderValue =
        format!("Bearer {}", fixture.simulator.admin_token()).parse().unwrap();
    authorization.set_sensitive(true);
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let cases = format!("{}/cases", fixture.simulator.admin());
    let misspelt = json!({ "cluster": { "kuberntes_version": "1.33.3" } });
    let response = http.put(&cases).json(&misspelt).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = json!({ "access": { "role": "No Such Role" } });
    let response = http.put(&cases).json(&unknown).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let given = json!({ "cluster": { "kms": { "key": "{{key.2}}", "previous": "{{key.1}}" } } });
    let response = http.put(&cases).json(&given).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let case: Case = response.json().await.unwrap();
    let document = fixture.simulator.cluster(&case.id).unwrap();
    let profile = &document["properties"]["securityProfile"]["azureKeyVaultKms"];
    assert_eq!(profile["keyId"], case.key_ids[1]);
    let mut value = json!({ "id": "{{cluster}}" });
    case.substitute(&mut value);
    assert_eq!(value["id"], case.cluster_id);

    let url = format!("{cases}/{}", case.id);
    let get = async |path: &str| -> Value {
        http.get(format!("{url}/{path}")).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(get("writes").await, json!([]));
    assert_eq!(get("secrets").await["total"], 7);
    let faults = json!({ "azure": [{ "path": "x", "status": 500 }] });
    let response = http.put(format!("{url}/faults")).json(&faults).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for expected in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(http.delete(&url).send().await.unwrap().status(), expected);
    }
}
