//! The process is killed at random moments, and the same call is made again: no key gets two versions, and every
//! cluster ends proven or is named with its reason.
//!
//! `AKS_KMS_FLEET_CLUSTERS`, `AKS_KMS_FLEET_KILLS` and `AKS_KMS_FLEET_SEED` make it another size or another run.

use std::{
    env, fs,
    io::Write,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use aks_kms::{FleetProgress, OnFleetProgress, OperationOutcome, StatusOptions};
use proptest::strategy::{Strategy, ValueTree};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    common::random::{number, runner},
    region::{Kind, Reason, Region, fleet_of, waves},
    world::{VERSIONS, daily},
};

/// Names the file that tells the subprocess where the clusters are.
const FLEET: &str = "AKS_KMS_FLEET";
const MARK: &str = "fleet: ";
const CLUSTERS: usize = 12;
const KILLS: usize = 4;
const SEED: u64 = 8;
/// Messages of progress for each cluster that is to be rotated yet, up to which it is killed: there are more.
const PROGRESS: usize = 10;
/// Milliseconds after the last of them, up to which it is killed.
const LATER: usize = 50;
/// A run that takes longer for each cluster hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The subprocess's side: rotates what is due, and says each step of its way.
pub(crate) async fn act() {
    let Ok(path) = env::var(FLEET) else { return };
    let fleet: aks_kms_simulator::Fleet = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let on_progress: OnFleetProgress = Arc::new(|now: FleetProgress| say(&now.message));
    let options =
        aks_kms::FleetOptions { on_progress: Some(on_progress), ..waves(fleet.clusters.len()) };
    fleet_of(&fleet).run(daily(), options).await.unwrap();
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{MARK}{what}").unwrap();
    out.flush().unwrap();
}

fn start(path: &std::path::Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["subprocess", "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(FLEET, path)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Lets it go on for so much progress and a moment more, and kills it. True: it had ended before.
async fn kill_after(mut child: Child, progress: usize, later: Duration) -> bool {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = 0;
    while said < progress {
        match lines.next_line().await.unwrap() {
            Some(line) if line.contains(MARK) => said += 1,
            Some(_) => {}
            None => return true,
        }
    }
    // what it says meanwhile is read, or it would wait
    let read = async { while let Ok(Some(_)) = lines.next_line().await {} };
    let is_over = tokio::time::timeout(later, read).await.is_ok();
    child.kill().await.unwrap();
    is_over
}

fn size(name: &str, usual: usize) -> usize {
    number(name).map_or(usual, |value| usize::try_from(value).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_no_key_gets_two_versions_and_all_end_proven_or_named() {
    let clusters = size("AKS_KMS_FLEET_CLUSTERS", CLUSTERS);
    let kills = size("AKS_KMS_FLEET_KILLS", KILLS);
    let seed = number("AKS_KMS_FLEET_SEED").unwrap_or(SEED);
    println!(
        "AKS_KMS_FLEET_CLUSTERS={clusters} AKS_KMS_FLEET_KILLS={kills} AKS_KMS_FLEET_SEED={seed}"
    );
    let (mut random, began) = (runner(seed), Instant::now());
    let mut below = |limit: usize| (0..limit).new_tree(&mut random).unwrap().current();
    let region = Region::new(clusters).await;

    // the one that fails stops the wave after its own
    let report = region.run().await;
    assert!(report.stopped.as_ref().unwrap().contains("wave 3 was not begun"), "{report}");
    let mut done_first = Vec::new();
    for (index, row) in report.clusters.iter().enumerate() {
        match (row.wave, region.kind(index)) {
            (1 | 2, Kind::Failing) => {
                assert_eq!(row.outcome, OperationOutcome::Refused, "{row:#?}");
            }
            (1 | 2, _) => {
                assert_eq!(row.outcome, OperationOutcome::Done, "{row:#?}");
                done_first.push((index, region.record(index).await));
            }
            _ => assert_eq!(row.outcome, OperationOutcome::NotStarted, "{row:#?}"),
        }
    }
    assert!(done_first.len() >= 2);
    region.mend();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.json");
    fs::write(&path, serde_json::to_vec(&region.fleet).unwrap()).unwrap();
    let (mut killed, mut rotated) = (0, done_first.len());
    let patience = PATIENCE * u32::try_from(clusters).unwrap();
    for kill in 1..=kills {
        let left = region.healthy().count() - rotated;
        let progress = below(left * PROGRESS + clusters) + 1;
        let later = Duration::from_millis(u64::try_from(below(LATER)).unwrap());
        let over = kill_after(start(&path), progress, later);
        let over = tokio::time::timeout(patience, over).await.unwrap();
        killed += usize::from(!over);
        rotated = region.no_key_has_two_new_versions(&format!("kill {kill}")).await;
        println!(
            "kill {kill}: after {progress} messages and {later:?}, {rotated} keys have a new version"
        );
    }
    assert!(killed >= 2, "it was over before: {killed}");

    let report = region.run().await;
    println!("{report}killed {killed} times, {:.0} s", began.elapsed().as_secs_f64());
    region.no_key_has_two_new_versions("in the end").await;
    for (index, row) in report.clusters.iter().enumerate() {
        match region.kind(index) {
            Kind::Healthy | Kind::Failing => {
                let is_done =
                    matches!(row.outcome, OperationOutcome::Done | OperationOutcome::NotDue);
                assert!(is_done && row.operation_in_progress.is_none(), "{row:#?}");
                assert_eq!(region.versions(index).await, VERSIONS + 1, "{row:#?}");
                region.is_proven(index).await;
            }
            kind => {
                assert_eq!(kind.named(), (row.outcome, row.reason()), "{row:#?}");
                let resumable = row.outcome == OperationOutcome::Unfinished;
                assert_eq!(row.resume.is_some(), resumable, "{row:#?}");
                assert_eq!(region.versions(index).await, VERSIONS, "{row:#?}");
            }
        }
    }
    for (index, record) in done_first {
        assert_eq!(report.clusters[index].outcome, OperationOutcome::NotDue);
        assert_eq!(region.record(index).await, record, "a cluster that was done is left alone");
    }
    let report = region.run().await;
    let is_not_due = |index: usize| report.clusters[index].outcome == OperationOutcome::NotDue;
    assert!(region.healthy().all(is_not_due), "{report}");
    let status = StatusOptions::default();
    let report =
        fleet_of(&region.fleet).run(status, aks_kms::FleetOptions::default()).await.unwrap();
    assert!(report.clusters.iter().all(|row| row.operation_in_progress.is_none()), "{report}");
}
