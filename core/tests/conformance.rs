//! Runs `tests/conformance/*.json` against the simulator: one test a case.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::{fmt::Debug, path::Path, process::ExitCode, sync::Arc, time::Duration};

use aks_kms::{
    Action, ChangeNetworkModeOptions, DisableOptions, EnableOptions, Error, KmsManager,
    KubernetesAccess, Level, MigrateToV2Options, NetworkMode, Pace, ParseError, Reencrypt,
    ReencryptOptions, ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId, RunOptions,
    StatusOptions, VerifySecretsOptions,
};
use aks_kms_simulator::{
    Simulator,
    conformance::{Case, Then, When, mismatch, writes_mismatch},
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

fn main() -> ExitCode {
    let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
    let simulator = Arc::new(runtime.block_on(common::simulator()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "schema"))
        .collect();
    files.sort();
    let trials = files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let case: Case = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = format!("{}: {}", path.file_stem().unwrap().display(), case.name);
            let (runtime, simulator) = (Arc::clone(&runtime), Arc::clone(&simulator));
            Trial::test(name, move || runtime.block_on(run(&simulator, case)))
        })
        .collect();
    let mut arguments = Arguments::from_args();
    // a case waits more than it works
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
}

async fn run(simulator: &Simulator, case: Case) -> Result<(), Failed> {
    let world = simulator.put_case(case.given.clone()).await.map_err(|error| error.to_string())?;
    let fill = |value: &Value| {
        let mut value = value.clone();
        world.substitute(&mut value);
        value
    };
    for call in &case.earlier {
        let manager = manager(&world, call)?;
        // Whatever came of it is where the case begins.
        let _ = perform(&manager, &call.operation, &filled(&call.options, fill)).await;
    }
    simulator.clear_writes(&world.id)?;
    let manager = manager(&world, &case.when)?;
    let outcome = perform(&manager, &case.when.operation, &filled(&case.when.options, fill)).await;
    let then: Then = serde_json::from_value(fill(&serde_json::to_value(&case.then)?))?;
    check_outcome(&then, &outcome)?;
    if let Some(why) = writes_mismatch(&then.writes, &simulator.writes(&world.id)?) {
        return Err(why.into());
    }
    let truth = simulator.secrets(&world.id).await?;
    if !truth.violations.is_empty() {
        return Err(format!("the simulator saw: {}", truth.violations.join("; ")).into());
    }
    if let Some(expected) = &then.secrets {
        // what the library keeps for itself is no case's matter
        let truth = serde_json::to_value(&truth)?;
        if let Some(why) = mismatch(expected, &truth) {
            return Err(format!("the store: {why}").into());
        }
    }
    Ok(())
}

fn manager(world: &aks_kms_simulator::Case, call: &When) -> Result<KmsManager, Error> {
    common::builder(world)
        .kubernetes(match call.kubernetes.as_deref() {
            Some("cluster-admin") => KubernetesAccess::ClusterAdmin,
            Some("cluster-user") | None => KubernetesAccess::ClusterUser,
            Some(other) => panic!("there is no access {other}"),
        })
        .build()
}

fn filled(options: &Map<String, Value>, fill: impl Fn(&Value) -> Value) -> Map<String, Value> {
    options.iter().map(|(name, value)| (name.clone(), fill(value))).collect()
}

fn check_outcome(then: &Then, outcome: &Result<Value, Error>) -> Result<(), Failed> {
    let findings = match (outcome, &then.error) {
        (Ok(report), None) => {
            if let Some(why) = then.report.as_ref().and_then(|expected| mismatch(expected, report))
            {
                return Err(format!("the report: {why}").into());
            }
            // `check_action` gives nothing but findings.
            if report.is_array() { report.clone() } else { report["findings"].clone() }
        }
        (Err(error), Some(expected)) => {
            let mut rules: Vec<&str> = error
                .findings()
                .iter()
                .filter(|finding| finding.level == Level::Block)
                .map(|finding| finding.rule.as_str())
                .collect();
            let mut expected_rules: Vec<&str> = expected.rules.iter().map(String::as_str).collect();
            rules.sort_unstable();
            expected_rules.sort_unstable();
            if error.code() != expected.code || rules != expected_rules {
                return Err(format!("another error: {error:?}").into());
            }
            if expected.service_code.is_some()
                && error.service_code() != expected.service_code.as_deref()
            {
                return Err(format!("another service code: {error:?}").into());
            }
            let message = error.to_string();
            for finding in error.findings().iter().filter(|finding| finding.level == Level::Block) {
                if !message.contains(finding.rule.as_str())
                    || !message.contains(finding.remedy.trim_end_matches('.'))
                {
                    return Err(format!(
                        "{} is not named with its remedy: {message}",
                        finding.rule
                    )
                    .into());
                }
            }
            let report = serde_json::to_value(error.report())?;
            if let Some(why) =
                expected.report.as_ref().and_then(|expected| mismatch(expected, &report))
            {
                return Err(format!("the error's report: {why}").into());
            }
            serde_json::to_value(error.findings())?
        }
        (Ok(report), Some(_)) => return Err(format!("no error came: {report}").into()),
        (Err(error), None) => return Err(format!("an error came: {error:?}").into()),
    };
    let all = findings.as_array().cloned().unwrap_or_default();
    for expected in &then.findings {
        if !all.iter().any(|finding| mismatch(expected, finding).is_none()) {
            return Err(format!("no finding {expected} among {findings}").into());
        }
    }
    for rule in &then.holds {
        rule.parse::<RuleId>()?;
        if all.iter().any(|finding| finding["rule"] == **rule) {
            return Err(format!("{rule} does not hold: {findings}").into());
        }
    }
    Ok(())
}

async fn perform(
    manager: &KmsManager,
    operation: &str,
    options: &Map<String, Value>,
) -> Result<Value, Error> {
    assert_known(operation, options);
    let run = run_options(options)?;
    let report = match operation {
        "enable" => {
            let options_of = EnableOptions {
                network_mode: network_mode(options)?.unwrap_or_default(),
                key_vault_id: text(options, "key_vault_id"),
                reencrypt: reencrypt(options),
                ..EnableOptions::from(run)
            };
            manager.enable(text(options, "key_id").unwrap(), options_of).await?
        }
        "rotate" => {
            let options_of = RotateOptions {
                network_mode: network_mode(options)?,
                key_vault_id: text(options, "key_vault_id"),
                reencrypt: reencrypt(options),
                ..RotateOptions::from(run)
            };
            manager.rotate(text(options, "key_id").as_deref(), options_of).await?
        }
        "disable" => {
            manager
                .disable(DisableOptions {
                    reencrypt: reencrypt(options),
                    ..DisableOptions::from(run)
                })
                .await?
        }
        "reencrypt_secrets" => {
            let reencrypt = reencrypt_options(options);
            manager
                .reencrypt_secrets(ReencryptSecretsOptions {
                    reencrypt,
                    ..ReencryptSecretsOptions::from(run)
                })
                .await?
        }
        "change_network_mode" => {
            let options_of = ChangeNetworkModeOptions {
                vault_access: chosen(options, "vault_access")?,
                reencrypt: reencrypt(options),
                ..ChangeNetworkModeOptions::from(run)
            };
            manager.change_network_mode(network_mode(options)?.unwrap(), options_of).await?
        }
        "migrate_to_v2" => {
            let options_of = MigrateToV2Options {
                kubernetes_version: text(options, "kubernetes_version")
                    .map(|version| version.parse())
                    .transpose()?,
                node_pools: chosen(options, "node_pools")?,
                reencrypt: reencrypt(options),
                ..MigrateToV2Options::from(run)
            };
            manager.migrate_to_v2(options_of).await?
        }
        "verify_secrets" => {
            let namespaces = texts(options, "namespaces");
            manager
                .verify_secrets(VerifySecretsOptions {
                    namespaces,
                    ..VerifySecretsOptions::from(run)
                })
                .await?
        }
        "resume" => {
            let reencrypt = reencrypt_options(options);
            manager.resume(ResumeOptions { reencrypt, ..ResumeOptions::from(run) }).await?
        }
        "abandon" => manager.abandon().await?,
        "status" => {
            let secrets = options.get("secrets") == Some(&json!(true));
            let status = manager.status(StatusOptions { secrets }).await?;
            return Ok(stored(&status));
        }
        "check_action" => {
            let action: Action = serde_json::from_value(Value::Object(options.clone())).unwrap();
            let findings = manager.check_action(action).await?;
            return Ok(stored(&findings));
        }
        other => panic!("this runner has no operation {other}"),
    };
    Ok(stored(&report))
}

/// A result as JSON, from which it can be read back.
fn stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(result: &T) -> Value {
    let json = serde_json::to_value(result).unwrap();
    assert_eq!(T::deserialize(&json).unwrap(), *result);
    json
}

const RUN: [&str; 4] = ["dry_run", "allow", "give_up_secrets", "timeout"];
const REENCRYPT: [&str; 4] = ["namespaces", "pace", "max_concurrency", "max_requests_per_second"];

/// An option that is spelt wrong would be left out, and the case would test something else.
fn assert_known(operation: &str, options: &Map<String, Value>) {
    let (common, own): (&[&str], &[&str]) = match operation {
        "enable" | "rotate" => (&RUN, &["key_id", "network_mode", "key_vault_id", "reencrypt"]),
        "disable" => (&RUN, &["reencrypt"]),
        "change_network_mode" => (&RUN, &["network_mode", "vault_access", "reencrypt"]),
        "migrate_to_v2" => (&RUN, &["kubernetes_version", "node_pools", "reencrypt"]),
        "reencrypt_secrets" | "resume" => (&RUN, &REENCRYPT),
        "verify_secrets" => (&RUN, &["namespaces"]),
        "status" => (&[], &["secrets"]),
        "abandon" => (&[], &[]),
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

fn network_mode(options: &Map<String, Value>) -> Result<Option<NetworkMode>, Error> {
    Ok(options.get("network_mode").map(|mode| mode.as_str().unwrap().parse()).transpose()?)
}

fn reencrypt(options: &Map<String, Value>) -> Reencrypt {
    match options.get("reencrypt") {
        None | Some(Value::Bool(true)) => Reencrypt::default(),
        Some(Value::Bool(false)) => Reencrypt::Skip,
        Some(given) => Reencrypt::With(reencrypt_options(given.as_object().unwrap())),
    }
}

fn run_options(options: &Map<String, Value>) -> Result<RunOptions, Error> {
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

/// One of a few names, or the default.
fn chosen<T: Default + std::str::FromStr<Err = ParseError>>(
    options: &Map<String, Value>,
    name: &str,
) -> Result<T, Error> {
    Ok(text(options, name).map(|text| text.parse()).transpose()?.unwrap_or_default())
}

fn reencrypt_options(options: &Map<String, Value>) -> ReencryptOptions {
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

fn text(options: &Map<String, Value>, name: &str) -> Option<String> {
    options.get(name).map(|value| value.as_str().unwrap().to_owned())
}

fn texts(options: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let list = options.get(name)?.as_array().unwrap();
    Some(list.iter().map(|value| value.as_str().unwrap().to_owned()).collect())
}
