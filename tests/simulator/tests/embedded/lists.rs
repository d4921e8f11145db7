//! Lists of secrets.

use aks_kms_simulator::backend::KubernetesBackend;
use serde_json::{Value, json};

use crate::world::{Api, World, v2, version};

const SECRETS: &str = "/api/v1/namespaces/team-1/secrets";

/// Lists page by page, as the library does: names, and the statuses on the way.
async fn names(api: &Api, limit: usize) -> (Vec<String>, Vec<u16>) {
    let (mut names, mut statuses, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let path = format!("{SECRETS}?limit={limit}&continue={token}&includeObject=None");
        let response = api.table(&path).await;
        statuses.push(response.status().as_u16());
        let page: Value = response.json().await.unwrap();
        for row in page["rows"].as_array().into_iter().flatten() {
            names.push(row["cells"][0].as_str().unwrap().to_owned());
        }
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return (names, statuses),
        }
    }
}

#[tokio::test]
async fn a_table_without_objects_holds_names_and_no_value_and_metadata_only_does_not_hide_all() {
    let given = json!({"secrets": {
        "namespaces": 0,
        "special": [{"name": "team-1/applied", "kind": "applied"}],
    }});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let value = api.json(&format!("{SECRETS}/applied")).await["data"]["password"].clone();
    let value = value.as_str().unwrap();

    let text = api.table(&format!("{SECRETS}?includeObject=None")).await.text().await.unwrap();
    assert!(!text.contains(value));
    let table: Value = serde_json::from_str(&text).unwrap();
    let columns = table["columnDefinitions"].as_array().unwrap();
    let columns: Vec<_> = columns.iter().map(|column| &column["name"]).collect();
    assert_eq!(columns, ["Name", "Type", "Data", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["applied", "Opaque", 1, "40d"]));
    assert_eq!(table["rows"][0]["object"], Value::Null);
    assert!(version(&table) > 0);

    let metadata = api
        .request(reqwest::Method::GET, SECRETS)
        .header("accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
        .send()
        .await
        .unwrap();
    let text = metadata.text().await.unwrap();
    assert!(text.contains("PartialObjectMetadataList"));
    assert!(text.contains(value), "the last-applied annotation holds the value");
}

#[tokio::test]
async fn a_list_goes_on_where_it_was_with_the_state_it_had() {
    let world = World::new(json!({"secrets": {"namespaces": 1, "each": 9}}), v2(1, 0), 0.001);
    let api = world.client();
    let first = api.json(&format!("{SECRETS}?limit=4")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 5);
    let token = first["metadata"]["continue"].as_str().unwrap();
    // what happens now is not in the list
    api.patch("team-1", "secret-8", r#"{"metadata": {"annotations": {"a": "b"}}}"#).await;
    let path = format!("{SECRETS}/secret-9");
    api.request(reqwest::Method::DELETE, &path).send().await.unwrap();
    world.api.add_secrets("team-1", 50..=50, None).await.unwrap();
    let rest = api.json(&format!("{SECRETS}?limit=4&continue={token}")).await;
    assert_eq!(rest["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(rest["metadata"]["remainingItemCount"], 1);
    let token = rest["metadata"]["continue"].as_str().unwrap();
    let last = api.json(&format!("{SECRETS}?limit=4&continue={token}")).await;
    let name = |list: &Value, index: usize| list["items"][index]["metadata"]["name"].clone();
    assert_eq!(
        (name(&rest, 0), name(&rest, 3), name(&last, 0)),
        (json!("secret-5"), json!("secret-8"), json!("secret-9"))
    );
    assert_eq!(last["metadata"].get("continue"), None);
    assert!(rest["items"][3]["metadata"].get("annotations").is_none(), "its older version");
    assert!(version(&last) < world.version_of("team-1", "secret-8"));
    let (now, _) = names(&api, 100).await;
    assert!(!now.contains(&"secret-9".to_owned()) && now.contains(&"secret-50".to_owned()));
}

#[tokio::test]
async fn an_expired_list_goes_on_with_the_token_of_the_refusal() {
    let given = json!({
        "secrets": {"namespaces": 1, "each": 9},
        "faults": {"continue_expires_after": 2},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let (listed, statuses) = names(&api, 2).await;
    assert_eq!(statuses, [200, 200, 410, 200, 200, 200]);
    assert_eq!(listed.len(), 9);
    // once for each namespace
    assert_eq!(names(&api, 2).await.1, [200; 5]);
}

#[tokio::test]
async fn an_expired_list_without_a_token_must_begin_again() {
    let given = json!({
        "secrets": {"namespaces": 1, "each": 9},
        "faults": {"continue_expires_after": 2, "continue_without_token": true},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let (listed, statuses) = names(&api, 2).await;
    assert_eq!((listed.len(), statuses), (4, vec![200, 200, 410]));
    assert_eq!(names(&api, 2).await.0.len(), 9);
}

#[tokio::test]
async fn a_compacted_list_is_expired() {
    let world = World::new(json!({"secrets": {"namespaces": 1, "each": 9}}), v2(1, 0), 0.001);
    let api = world.client();
    let first = api.json(&format!("{SECRETS}?limit=4")).await;
    api.patch("team-1", "secret-1", r#"{"metadata": {"annotations": {"a": "b"}}}"#).await;
    world.api.compact();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let response = api.get(&format!("{SECRETS}?limit=4&continue={token}")).await;
    assert_eq!(response.status(), 410);
    let status: Value = response.json().await.unwrap();
    assert_eq!(status["reason"], "Expired");
    let token = status["metadata"]["continue"].as_str().unwrap();
    let rest = api.json(&format!("{SECRETS}?continue={token}")).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn one_unreadable_secret_fails_its_page_and_no_other() {
    let given = json!({"secrets": {
        "namespaces": 1,
        "each": 9,
        "special": [{"name": "team-1/secret-45", "kind": "unreadable"}],
    }});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    assert_eq!(api.get(&format!("{SECRETS}?limit=4")).await.status(), 200);
    let response = api.get(&format!("{SECRETS}?limit=5")).await;
    assert_eq!(response.status(), 500);
    let status: Value = response.json().await.unwrap();
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("unable to transform key \"/registry/secrets/team-1/secret-45\""));
    assert_eq!(api.get(&format!("{SECRETS}/secret-45")).await.status(), 500);

    world.api.restart_api_servers().await.unwrap();
    let api = world.client();
    let unpaged = api.get(SECRETS).await;
    assert_eq!(
        (unpaged.status().as_u16(), &unpaged.headers()["retry-after"]),
        (429, &"30".parse().unwrap())
    );
    assert_eq!(api.get(&format!("{SECRETS}?limit=4")).await.status(), 200);
    assert!(api.text("/readyz").await.contains("[-]informer-sync failed"));
    assert_eq!(api.text("/readyz/kms-providers").await, "ok");
}

/// As kube-apiserver 1.37.2 answers.
#[tokio::test]
async fn since_kubernetes_1_37_an_undecryptable_secret_is_a_corrupt_object() {
    let names = ["team-1/secret-45", "team-1/secret-46"];
    let special: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "kind": "unreadable"})).collect();
    let given = json!({
        "cluster": {"kubernetes_version": "1.37.2"},
        "secrets": {"namespaces": 1, "each": 9, "special": special},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let response = api.get(&format!("{SECRETS}?limit=5")).await;
    assert_eq!(response.status(), 500);
    let status: Value = response.json().await.unwrap();
    assert_eq!(status["reason"], "StorageReadError");
    assert_eq!(
        status["message"],
        "failed to read one or more secrets from the storage: StorageError: corrupt object, Code: 7, Key: \
         /registry/secrets/team-1/secret-45, ResourceVersion: 0, AdditionalErrorMsg: data from the storage is \
         not transformable revision=0: no matching prefix found (and 1 more)"
    );
    assert_eq!(status["details"]["kind"], "secrets");
    let causes = status["details"]["causes"].as_array().unwrap();
    let fields: Vec<&Value> = causes.iter().map(|cause| &cause["field"]).collect();
    assert_eq!(fields, names.map(|name| format!("/registry/secrets/{name}")).each_ref());

    let read: Value = api.get(&format!("{SECRETS}/secret-45")).await.json().await.unwrap();
    let message = read["message"].as_str().unwrap();
    assert!(
        message.starts_with("Internal error occurred: StorageError: corrupt object"),
        "{message}"
    );
    assert!(message.contains("Key: /secrets/team-1/secret-45,"), "{message}");
    let patched = api.patch("team-1", "secret-45", "{}").await;
    assert_eq!(patched.status(), 500);
    let patched: Value = patched.json().await.unwrap();
    assert_eq!(
        patched["message"],
        "Internal error occurred: data from the storage is not transformable revision=0: no matching prefix found"
    );
}

#[tokio::test]
async fn a_list_of_all_namespaces_goes_through_them_in_order() {
    let world = World::new(json!({"secrets": {"namespaces": 3, "each": 4}}), v2(1, 0), 0.001);
    let api = world.client();
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = api.json(&format!("/api/v1/secrets?limit=5&continue={token}")).await;
        for item in page["items"].as_array().unwrap() {
            let metadata = &item["metadata"];
            seen.push(format!("{}/{}", metadata["namespace"], metadata["name"]));
        }
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted());
}

#[tokio::test]
async fn two_hundred_thousand_secrets_are_made_and_listed_within_a_minute() {
    let began = std::time::Instant::now();
    let given = json!({"secrets": {"namespaces": 4, "each": 50_000, "under": "plaintext"}});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let (listed, statuses) = names(&api, 5_000).await;
    assert_eq!((listed.len(), statuses.len()), (50_000, 10));
    assert_eq!(world.api.ground_truth().await.unwrap().plaintext, 200_000);
    // on a machine that is busy with other things, too: what is not linear takes far longer, and
    // rates are measured by the benchmark
    assert!(began.elapsed().as_secs() < 60, "took {:?}", began.elapsed());
}
