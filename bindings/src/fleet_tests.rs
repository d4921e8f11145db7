use std::sync::Arc;

use aks_kms::azure_core::credentials::TokenCredential;
use serde_json::from_value;

use super::*;
use crate::{FleetSettings, default_credential, schema};

const CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";
const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";

fn read(verb: &str, arguments: Value) -> Result<FleetVerb, Error> {
    verb_of(verb, from_value(arguments).unwrap())
}

#[test]
fn each_verb_is_read_with_its_arguments() {
    let FleetVerb::Rotate(rotate) =
        read("rotate", json!({"when_older_than": 60, "wait": false, "network_mode": null}))
            .unwrap()
    else {
        panic!("it rotates")
    };
    assert!(!rotate.wait && rotate.when_older_than.unwrap().as_secs() == 60);

    let cluster = aks_kms::ClusterId::parse(&CLUSTER.to_uppercase()).unwrap();
    for key_ids in [json!({"all": KEY}), json!({"each": {CLUSTER: KEY}})] {
        let arguments = json!({"key_ids": key_ids, "reencrypt": false});
        let FleetVerb::Enable { key_ids, .. } = read("enable", arguments).unwrap() else {
            panic!("it enables")
        };
        assert_eq!(key_ids.get(&cluster).as_deref(), Some(KEY));
    }

    let sources = json!({"each": {CLUSTER: "platform-managed"}});
    let FleetVerb::SetDataEncryption { key_sources, .. } =
        read("set_data_encryption", json!({"key_sources": sources})).unwrap()
    else {
        panic!("it sets data encryption")
    };
    assert_eq!(key_sources.get(&cluster), Some(KeySource::PlatformManaged));

    let fast = read("reencrypt_secrets", json!({"pace": "fast", "namespaces": ["shop"]}));
    assert!(matches!(fast.unwrap(), FleetVerb::ReencryptSecrets(_)));
    assert!(matches!(read("verify_secrets", json!({})).unwrap(), FleetVerb::VerifySecrets(_)));
    let status = read("status", json!({"secrets": true})).unwrap();
    assert!(matches!(status, FleetVerb::Status(status) if status.secrets));
}

#[tokio::test]
async fn what_is_wrong_is_named_before_any_request() {
    let credential: Arc<dyn TokenCredential> = default_credential(None).unwrap();
    let settings = json!({"clusters": [CLUSTER], "journal": "cluster"});
    let fleet = FleetSettings::read(settings).unwrap().fleet(credential, None, None).unwrap();
    for (verb, arguments, said) in [
        ("disable", json!({}), "a fleet has no verb disable"),
        ("rotate", json!({}), "when_older_than is missing"),
        ("rotate", json!({"when_older_than": 60, "key_id": KEY}), "key_id"),
        ("rotate", json!({"when_older_than": 60, "waves": [0]}), "waves is [0]"),
        ("rotate", json!({"when_older_than": 60, "waves": [-1]}), "waves"),
        ("enable", json!({}), "key_ids"),
        ("enable", json!({"key_ids": KEY}), "key_ids"),
        ("enable", json!({"key_ids": {"each": {"production": KEY}}}), "production"),
        ("enable", json!({"key_ids": {"each": {}}}), "key_ids has nothing for cluster"),
        (
            "enable",
            json!({"key_ids": {"each": {CLUSTER: KEY, (CLUSTER.to_uppercase()): KEY}}}),
            "is there twice",
        ),
        ("set_data_encryption", json!({"key_sources": {"all": "mine"}}), "platform-managed"),
        ("status", json!({"max_clusters": 0}), "max_clusters is 0"),
        ("status", json!({"stop_after_failures": 0}), "stop_after_failures is 0"),
        ("status", json!({"colour": "blue"}), "colour"),
    ] {
        let arguments: Map<String, Value> = from_value(arguments).unwrap();
        let checked = check_fleet(&fleet, verb, arguments.clone());
        let error = call_fleet(&fleet, verb, arguments, None).await.unwrap_err();
        assert_eq!(error.code(), "invalid_input", "{verb}");
        assert!(error.to_string().contains(said), "{verb}: {error}");
        // whether each cluster has a key is known when they are found
        let later = said.contains("has nothing");
        assert_eq!(checked.err().map(|it| it.to_string()), (!later).then(|| error.to_string()));
    }
}

/// The names of what a verb takes, but for what the run has.
fn taken(verb: &Value) -> Vec<String> {
    let of = |part: &str| {
        let properties = verb[part]["properties"].as_object().cloned().unwrap_or_default();
        properties.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = of("arguments").into_iter().chain(of("options")).collect();
    names.retain(|name| name != "dry_run");
    names.sort_unstable();
    names
}

#[test]
fn each_verb_takes_what_the_one_of_a_manager_does() {
    let document: Value = serde_json::from_str(&schema()).unwrap();
    let of_manager = document["verbs"].as_array().unwrap();
    let of_fleet = document["fleet"]["verbs"].as_array().unwrap();
    assert_eq!(of_fleet.len(), 6);
    for verb in of_fleet {
        let same = of_manager.iter().find(|it| it["name"] == verb["name"]).unwrap();
        assert_eq!(verb["writes"], same["writes"], "{}", verb["name"]);
        let expected: Vec<String> = match verb["name"].as_str().unwrap() {
            "rotate" => taken(same).into_iter().filter(|name| name != "key_id").collect(),
            _ => taken(same)
                .into_iter()
                .map(|name| match name.as_str() {
                    "key_id" | "key_source" => format!("{name}s"),
                    _ => name,
                })
                .collect(),
        };
        assert_eq!(taken(verb), expected, "{}", verb["name"]);
    }
    let options = document["fleet"]["options"]["properties"].as_object().unwrap();
    assert!(OF_RUN.iter().all(|name| options.contains_key(*name)) && options.len() == OF_RUN.len());
    assert_eq!(document["fleet"]["verbs"][0]["required"], json!(["when_older_than"]));
    for result in ["FleetReport", "FleetRow", "FleetTotals", "FleetProgress"] {
        assert!(document["results"].get(result).is_some(), "{result}");
    }
}
