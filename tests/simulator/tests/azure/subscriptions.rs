//! Subscriptions, groups, registrations, resources across providers, and the directory.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Client, Fixture, code, token};

const RESOURCES: &str = "2022-09-01";

/// A GET from Graph with a token for it.
async fn graph(client: &Client, path: &str) -> Value {
    let endpoint = format!("{}/graph", client.case.arm);
    let token = token(&client.http, &client.case, &format!("{endpoint}/.default")).await;
    let request = client.http.get(format!("{endpoint}/v1.0{path}")).bearer_auth(token);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_subscription_shows_what_it_has() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let subscription = client.subscription();
    let get = async |path: &str| {
        client.get(&format!("{subscription}{path}?api-version={RESOURCES}")).await
    };
    assert_eq!(get("").await["state"], "Enabled");
    assert_eq!(get("/locations").await["value"][0]["name"], "eastus");
    let registration = get("/providers/Microsoft.ContainerService").await;
    assert_eq!(registration["registrationState"], "Registered");
    let types = registration["resourceTypes"].as_array().unwrap();
    assert!(types.iter().any(|kind| kind["resourceType"] == "managedClusters"));
    assert!(get("/providers").await["value"].as_array().unwrap().len() > 3);
    let unknown = format!("{subscription}/providers/Contoso.Unheard?api-version={RESOURCES}");
    let (status, body) = client.arm(Method::GET, &unknown, None).await;
    assert_eq!((status, code(&body)), (404, "InvalidResourceNamespace"));
    let tenants = client.get(&format!("/tenants?api-version={RESOURCES}")).await;
    assert_eq!(tenants["value"][0]["tenantId"], client.case.tenant_id);
    let hsms = format!(
        "{subscription}/providers/Microsoft.KeyVault/deletedManagedHSMs?api-version=2026-02-01"
    );
    assert_eq!(client.get(&hsms).await, json!({ "value": [] }));
}

const OTHER: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
const CLOSED: &str = "bbbbbbbb-0000-4000-8000-00000000000b";

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn other_subscriptions_show_their_clusters_to_who_may_read_them() {
    let fixture = Fixture::start().await;
    let clusters = json!([{ "name": "one" }, { "name": "two" }, { "name": "three" }]);
    let given = json!({
        "other_clusters": [{ "name": "beside" }],
        "other_subscriptions": [
            { "id": OTHER, "clusters": clusters },
            { "id": CLOSED, "readable": false, "clusters": clusters },
        ],
    });
    let (client, _) = fixture.case(given).await;
    let list = client.get(&format!("/subscriptions?api-version={RESOURCES}")).await;
    let ids: Vec<&str> = list["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subscription| subscription["subscriptionId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [&client.case.subscription_id, OTHER]);

    let clusters = |subscription: &str| {
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters?api-version={AKS}"
        )
    };
    assert_eq!(names(&client.get(&clusters(OTHER)).await["value"]), ["one", "two", "three"]);
    let own = client.get(&clusters(&client.case.subscription_id)).await;
    assert_eq!(names(&own["value"]).last(), Some(&"beside"));
    let (status, body) = client.arm(Method::GET, &clusters(CLOSED), None).await;
    assert_eq!((status, code(&body)), (403, "AuthorizationFailed"));
    let vaults = format!(
        "/subscriptions/{OTHER}/providers/Microsoft.KeyVault/vaults?api-version=2026-05-15"
    );
    assert_eq!(client.arm(Method::GET, &vaults, None).await.0, 404, "it has nothing but clusters");

    let search = async |options: Value| {
        let query = json!({
            "subscriptions": [OTHER, CLOSED],
            "query": "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, name | order by id asc",
            "options": options,
        });
        let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
        client.arm(Method::POST, path, Some(&query)).await.1
    };
    let page = search(json!({ "$top": 2 })).await;
    assert_eq!(names(&page["data"]), ["one", "three"], "what may not be read is left out");
    let rest = search(json!({ "$top": 2, "$skipToken": page["$skipToken"] })).await;
    assert_eq!(names(&rest["data"]), ["two"]);
    assert_eq!(rest["$skipToken"], Value::Null);
}

#[tokio::test]
async fn resources_are_found_by_type_and_name() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let subscription = client.subscription();
    let found = async |filter: &str, version: &str| -> Vec<Value> {
        let filter = filter.replace(' ', "%20");
        let path = format!("{subscription}/resources?api-version={version}&$filter={filter}");
        let list = client.get(&path).await;
        list["value"].as_array().unwrap().iter().map(|found| found["id"].clone()).collect()
    };
    let vault = format!(
        "resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{}'",
        client.vault_name()
    );
    assert_eq!(found(&vault, "2015-11-01").await, [json!(client.case.key_vault_id)]);
    let clusters = found("resourceType eq 'Microsoft.ContainerService/managedClusters'", RESOURCES);
    assert_eq!(clusters.await.len(), 1);
    assert!(found("name eq 'nothing'", RESOURCES).await.is_empty());
    let odd = format!("{subscription}/resources?api-version={RESOURCES}&$filter=name%20ne%20'x'");
    let (status, body) = client.arm(Method::GET, &odd, None).await;
    assert_eq!((status, code(&body)), (400, "InvalidFilterInQueryString"));
}

#[tokio::test]
async fn resource_groups_are_made_and_seen() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let path = |name: &str| {
        format!("{}/resourcegroups/{name}?api-version={RESOURCES}", client.subscription())
    };
    assert_eq!(client.arm(Method::HEAD, &path("New-Group"), None).await.0, 404);
    let body = json!({ "location": "eastus", "tags": { "made": "here" } });
    let (status, made) = client.arm(Method::PUT, &path("New-Group"), Some(&body)).await;
    assert_eq!((status, &made["name"]), (201, &json!("New-Group")));
    assert_eq!(client.arm(Method::HEAD, &path("new-group"), None).await.0, 204);
    assert_eq!(client.get(&path("NEW-GROUP")).await, made);
    assert_eq!(client.arm(Method::PUT, &path("new-group"), Some(&body)).await.0, 200);
    let groups = format!("{}/resourcegroups?api-version={RESOURCES}", client.subscription());
    let list = client.get(&groups).await;
    let names: Vec<&Value> =
        list["value"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert!(names.contains(&&json!("New-Group")), "{names:?}");
    assert_eq!(names.len(), 3, "the case's, its cluster's nodes' and the new one");
    for (name, body, expected) in [
        ("other", json!({}), "LocationRequired"),
        ("other", json!({ "location": "mars" }), "LocationNotAvailableForResourceGroup"),
        ("bad*name", json!({ "location": "eastus" }), "InvalidResourceGroupName"),
    ] {
        let (status, answer) = client.arm(Method::PUT, &path(name), Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, expected));
    }
    let (status, body) = client.arm(Method::GET, &path("other"), None).await;
    assert_eq!((status, code(&body)), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn principals_are_found_by_application_and_by_object_id() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let cloud: Value = client
        .http
        .get(format!("{}/metadata/endpoints?api-version=2022-09-01", client.case.arm))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(cloud["microsoftGraphResourceId"], format!("{}/graph", client.case.arm));
    let filter = format!(
        "/servicePrincipals?$filter=servicePrincipalNames/any(c:c%20eq%20'{}')",
        client.case.client_id
    );
    let found = graph(&client, &filter).await;
    assert_eq!(found["value"][0]["appId"], client.case.client_id);
    let principal = &client.case.principal_id;
    let found = graph(&client, &format!("/servicePrincipals/{principal}")).await;
    assert_eq!(found["id"], *principal);
    assert_eq!(found["servicePrincipalType"], "ManagedIdentity");
    let missing = graph(&client, "/servicePrincipals/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(code(&missing), "Request_ResourceNotFound");

    let endpoint = format!("{}/graph", client.case.arm);
    let request = client.http.post(format!("{endpoint}/v1.0/directoryObjects/getByIds"));
    let graph_token = token(&client.http, &client.case, &format!("{endpoint}/.default")).await;
    let body = json!({ "ids": [principal], "types": ["servicePrincipal"] });
    let answer = request.bearer_auth(graph_token).json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["value"][0]["@odata.type"], "#microsoft.graph.servicePrincipal");
    let wrong = client.http.get(format!("{endpoint}/v1.0/users"));
    let wrong = wrong.bearer_auth(&client.vault_token).send().await.unwrap();
    assert_eq!(wrong.status(), 401, "a token for vaults is none for Graph");
}
