//! A cluster's first encryption, from start to proof: `cargo run --example lifecycle`.
//!
//! It starts a simulated Azure region in this process, makes an AKS cluster with 300 secrets in 12
//! namespaces, shows the plan, enables KMS with a Key Vault key, and shows what etcd holds before
//! and after. `-- --json` prints one JSON document instead; `-- --real` runs it on a real
//! kube-apiserver with etcd (`tests/cluster/build` makes them).

use std::{error::Error, io::Write, sync::Arc};

use aks_kms::{ClusterId, EnableOptions, KmsManager, KmsStatus, OperationReport, StatusOptions};
use aks_kms_examples::{ProgressLine, describe, plan, report, simulated};
use aks_kms_simulator::{Options, Simulator, backend::GroundTruth, given};
use clap::Parser;
use serde_json::json;

/// Encrypts a simulated cluster and shows how.
#[derive(Parser)]
struct Arguments {
    /// Print one JSON document: plan, report, status, and what etcd holds.
    #[arg(long)]
    json: bool,
    /// Use a real kube-apiserver and etcd.
    #[arg(long)]
    real: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();

    // A region with one cluster that has never been encrypted.
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator.put_case(world(arguments.real)).await?;
    let before = simulator.secrets(&case.id).await?;
    let key_id = &case.key_ids[0];

    // What a program on Azure does the same way, with its own credential and without the cloud.
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?;

    let planned =
        manager.enable(key_id, EnableOptions { dry_run: true, ..EnableOptions::default() }).await?;
    if !arguments.json {
        writeln!(out, "etcd before: {}\n", describe(&before))?;
        plan(&mut out, &planned)?;
    }

    let line = (!arguments.json).then(|| Arc::new(ProgressLine::new()));
    let enabled = manager
        .enable(
            key_id,
            EnableOptions {
                on_progress: line
                    .map(|line| -> aks_kms::OnProgress { Arc::new(move |now| line.show(&now)) }),
                ..EnableOptions::default()
            },
        )
        .await?;
    let status =
        manager.status(StatusOptions { secrets: true, ..StatusOptions::default() }).await?;
    let after = simulator.secrets(&case.id).await?;

    if arguments.json {
        let document =
            json!({"plan": planned.plan, "report": enabled, "status": status, "etcd": after});
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    } else {
        tell(&mut out, &enabled, &status, &after)?;
    }
    Ok(())
}

fn world(real: bool) -> given::Given {
    given::Given {
        cluster: simulated::cluster(real),
        secrets: simulated::secrets(),
        ..given::Given::default()
    }
}

fn tell(
    out: &mut impl Write,
    enabled: &OperationReport,
    status: &KmsStatus,
    after: &GroundTruth,
) -> std::io::Result<()> {
    report(out, enabled)?;
    let key = status.key_id.as_ref().map_or("none", |key_id| key_id.as_str());
    writeln!(out, "\nKMS is {}, key {key}", if status.enabled { "on" } else { "off" })?;
    writeln!(out, "etcd after: {}", describe(after))
}
