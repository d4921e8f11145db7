//! Options of a case's calls: JSON, as the verbs take them.

use std::time::Duration;

use aks_kms::{
    ClusterKeySource, CustomerManagedKey, Error, KeySource, NetworkMode, Pace, ParseError,
    ProvisionOptions, Reencrypt, ReencryptOptions, RunOptions,
};
use serde_json::{Map, Value, json};

const RUN: [&str; 4] = ["dry_run", "allow", "give_up_secrets", "timeout"];
const REENCRYPT: [&str; 4] = ["namespaces", "pace", "max_concurrency", "max_requests_per_second"];

const PROVISION: [&str; 10] = [
    "location",
    "key_vault",
    "key",
    "key_size",
    "key_expires_in",
    "identity",
    "authorization",
    "network_mode",
    "experience",
    "purge_protection",
];

/// An option that is spelt wrong would be left out, and the case would test something else.
pub(super) fn assert_known(operation: &str, options: &Map<String, Value>) {
    let (common, own): (&[&str], &[&str]) = match operation {
        "enable" => (&RUN, &["key_id", "network_mode", "key_vault_id", "reencrypt"]),
        "rotate" => {
            let own =
                &["key_id", "network_mode", "key_vault_id", "when_older_than", "wait", "reencrypt"];
            (&RUN, own)
        }
        "set_data_encryption" => (&RUN, &["key_source", "reencrypt"]),
        "create_cluster" => {
            let own =
                &["body", "key_source", "network_mode", "key_vault_id", "identity_id", "reencrypt"];
            (&RUN, own)
        }
        "provision" => (&RUN, &PROVISION),
        "disable" => (&RUN, &["reencrypt"]),
        "change_network_mode" => (&RUN, &["network_mode", "vault_access", "reencrypt"]),
        "migrate_to_v2" => (&RUN, &["kubernetes_version", "node_pools", "reencrypt"]),
        "reencrypt_secrets" | "resume" => (&RUN, &REENCRYPT),
        "verify_secrets" => (&RUN, &["namespaces"]),
        "status" => (&[], &["secrets", "when_older_than"]),
        "abandon" => (&[], &[]),
        "list_clusters" => (&[], &["subscriptions", "resource_graph"]),
        // its options are parsed as a whole
        "check_action" => return,
        other => panic!("this runner has no operation {other}"),
    };
    for name in options.keys().map(String::as_str) {
        assert!(common.contains(&name) || own.contains(&name), "{operation} has no option {name}");
    }
    let nested = options.get("reencrypt").and_then(Value::as_object);
    for name in nested.into_iter().flat_map(Map::keys) {
        assert!(REENCRYPT.contains(&name.as_str()), "reencrypt has no option {name}");
    }
}

pub(super) fn network_mode(options: &Map<String, Value>) -> Result<Option<NetworkMode>, Error> {
    Ok(options.get("network_mode").map(|mode| mode.as_str().unwrap().parse()).transpose()?)
}

/// `platform-managed`, or a key.
pub(super) fn key_source(options: &Map<String, Value>) -> KeySource {
    let source = &options["key_source"];
    if source == "platform-managed" {
        return KeySource::PlatformManaged;
    }
    let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
    KeySource::from(CustomerManagedKey {
        key_id: text("key_id"),
        key_vault_id: text("key_vault_id"),
        network_mode: source["network_mode"].as_str().unwrap_or("public").parse().unwrap(),
    })
}

/// As of data encryption, or the id of a key with its version.
pub(super) fn cluster_key_source(options: &Map<String, Value>) -> ClusterKeySource {
    match options["key_source"].as_str() {
        Some(key_id) if key_id != "platform-managed" => ClusterKeySource::from(key_id),
        _ => ClusterKeySource::from(key_source(options)),
    }
}

/// A duration, as a number of seconds.
pub(super) fn seconds(options: &Map<String, Value>, name: &str) -> Option<Duration> {
    options.get(name).map(|given| Duration::from_secs_f64(given.as_f64().unwrap()))
}

pub(super) fn reencrypt(options: &Map<String, Value>) -> Reencrypt {
    match options.get("reencrypt") {
        None | Some(Value::Bool(true)) => Reencrypt::default(),
        Some(Value::Bool(false)) => Reencrypt::Skip,
        Some(given) => Reencrypt::With(reencrypt_options(given.as_object().unwrap())),
    }
}

pub(super) fn run_options(options: &Map<String, Value>) -> Result<RunOptions, Error> {
    let mut run = RunOptions {
        dry_run: options.get("dry_run") == Some(&json!(true)),
        ..RunOptions::default()
    };
    for rule in texts(options, "allow").unwrap_or_default() {
        run.allow.push(rule.parse()?);
    }
    run.give_up_secrets = texts(options, "give_up_secrets").unwrap_or_default();
    if let Some(seconds) = options.get("timeout") {
        run.timeout = Duration::from_secs_f64(seconds.as_f64().unwrap());
    }
    Ok(run)
}

pub(super) fn provision_options(
    options: &Map<String, Value>,
    run: RunOptions,
) -> Result<ProvisionOptions, Error> {
    let defaults = ProvisionOptions::default();
    let number = |name: &str| options.get(name).map(|value| value.as_u64().unwrap());
    Ok(ProvisionOptions {
        dry_run: run.dry_run,
        allow: run.allow,
        timeout: run.timeout,
        on_progress: None,
        location: text(options, "location"),
        key_vault: text(options, "key_vault"),
        key: text(options, "key"),
        key_size: number("key_size").map_or(defaults.key_size, |bits| bits.try_into().unwrap()),
        key_expires_in: number("key_expires_in").map(Duration::from_secs),
        identity: text(options, "identity"),
        authorization: chosen(options, "authorization")?,
        network_mode: network_mode(options)?.unwrap_or_default(),
        experience: chosen(options, "experience")?,
        purge_protection: options.get("purge_protection").map(|it| it.as_bool().unwrap()),
    })
}

/// One of a few names, or the default.
pub(super) fn chosen<T: Default + std::str::FromStr<Err = ParseError>>(
    options: &Map<String, Value>,
    name: &str,
) -> Result<T, Error> {
    Ok(text(options, name).map(|text| text.parse()).transpose()?.unwrap_or_default())
}

pub(super) fn reencrypt_options(options: &Map<String, Value>) -> ReencryptOptions {
    let defaults = ReencryptOptions::default();
    let number = |name: &str| options.get(name).map(|value| value.as_u64().unwrap());
    ReencryptOptions {
        namespaces: texts(options, "namespaces"),
        pace: match options.get("pace").and_then(Value::as_str) {
            Some("fast") => Pace::Fast,
            Some("gentle") | None => Pace::Gentle,
            Some(other) => panic!("there is no pace {other}"),
        },
        max_concurrency: number("max_concurrency")
            .map_or(defaults.max_concurrency, |value| value.try_into().unwrap()),
        max_requests_per_second: number("max_requests_per_second")
            .map(|value| value.try_into().unwrap()),
    }
}

pub(super) fn text(options: &Map<String, Value>, name: &str) -> Option<String> {
    options.get(name).map(|value| value.as_str().unwrap().to_owned())
}

pub(super) fn texts(options: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let list = options.get(name)?.as_array().unwrap();
    Some(list.iter().map(|value| value.as_str().unwrap().to_owned()).collect())
}
