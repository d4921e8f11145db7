//! What an admission webhook of a real kube-apiserver can make the library do: name the one object as
//! blocked, and nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aks_kms::{
    BlockedReason, EnableOptions, Error, ErrorKind, OperationReport, Purpose, RunOptions, Timing,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    common::{
        real_timing,
        world::{World, assert_complete},
    },
    webhook_server::{NAME, Webhook},
};

/// A webhook that waits: longer than that it may not hold up anybody.
const PATIENCE: Duration = Duration::from_secs(30);

/// `None`: this machine has no kube-apiserver.
async fn world(given: Value) -> Option<(World, Arc<Webhook>)> {
    let world = World::real(1, given).await?;
    let webhook = Webhook::start(&world.kubectl()).await;
    Some((world, webhook))
}

async fn enable(world: &World) -> Result<OperationReport, Error> {
    let timing = Timing { convergence_limit: PATIENCE, ..real_timing() };
    let run = RunOptions { timeout: 2 * PATIENCE, ..RunOptions::default() };
    let options = EnableOptions::from(run);
    world.builder_timing(timing).enable(world.key(1), options).await
}

/// The two secrets that are denied are blocked as such, and all others were answered for: eight, and
/// the seal. Nothing is changed then.
async fn only_denied_secrets_are_blocked(world: &World, code: &Value, what: &str) {
    let began = Instant::now();
    let error = enable(world).await.unwrap_err();
    assert!(began.elapsed() < PATIENCE, "{what} holds everybody up");
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{what}: {error}");
    let [pass] = &error.report().unwrap().reencryption[..] else { panic!("{what}: {error}") };
    assert_eq!((pass.purpose, pass.complete), (Purpose::Gate, false), "{what}");
    assert_eq!(pass.blocked.len(), 2, "{what}: {pass:#?}");
    let message = format!("admission webhook \"{NAME}\" denied the request with code {code}");
    for blocked in &pass.blocked {
        assert_eq!((&*blocked.name, blocked.reason), ("secret-3", BlockedReason::Denied), "{what}");
        assert_eq!(blocked.message, message, "{what}");
    }
    assert_eq!((pass.counts.current, pass.counts.failed), (9, 0), "{what}: {pass:#?}");
    assert_eq!(world.configured(), None, "{what}");
    world.all_plaintext().await;
}

/// A denial with code 404 does not mean that the secret was deleted meanwhile, with and without
/// streaming lists.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_says_404() {
    for streaming in [true, false] {
        let given = json!({"faults": {"no_streaming_list": !streaming}});
        let Some((world, webhook)) = world(given).await else { return };
        let status = json!({"code": 404, "reason": "NotFound", "message": "not here"});
        webhook.denies("secret-3", status);
        let what = format!("404, streaming: {streaming}");
        only_denied_secrets_are_blocked(&world, &json!(404), &what).await;
    }
}

/// Codes and words with which the API server itself would mean everybody are about the one object
/// when a webhook says them.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_says_something_else() {
    let Some((world, webhook)) = world(json!({})).await else { return };
    for status in [
        json!({"code": 401, "message": "no"}),
        json!({"code": 410, "message": "no"}),
        json!({"code": 418, "message": "no"}),
        json!({"code": 429, "message": "no", "details": {"retryAfterSeconds": 2_147_483_647}}),
        json!({"code": 503, "message": "no", "details": {"retryAfterSeconds": 3600}}),
        json!({"code": 507, "message": "no"}),
        // word for word what the API server says of a secret that is not there
        json!({
            "code": 404, "reason": "NotFound", "message": "secrets \"secret-3\" not found",
            "details": {"kind": "secrets", "name": "secret-3"},
        }),
        json!({"code": 500, "message": "database space exceeded"}),
        json!({"code": 500, "message": "no matching prefix found"}),
    ] {
        webhook.denies("secret-3", status.clone());
        only_denied_secrets_are_blocked(&world, &status["code"], &status.to_string()).await;
    }
}

/// A webhook repeats the value in its message, plain and encoded, with control characters: nothing of
/// it is shown, in the error nor in the report.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_repeats_the_value() {
    const VALUE: &str = "hunter2-needle";
    let Some((world, webhook)) = world(json!({})).await else { return };
    assert!(world.kubectl().create("team-1", "planted", VALUE).await);
    webhook.says(|request| {
        if request["name"] != "planted" {
            return json!({"allowed": true});
        }
        let encoded = request["object"]["data"]["value"].as_str().unwrap();
        assert_eq!(encoded, STANDARD.encode(VALUE));
        let message = format!("weak password {VALUE} ({encoded})\u{1b}[2J\n\rfake line");
        json!({"allowed": false, "status": {"code": 400, "message": message}})
    });
    let error = enable(&world).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error}");
    let report = error.report().unwrap();
    let [blocked] = &report.reencryption[0].blocked[..] else { panic!("{report:#?}") };
    let message = format!("admission webhook \"{NAME}\" denied the request with code 400");
    assert_eq!((&*blocked.name, &*blocked.message), ("planted", &*message));
    let texts = [error.to_string(), format!("{error:?}"), serde_json::to_string(report).unwrap()];
    for text in texts {
        for said in [VALUE, &*STANDARD.encode(VALUE), "weak password", "fake line"] {
            assert!(!text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    world.all_plaintext().await;
}

/// A webhook allows, with many warnings, each of which is a header of the response: nothing fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_warnings() {
    let Some((world, webhook)) = world(json!({})).await else { return };
    for count in [60, 120] {
        let warnings: Vec<String> = (0..count).map(|number| format!("w{number}")).collect();
        webhook.says(move |request| {
            if request["name"] == "secret-3" {
                json!({"allowed": true, "warnings": warnings})
            } else {
                json!({"allowed": true})
            }
        });
        let report = enable(&world).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        world.all_under(1).await;
        world.renew(1).await;
    }
}
