//! One verb on a cluster of a simulator that runs already.
//!
//! ```sh
//! cargo run -p aks-kms-simulator -- --port 0 --directory simulated
//! cargo run --example manage -- simulated/case.json enable "$KEY_ID"
//! ```
//!
//! Prints the report as one JSON document.

use std::{error::Error, io::Write, path::PathBuf};

use aks_kms::{ClusterId, DisableOptions, EnableOptions, KmsManager, RotateOptions, StatusOptions};
use aks_kms_examples::simulated;
use aks_kms_simulator::Case;
use clap::{Parser, Subcommand};

/// Manages KMS etcd encryption of a simulated cluster.
#[derive(Parser)]
struct Arguments {
    /// How to reach the cluster: the `case.json` that the simulator wrote.
    case: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Turns KMS on with a key and rewrites every secret.
    Enable { key_id: String },
    /// Changes the key and rewrites every secret; without a key: to its newest version.
    Rotate { key_id: Option<String> },
    /// Turns KMS off and rewrites every secret.
    Disable,
    /// Shows the present state.
    Status,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let case: Case = serde_json::from_slice(&std::fs::read(arguments.case)?)?;
    let manager = KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?;
    let document = match arguments.verb {
        Verb::Enable { key_id } => {
            serde_json::to_value(manager.enable(&key_id, EnableOptions::default()).await?)?
        }
        Verb::Rotate { key_id } => serde_json::to_value(
            manager.rotate(key_id.as_deref(), RotateOptions::default()).await?,
        )?,
        Verb::Disable => serde_json::to_value(manager.disable(DisableOptions::default()).await?)?,
        Verb::Status => serde_json::to_value(manager.status(StatusOptions::default()).await?)?,
    };
    writeln!(std::io::stdout(), "{document:#}")?;
    Ok(())
}
