//! The canary, by which an API server shows the key that it writes with.

use aks_kms::RuleId;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::common::{
    allowing,
    world::{WIRINGS, World},
};

async fn canary(world: &World) -> (StatusCode, Value) {
    let path = "/api/v1/namespaces/kube-system/secrets/aks-kms-canary";
    world.kubectl().ask(Method::GET, path, None).await.unwrap()
}

/// The canary that a dead run left is a secret that every API server reads when it starts: it must be
/// rewritten with the others, also where no metrics are read and no canary is needed.
#[tokio::test(flavor = "multi_thread")]
async fn p04_a_canary_that_a_dead_run_left_is_rewritten_too_when_metrics_cannot_be_read() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut ours = world.subprocess("reencrypt_secrets", None);
        assert!(ours.run_until_phase("reencrypt", 1).await.is_none(), "the canary is written");
        ours.kill().await;
        world.manager().abandon().await.unwrap();
        let (status, _) = canary(&world).await;
        assert_eq!(status, StatusCode::OK, "{wiring}: it was left behind");
        // somebody else's credential, which may not read /metrics, and accepts what that means
        world.faults(json!({"kubernetes": [{"path": "/metrics", "status": 403}]})).await;
        for number in 2..=3 {
            world.rotate_with(number, allowing(RuleId::KeyInUseUnproven)).await.unwrap();
            world.all_under(number).await;
        }
        let (status, response) = canary(&world).await;
        assert_eq!(status, StatusCode::OK, "{wiring}: it is there, and can be read: {response}");
        world.restarts_ready().await;
    }
}

/// A Secret of somebody's that has the canary's name is kept as it is, and proven like any other.
#[tokio::test(flavor = "multi_thread")]
async fn p11_a_secret_that_has_the_canarys_name_already_is_kept() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        assert!(world.kubectl().create("kube-system", "aks-kms-canary", "precious").await);
        world.enable(1).await.unwrap();
        let (status, secret) = canary(&world).await;
        assert_eq!(status, StatusCode::OK, "{wiring}: it was deleted");
        assert_eq!(secret["data"]["value"], STANDARD.encode("precious"), "{wiring}: {secret}");
        world.all_under(1).await;
    }
}
