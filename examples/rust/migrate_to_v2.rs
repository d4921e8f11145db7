//! A cluster moves from KMS v1 to v2: `cargo run --example migrate_to_v2`.
//!
//! It starts a simulated Azure region in this process with a cluster of Kubernetes 1.25 that is
//! encrypted with KMS v1, shows the plan, and migrates it: KMS off, two upgrades, KMS on again, with
//! every secret rewritten and proven in between. `-- --json` prints one JSON document instead.

use std::{error::Error, io::Write, sync::Arc};

use aks_kms::{ClusterId, KmsManager, MigrateToV2Options, OnProgress, RuleId, StatusOptions};
use aks_kms_examples::{ProgressLine, describe, plan, report, simulated};
use aks_kms_simulator::{Options, Simulator, clock::TimeScale, given};
use clap::Parser;
use serde_json::json;

/// Migrates a simulated cluster from KMS v1 to v2.
#[derive(Parser)]
struct Arguments {
    /// Print one JSON document: plan, report, status, and what etcd holds.
    #[arg(long)]
    json: bool,
}

/// Without keys in the metrics of KMS v1 there is nothing but waiting: minutes in Azure.
const SCALE: f64 = 0.05;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let options = Options { scale: TimeScale(SCALE), ..Options::default() };
    let simulator = Simulator::start(options).await?;
    let case = simulator.put_case(world()).await?;
    let before = simulator.secrets(&case.id).await?;
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(aks_kms::Timing::scaled(SCALE))
        .build()?;

    let options = |dry_run, on_progress| MigrateToV2Options {
        dry_run,
        on_progress, // metrics do not show the keys of KMS v1
        allow: vec![RuleId::KeyInUseUnproven],
        ..MigrateToV2Options::default()
    };
    let planned = manager.migrate_to_v2(options(true, None)).await?;
    if !arguments.json {
        writeln!(out, "etcd before: {}", describe(&before))?;
        plan(&mut out, &planned)?;
    }
    let line = (!arguments.json).then(|| Arc::new(ProgressLine::new()));
    let on_progress = line.map(|line| -> OnProgress { Arc::new(move |now| line.show(&now)) });
    let migrated = manager.migrate_to_v2(options(false, on_progress)).await?;
    let status = manager.status(StatusOptions::default()).await?;
    let after = simulator.secrets(&case.id).await?;
    if arguments.json {
        let document =
            json!({"plan": planned.plan, "report": migrated, "status": status, "etcd": after});
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
        return Ok(());
    }
    report(&mut out, &migrated)?;
    let kms = status.kms_version.map_or_else(|| "off".to_owned(), |version| version.to_string());
    writeln!(out, "\nKubernetes {}, KMS {kms}", status.kubernetes_version)?;
    writeln!(out, "etcd after: {}", describe(&after))?;
    Ok(())
}

fn world() -> given::Given {
    given::Given {
        cluster: given::Cluster {
            kubernetes_version: "1.25.3".to_owned(),
            kms: Some(simulated::kms()),
            ..given::Cluster::default()
        },
        secrets: simulated::secrets(),
        ..given::Given::default()
    }
}
