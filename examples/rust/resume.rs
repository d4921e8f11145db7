//! A rotation that is killed, and another process that finishes it: `cargo run --example resume`.
//!
//! This process starts a simulated Azure region and a second process. The second one rotates the
//! key of a cluster there and kills itself in the middle of rewriting its secrets. Then this one
//! looks what was recorded in the cluster, and resumes.

use std::{error::Error, io::Write, process::Command, sync::Arc};

use aks_kms::{
    ClusterId, EnableOptions, KmsManager, OnProgress, Phase, ResumeOptions, RotateOptions,
    StatusOptions,
};
use aks_kms_examples::{ProgressLine, describe, ledger, plan, report, simulated};
use aks_kms_simulator::{Case, Options, Simulator, given};

/// Tells the second process its cluster.
const CASE: &str = "AKS_KMS_EXAMPLE_CASE";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::var(CASE) {
        Ok(case) => begin_and_die(&serde_json::from_str(&case)?).await,
        Err(_) => finish_what_another_began().await,
    }
}

fn manager(case: &Case) -> Result<KmsManager, Box<dyn Error>> {
    let builder = KmsManager::builder(ClusterId::parse(&case.cluster_id)?);
    Ok(builder
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?)
}

/// The second process.
async fn begin_and_die(case: &Case) -> Result<(), Box<dyn Error>> {
    let line = ProgressLine::new();
    let on_progress: OnProgress = Arc::new(move |now| {
        line.show(&now);
        // as SIGKILL would: nothing is cleaned up
        if now.phase == Phase::Reencrypt && now.step > 3 {
            std::process::abort();
        }
    });
    let on_progress = Some(on_progress);
    let options = RotateOptions { on_progress, ..RotateOptions::default() };
    manager(case)?.rotate(&case.key_ids[1], options).await?;
    Err("the rotation ended before it could be killed".into())
}

/// The first process.
async fn finish_what_another_began() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let simulator = Simulator::start(Options::default()).await?;
    let given = given::Given { secrets: simulated::secrets(), ..given::Given::default() };
    let case = simulator.put_case(given).await?;
    let manager = manager(&case)?;
    manager.enable(&case.key_ids[0], EnableOptions::default()).await?;

    writeln!(out, "A second process begins to rotate the key …")?;
    let mut second = Command::new(std::env::current_exe()?);
    second.env(CASE, serde_json::to_string(&case)?);
    let ended = tokio::task::spawn_blocking(move || second.status()).await??;
    writeln!(out, "… and is killed ({ended})")?;
    writeln!(out, "etcd: {}", describe(&simulator.secrets(&case.id).await?))?;
    let status = manager.status(StatusOptions::default()).await?;
    if let Some(running) = status.operation_in_progress {
        writeln!(out, "recorded: {}, by {}\n", running.operation, running.by)?;
    }

    let options = ResumeOptions { dry_run: true, ..ResumeOptions::default() };
    plan(&mut out, &manager.resume(options).await?)?;

    // Whoever was at work might still be: its Lease is watched for 15 seconds first.
    let line = ProgressLine::new();
    let on_progress: OnProgress = Arc::new(move |now| line.show(&now));
    let on_progress = Some(on_progress);
    let options = ResumeOptions { on_progress, ..ResumeOptions::default() };
    let resumed = manager.resume(options).await?;
    report(&mut out, &resumed)?;
    if let Some(keys) = &resumed.ledger {
        ledger(&mut out, keys)?;
    }
    writeln!(out, "\netcd after: {}", describe(&simulator.secrets(&case.id).await?))?;
    Ok(())
}
