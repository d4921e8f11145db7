//! A key's rotation: `cargo run --example rotate`.
//!
//! It starts a simulated Azure region in this process with an AKS cluster that is encrypted with
//! the first version of a key, shows the plan, rotates twice, and shows after each rotation which
//! keys the cluster still needs.

use std::{error::Error, io::Write, sync::Arc};

use aks_kms::{ClusterId, EnableOptions, KmsManager, OnProgress, RotateOptions};
use aks_kms_examples::{ProgressLine, describe, ledger, plan, report, simulated};
use aks_kms_simulator::{Options, Simulator, given};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();

    // A region with one cluster, and three versions of a key.
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator
        .put_case(given::Given {
            key: given::Key { versions: 3, ..given::Key::default() },
            secrets: simulated::secrets(),
            ..given::Given::default()
        })
        .await?;
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?;
    manager.enable(&case.key_ids[0], EnableOptions::default()).await?;
    writeln!(out, "etcd before: {}\n", describe(&simulator.secrets(&case.id).await?))?;

    let options = RotateOptions { dry_run: true, ..RotateOptions::default() };
    plan(&mut out, &manager.rotate(&case.key_ids[1], options).await?)?;

    for key_id in &case.key_ids[1..] {
        let line = ProgressLine::new();
        let on_progress: OnProgress = Arc::new(move |now| line.show(&now));
        let on_progress = Some(on_progress);
        let options = RotateOptions { on_progress, ..RotateOptions::default() };
        let rotated = manager.rotate(key_id, options).await?;
        report(&mut out, &rotated)?;
        if let Some(keys) = &rotated.ledger {
            ledger(&mut out, keys)?;
        }
    }
    writeln!(out, "\netcd after: {}", describe(&simulator.secrets(&case.id).await?))?;
    Ok(())
}
