//! Runs `tests/conformance/*.json` against the simulator: one test a case.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../common/mod.rs"]
mod common;
mod options;
mod results;

use std::{fmt::Debug, path::Path, process::ExitCode, sync::Arc};

use aks_kms::{
    Action, ChangeNetworkModeOptions, ClusterId, CreateClusterOptions, DisableOptions,
    EnableOptions, Error, KmsManager, KubernetesAccess, Level, MigrateToV2Options, OperationReport,
    ReencryptSecretsOptions, ResumeOptions, RotateOptions, RuleId, RunOptions,
    SetDataEncryptionOptions, StatusOptions, Subscriptions, VerifySecretsOptions, list_clusters,
};
use aks_kms_simulator::{
    Simulator,
    conformance::{Case, Then, When, mismatch, writes_mismatch},
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use self::options::{
    assert_known, chosen, cluster_key_source, key_source, network_mode, provision_options,
    reencrypt, reencrypt_options, run_options, seconds, text, texts,
};

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
            let file = path.file_stem().unwrap().display().to_string();
            let name = format!("{file}: {}", case.name);
            let (runtime, simulator) = (Arc::clone(&runtime), Arc::clone(&simulator));
            Trial::test(name, move || runtime.block_on(run(&simulator, &file, case)))
        })
        .collect();
    let mut arguments = Arguments::from_args();
    // a case waits more than it works
    arguments.test_threads.get_or_insert(8);
    libtest_mimic::run(&arguments, trials).exit_code()
}

async fn run(simulator: &Simulator, case_name: &str, case: Case) -> Result<(), Failed> {
    let world = simulator.put_case(case.given.clone()).await.map_err(|error| error.to_string())?;
    let fill = |value: &Value| {
        let mut value = value.clone();
        world.substitute(&mut value);
        value
    };
    for call in &case.earlier {
        let manager = manager(&world, call)?;
        // Whatever came of it is where the case begins.
        let _ = perform(&world, &manager, &call.operation, &filled(&call.options, fill)).await;
    }
    simulator.clear_writes(&world.id)?;
    let manager = manager(&world, &case.when)?;
    let options = filled(&case.when.options, fill);
    let outcome = perform(&world, &manager, &case.when.operation, &options).await;
    results::keep(case_name, &world, &outcome);
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
    let given = ClusterId::parse(&world.cluster_id)?;
    let cluster = match &call.cluster {
        Some(name) => ClusterId::new(given.subscription_id(), given.resource_group(), name)?,
        None => given,
    };
    common::builder_of(world, cluster)
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
    world: &aks_kms_simulator::Case,
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
                when_older_than: seconds(options, "when_older_than"),
                wait: options.get("wait") != Some(&json!(false)),
                reencrypt: reencrypt(options),
                ..RotateOptions::from(run)
            };
            manager.rotate(text(options, "key_id").as_deref(), options_of).await?
        }
        "set_data_encryption" => set_data_encryption(manager, options, run).await?,
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
        "migrate_to_v2" => migrate_to_v2(manager, options, run).await?,
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
        "create_cluster" => create_cluster(manager, options, run).await?,
        "provision" => {
            let provisioned = manager.provision(provision_options(options, run)?).await?;
            return Ok(stored(&provisioned));
        }
        "status" => {
            let secrets = options.get("secrets") == Some(&json!(true));
            let when_older_than = seconds(options, "when_older_than");
            let status = manager.status(StatusOptions { secrets, when_older_than }).await?;
            return Ok(stored(&status));
        }
        "check_action" => {
            let action: Action = serde_json::from_value(Value::Object(options.clone())).unwrap();
            let findings = manager.check_action(action).await?;
            return Ok(stored(&findings));
        }
        "list_clusters" => {
            let subscriptions = match texts(options, "subscriptions") {
                Some(ids) => ids.into(),
                None => Subscriptions::All,
            };
            let mut options_of = common::list_options(world);
            options_of.resource_graph = options.get("resource_graph") != Some(&json!(false));
            return Ok(stored(&list_clusters(subscriptions, options_of).await?));
        }
        other => panic!("this runner has no operation {other}"),
    };
    Ok(stored(&report))
}

async fn set_data_encryption(
    manager: &KmsManager,
    options: &Map<String, Value>,
    run: RunOptions,
) -> Result<OperationReport, Error> {
    let options_of = SetDataEncryptionOptions {
        reencrypt: reencrypt(options),
        ..SetDataEncryptionOptions::from(run)
    };
    manager.set_data_encryption(key_source(options), options_of).await
}

async fn migrate_to_v2(
    manager: &KmsManager,
    options: &Map<String, Value>,
    run: RunOptions,
) -> Result<OperationReport, Error> {
    let version = text(options, "kubernetes_version").map(|version| version.parse());
    let options_of = MigrateToV2Options {
        kubernetes_version: version.transpose()?,
        node_pools: chosen(options, "node_pools")?,
        reencrypt: reencrypt(options),
        ..MigrateToV2Options::from(run)
    };
    manager.migrate_to_v2(options_of).await
}

async fn create_cluster(
    manager: &KmsManager,
    options: &Map<String, Value>,
    run: RunOptions,
) -> Result<OperationReport, Error> {
    let options_of = CreateClusterOptions {
        network_mode: network_mode(options)?,
        key_vault_id: text(options, "key_vault_id"),
        identity_id: text(options, "identity_id"),
        reencrypt: reencrypt(options),
        ..CreateClusterOptions::from(run)
    };
    let body = options.get("body").cloned().unwrap();
    manager.create_cluster(body, cluster_key_source(options), options_of).await
}

/// A result as JSON, from which it can be read back.
fn stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(result: &T) -> Value {
    let json = serde_json::to_value(result).unwrap();
    assert_eq!(T::deserialize(&json).unwrap(), *result);
    json
}
