//! Operations that Azure accepted, followed on virtual time. Whole changes, as they were recorded, are in
//! `runner/tests`.

mod ends;
mod fuzz;
mod not_read;
mod polls;
mod sources;

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::{
    azure::{
        error::is_key_permission_error,
        testing::{FakeAzure, Reply, cluster_id, cluster_json, json_reply, text_reply},
    },
    report::KmsChange,
};

const CLUSTER: &str = "/managedClusters/prod?";
const POLL: &str =
    "https://management.azure.com/locations/westeurope/operations/1?t=1&s=signed%2Bx";
const POLL_PART: &str = "/operations/1?t=1&s=signed%2Bx";

fn status(state: &str) -> Reply {
    json_reply(200, json!({"name": "1", "status": state, "startTime": "2026-01-01T00:00:00Z"}))
}

fn cluster(state: &str) -> Value {
    let mut cluster = cluster_json();
    cluster["properties"]["provisioningState"] = json!(state);
    cluster
}

/// What came of an operation.
struct Outcome {
    result: Result<ManagedCluster>,
    /// When each poll address was asked, in seconds since the change was sent.
    polls: Vec<f64>,
    /// What the callback was told.
    told: Vec<String>,
}

impl Outcome {
    fn error(self) -> Error {
        self.result.unwrap_err()
    }
}

/// Sends a change that is answered with `accepted`, follows it with `polls`, then reads the cluster.
async fn run(
    accepted: Reply,
    part: &'static str,
    polls: impl IntoIterator<Item = Reply>,
) -> Outcome {
    run_for(Duration::from_secs(7_200), accepted, part, polls).await
}

async fn run_for(
    limit: Duration,
    accepted: Reply,
    part: &'static str,
    polls: impl IntoIterator<Item = Reply>,
) -> Outcome {
    let fake = FakeAzure::default();
    fake.on(Method::Get, "/managedClusters/", [json_reply(200, cluster_json())]);
    fake.on(Method::Put, CLUSTER, [accepted]);
    fake.on(Method::Get, part, polls);
    let azure = fake.client();
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    let started = Instant::now();
    let told = Mutex::new(Vec::new());
    let on_poll = |state: &str| told.lock().unwrap().push(state.to_owned());
    let result = match azure.put_kms(&before, &KmsChange::Off).await {
        Ok(operation) => {
            operation.wait(&azure, started + limit, on_poll).await.map(|it| it.cluster)
        }
        Err(error) => Err(error),
    };
    let polls = fake
        .seen()
        .iter()
        .filter(|seen| seen.method == Method::Get && seen.url.as_str().contains(part))
        .map(|seen| (seen.at - started).as_secs_f64())
        .collect();
    Outcome { result, polls, told: told.into_inner().unwrap() }
}

fn accepted() -> Reply {
    json_reply(200, cluster("Updating")).with("azure-asyncoperation", POLL)
}

async fn followed(polls: impl IntoIterator<Item = Reply>) -> Outcome {
    run(accepted(), POLL_PART, polls).await
}

async fn wait_for(fake: &FakeAzure) -> Result<ManagedCluster> {
    let azure = fake.client();
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    let operation = azure.put_kms(&before, &KmsChange::Off).await.unwrap();
    let ended = operation.wait(&azure, Instant::now() + Duration::from_secs(7_200), |_| {}).await;
    ended.map(|it| it.cluster)
}
