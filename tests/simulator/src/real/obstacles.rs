//! What stands in the way of a patch: a policy that refuses it, a webhook that is down.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{client::Client, seed::Seed};
use crate::given::SpecialKind;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";
const NAME: &str = "aks-kms-simulator";
/// `ValidatingAdmissionPolicy` exists from this minor version on.
pub(super) const POLICIES_MINOR: u32 = 30;
const PATIENCE: Duration = Duration::from_secs(20);

/// Puts them there, and waits until each API server has noticed.
pub(super) async fn raise(clients: &[Client], seeds: &[Seed], minor: u32) -> Result<(), String> {
    let Some(client) = clients.first() else { return Ok(()) };
    let of_kind = |kind: SpecialKind| -> Vec<&Seed> {
        seeds.iter().filter(|seed| seed.kind == Some(kind)).collect()
    };
    let denied = of_kind(SpecialKind::Denied);
    if !denied.is_empty() {
        if minor < POLICIES_MINOR {
            return Err(format!(
                "a secret whose change is denied needs Kubernetes 1.{POLICIES_MINOR}, and this is 1.{minor}"
            ));
        }
        let policies = format!("{ADMISSION}/validatingadmissionpolicies");
        client.create(&policies, policy(&denied)).await?;
        let bindings = format!("{ADMISSION}/validatingadmissionpolicybindings");
        let spec = json!({"policyName": NAME, "validationActions": ["Deny"]});
        client.create(&bindings, json!({"metadata": {"name": NAME}, "spec": spec})).await?;
    }
    let unanswered = of_kind(SpecialKind::WebhookDown);
    if !unanswered.is_empty() {
        let webhooks = format!("{ADMISSION}/validatingwebhookconfigurations");
        client.create(&webhooks, webhook(&unanswered)).await?;
    }
    for client in clients {
        for (seeds, status) in [(&denied, 403), (&unanswered, 500)] {
            if let Some(seed) = seeds.first() {
                noticed(client, seed, status).await?;
            }
        }
    }
    Ok(())
}

async fn noticed(client: &Client, seed: &Seed, status: u16) -> Result<(), String> {
    let path = format!("{}?dryRun=All", seed.path());
    let started = Instant::now();
    loop {
        let nothing = ("application/merge-patch+json", json!({}));
        let answer = client.request(Method::PATCH, &path, Some(nothing)).await?;
        if answer.status == status {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("{path}: {} instead of {status}", answer.status));
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// A condition that holds for these secrets only.
fn only(seeds: &[&Seed]) -> Value {
    let names: Vec<String> =
        seeds.iter().map(|seed| format!("'{}/{}'", seed.namespace, seed.name)).collect();
    let expression = format!("request.namespace + '/' + request.name in [{}]", names.join(", "));
    json!([{"name": "only-these", "expression": expression}])
}

fn updates_of_secrets() -> Value {
    json!([{
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
        "resources": ["secrets"], "scope": "Namespaced",
    }])
}

fn policy(seeds: &[&Seed]) -> Value {
    json!({
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": updates_of_secrets()},
            "matchConditions": only(seeds),
            "validations": [{
                "expression": "false", "reason": "Forbidden", "message": "this Secret must not be changed",
            }],
        },
    })
}

fn webhook(seeds: &[&Seed]) -> Value {
    json!({
        "metadata": {"name": NAME},
        "webhooks": [{
            "name": "down.aks-kms-simulator.test",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 1,
            // Nobody listens on port 1.
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "matchConditions": only(seeds),
            "rules": updates_of_secrets(),
        }],
    })
}
