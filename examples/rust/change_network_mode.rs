//! The vault in use becomes private, and public again: `cargo run --example change_network_mode`.
//!
//! It starts a simulated Azure region in this process with an encrypted cluster whose vault is
//! public, shows the plan, moves it to private access, shows what became of the vault, and moves it
//! back. `-- --json` prints one JSON document instead; `-- --real` runs it on a real kube-apiserver
//! with etcd (`tests/cluster/build` makes them).

use std::{error::Error, io::Write, sync::Arc};

use aks_kms::{
    ChangeNetworkModeOptions, ClusterId, KmsManager, NetworkMode, OnProgress, OperationReport,
};
use aks_kms_examples::{ProgressLine, describe, plan, report, simulated};
use aks_kms_simulator::{Case, Options, Simulator, given};
use clap::Parser;
use serde_json::{Value, json};

/// Moves a simulated cluster's vault to private access and back.
#[derive(Parser)]
struct Arguments {
    /// Print one JSON document: plan, reports, and what etcd holds.
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
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator.put_case(world(arguments.real)).await?;
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?;

    let options = |dry_run, on_progress| ChangeNetworkModeOptions {
        dry_run,
        on_progress,
        ..ChangeNetworkModeOptions::default()
    };
    let planned = manager.change_network_mode(NetworkMode::Private, options(true, None)).await?;
    if !arguments.json {
        plan(&mut out, &planned)?;
    }
    let mut done: Vec<OperationReport> = Vec::new();
    for mode in [NetworkMode::Private, NetworkMode::Public] {
        let line = (!arguments.json).then(|| Arc::new(ProgressLine::new()));
        let on_progress = line.map(|line| -> OnProgress { Arc::new(move |now| line.show(&now)) });
        let changed = manager.change_network_mode(mode, options(false, on_progress)).await?;
        if !arguments.json {
            report(&mut out, &changed)?;
            let access = vault(&simulator, &case)?["publicNetworkAccess"].clone();
            writeln!(out, "  the vault is reached in {mode} mode; its public access is {access}")?;
        }
        done.push(changed);
    }
    let after = simulator.secrets(&case.id).await?;
    if arguments.json {
        let document = json!({"plan": planned.plan, "reports": done, "etcd": after});
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    } else {
        writeln!(out, "\netcd after: {}", describe(&after))?;
    }
    Ok(())
}

fn world(real: bool) -> given::Given {
    given::Given {
        cluster: given::Cluster {
            kms: Some(simulated::kms()),
            vnet_integration: true,
            ..simulated::cluster(real)
        },
        secrets: simulated::secrets(),
        ..given::Given::default()
    }
}

fn vault(simulator: &Simulator, case: &Case) -> Result<Value, Box<dyn Error>> {
    let name = case.key_vault_id.rsplit('/').next().unwrap_or_default();
    Ok(simulator.patch_vault(&case.id, name, &json!({}))?["properties"].clone())
}
