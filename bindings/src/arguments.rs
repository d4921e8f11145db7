//! The arguments of a call, read from JSON.

use aks_kms::Error;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The options of a rewrite, which `reencrypt_secrets` and `resume` take flat.
const OF_REWRITE: [&str; 4] = ["namespaces", "pace", "max_concurrency", "max_requests_per_second"];

/// Takes the arguments that are not options out of the others.
///
/// # Errors
/// `invalid_input` for one that is missing or malformed.
pub(crate) fn required<T: DeserializeOwned>(
    arguments: &mut Map<String, Value>,
    names: &[&str],
) -> Result<T, Error> {
    let mut taken = Map::new();
    for &name in names {
        // what is absent and what is null are one thing
        let value = arguments.remove(name).unwrap_or(Value::Null);
        taken.insert(name.to_owned(), value);
    }
    read(Value::Object(taken))
}

/// The options that are left.
///
/// # Errors
/// `invalid_input` for one that is unknown or malformed.
pub(crate) fn options<T: DeserializeOwned>(mut arguments: Map<String, Value>) -> Result<T, Error> {
    arguments.retain(|_, value| !value.is_null());
    read(Value::Object(arguments))
}

/// The options that are left, where those of the rewrite are among them.
///
/// # Errors
/// `invalid_input` for one that is unknown or malformed.
pub(crate) fn options_with_rewrite<T: DeserializeOwned>(
    mut arguments: Map<String, Value>,
) -> Result<T, Error> {
    if arguments.contains_key("reencrypt") {
        return Err(Error::invalid_input("there is no argument reencrypt here; leave it out"));
    }
    let mut rewrite = Map::new();
    for name in OF_REWRITE {
        rewrite.extend(
            arguments.remove(name).filter(|it| !it.is_null()).map(|it| (name.to_owned(), it)),
        );
    }
    arguments.insert("reencrypt".to_owned(), Value::Object(rewrite));
    options(arguments)
}

/// Reads a value, and names the argument that is wrong.
///
/// # Errors
/// `invalid_input`.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        // some problems name their argument themselves
        let last = path.rsplit('.').next().unwrap_or_default();
        if path == "." || problem.starts_with(last) {
            Error::invalid_input(&problem)
        } else {
            Error::invalid_input(&format!("{path}: {problem}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use aks_kms::{
        CustomerManagedKey, EnableOptions, KeySource, NetworkMode, Pace, Reencrypt, ResumeOptions,
    };
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn problem<T>(outcome: Result<T, Error>) -> String {
        let Err(error) = outcome else { panic!("it was read") };
        assert_eq!(error.code(), "invalid_input");
        error.to_string()
    }

    #[test]
    fn absent_options_have_the_defaults_of_the_crate() {
        let read: EnableOptions = options(map(json!({"allow": null}))).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", EnableOptions::default()));
    }

    #[test]
    fn a_rewrite_is_a_boolean_or_its_options() {
        let skip: EnableOptions = options(map(json!({"reencrypt": false}))).unwrap();
        assert!(matches!(skip.reencrypt, Reencrypt::Skip));
        let fast: EnableOptions = options(map(json!({"reencrypt": {"pace": "fast"}}))).unwrap();
        assert!(matches!(fast.reencrypt, Reencrypt::With(it) if it.pace == Pace::Fast));
        let flat: ResumeOptions =
            options_with_rewrite(map(json!({"pace": "fast", "dry_run": true}))).unwrap();
        assert!(flat.dry_run && flat.reencrypt.pace == Pace::Fast);
    }

    #[derive(Debug, Deserialize)]
    struct Given {
        key_source: KeySource,
    }

    fn key_source(given: &Value) -> Result<KeySource, Error> {
        required::<Given>(&mut map(json!({"key_source": given})), &["key_source"])
            .map(|given| given.key_source)
    }

    #[test]
    fn a_key_source_is_a_word_or_a_key() {
        assert_eq!(key_source(&json!("platform-managed")).unwrap(), KeySource::PlatformManaged);
        let (key_id, key_vault_id) = ("https://v.vault.azure.net/keys/k", "/subscriptions/s");
        for (network_mode, expected) in
            [(json!("private"), NetworkMode::Private), (json!("public"), NetworkMode::Public)]
        {
            let given = json!({"key_id": key_id, "key_vault_id": key_vault_id, "network_mode": network_mode});
            let key = CustomerManagedKey {
                key_id: key_id.to_owned(),
                key_vault_id: key_vault_id.to_owned(),
                network_mode: expected,
            };
            assert_eq!(key_source(&given).unwrap(), KeySource::CustomerManaged(key));
        }
        let without_mode = json!({"key_id": key_id, "key_vault_id": key_vault_id});
        let KeySource::CustomerManaged(key) = key_source(&without_mode).unwrap() else {
            panic!("it is a key")
        };
        assert_eq!(key.network_mode, NetworkMode::Public);
        let without_vault = json!({"key_id": key_id});
        let KeySource::CustomerManaged(key) = key_source(&without_vault).unwrap() else {
            panic!("a rule says what is missing")
        };
        assert_eq!(key.key_vault_id, "");
    }

    #[test]
    fn a_key_source_that_is_wrong_is_named() {
        for (given, said) in [
            (json!("platform"), r#"key_source is "platform", which is not "platform-managed""#),
            (json!(null), r#"key_source: invalid type: null, expected "platform-managed", or"#),
            (json!(true), "key_source: invalid type: boolean"),
            (json!({"key_vault_id": "v"}), "missing field `key_id`"),
            (json!({"key_id": "k", "key_vault_id": "v", "kind": "x"}), "kind"),
            (
                json!({"key_id": "k", "key_vault_id": "v", "network_mode": "both"}),
                r#"network_mode is "both", which is not "public" or "private""#,
            ),
        ] {
            let told = problem(key_source(&given));
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (given, said) in [
            (json!({"dry_rn": true}), "dry_rn"),
            (json!({"dry_run": "yes"}), "dry_run: invalid type"),
            (
                json!({"network_mode": "both"}),
                r#"network_mode is "both", which is not "public" or "private""#,
            ),
            (json!({"reencrypt": {"max_concurrency": -1}}), "reencrypt.max_concurrency: "),
            (json!({"allow": ["no-such-rule"]}), "no-such-rule"),
            (json!({"timeout": -1}), "timeout: -1 is no number of seconds"),
        ] {
            let told = problem(options::<EnableOptions>(map(given)));
            assert!(told.contains(said), "{told}");
        }
        let twice = options_with_rewrite::<ResumeOptions>(map(json!({"reencrypt": {}})));
        assert!(problem(twice).contains("reencrypt"));
    }
}
