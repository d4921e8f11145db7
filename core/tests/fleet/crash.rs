//! The process is killed at random moments, and the same call is made again: no key gets two versions.

use std::{io::Write, process::Stdio, sync::Arc, time::Duration};

use aks_kms::{
    ClusterId, FleetOptions, FleetProgress, OnFleetProgress, OperationOutcome, StatusOptions,
};
use aks_kms_simulator::Case;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::world::{FleetWorld, Router, VERSIONS, builder, daily};

const CASES: &str = "AKS_KMS_FLEET";
const MARK: &str = "fleet: ";
const CLUSTERS: usize = 4;
/// So often it is killed.
const KILLS: usize = 6;
/// It is killed after so much progress, and some more each time.
const PROGRESS: usize = 9;

fn waves() -> FleetOptions {
    FleetOptions { waves: vec![1], ..FleetOptions::default() }
}

/// The subprocess's side: rotates what is due, and says each step of its way.
pub(crate) async fn act() {
    let Ok(cases) = std::env::var(CASES) else { return };
    let cases: Vec<Case> = serde_json::from_str(&cases).unwrap();
    let ids: Vec<ClusterId> =
        cases.iter().map(|case| ClusterId::parse(&case.cluster_id).unwrap()).collect();
    let router = Arc::new(Router::new(&cases));
    let fleet = builder(&router, &cases[0], ids).build().unwrap();
    let on_progress: OnFleetProgress = Arc::new(|now: FleetProgress| say(&now.message));
    let options = FleetOptions { on_progress: Some(on_progress), ..waves() };
    fleet.run(daily(), options).await.unwrap();
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{what}").unwrap();
    out.flush().unwrap();
}

fn start(world: &FleetWorld) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["subprocess", "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(CASES, serde_json::to_string(&world.cases).unwrap())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Lets it go on for so much progress, and kills it. True: it had ended before.
async fn kill_after(mut child: Child, progress: usize) -> bool {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = 0;
    while said < progress {
        match lines.next_line().await.unwrap() {
            Some(line) if line.contains(MARK) => said += 1,
            Some(_) => {}
            None => return true,
        }
    }
    child.kill().await.unwrap();
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_no_key_gets_two_versions_and_all_end_proven() {
    let given = json!({"secrets": {"namespaces": 3, "each": 20}});
    let world = FleetWorld::new(CLUSTERS, &given, &[]).await;
    let mut killed = 0;
    for number in 1..=KILLS {
        let over = kill_after(start(&world), number * PROGRESS);
        let over = tokio::time::timeout(Duration::from_secs(60), over).await.unwrap();
        killed += usize::from(!over);
        for cluster in 0..CLUSTERS {
            assert_eq!(world.truth(cluster).await.unreadable, 0, "kill {number}");
            assert!(world.versions(cluster).await <= VERSIONS + 1, "kill {number}");
        }
    }
    assert!(killed >= 2, "it was over before: {killed}");
    let report = world.fleet().run(daily(), waves()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    for cluster in 0..CLUSTERS {
        assert_eq!(world.versions(cluster).await, VERSIONS + 1, "cluster {cluster}: {report}");
        world.is_proven(cluster).await;
    }
    let report = world.fleet().run(daily(), waves()).await.unwrap();
    assert!(report.clusters.iter().all(|row| row.outcome == OperationOutcome::NotDue), "{report}");
    let report =
        world.fleet().run(StatusOptions::default(), FleetOptions::default()).await.unwrap();
    assert!(report.clusters.iter().all(|row| row.operation_in_progress.is_none()), "{report}");
}
