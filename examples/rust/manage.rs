//! One verb on a cluster of a simulator that runs already.
//!
//! ```sh
//! cargo run -p aks-kms-simulator -- --port 0 --directory simulated
//! cargo run --example manage -- simulated/case.json enable "$KEY_ID"
//! ```
//!
//! Prints the report as one JSON document.

use std::{error::Error, io::Write, path::PathBuf, time::Duration};

use aks_kms::{
    ClusterId, CreateClusterOptions, DisableOptions, EnableOptions, Fleet, FleetOptions,
    FleetReport, FleetVerb, KmsManager, NetworkMode, ProvisionOptions, RotateOptions,
    StatusOptions, VaultAuthorization,
};
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
    /// Shows the present state, of a fleet that has this cluster alone; a key is due after a day.
    FleetStatus,
    /// Changes a key that is older than a day, in a fleet that has this cluster alone.
    FleetRotate,
    /// Makes vault, key, identity and access.
    Provision {
        /// In this resource group.
        #[arg(long)]
        resource_group: Option<String>,
        #[arg(long)]
        key_vault: Option<String>,
        #[arg(long)]
        key: Option<String>,
        #[arg(long)]
        identity: Option<String>,
        #[arg(long, default_value = "rbac")]
        authorization: VaultAuthorization,
        #[arg(long, default_value = "public")]
        network_mode: NetworkMode,
        #[arg(long)]
        dry_run: bool,
    },
    /// Makes a cluster with KMS on, and proves every secret.
    CreateCluster {
        /// In this resource group.
        #[arg(long)]
        resource_group: String,
        name: String,
        key_id: String,
        identity_id: String,
        /// The file of its document.
        body: PathBuf,
    },
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn fleet(case: &Case, verb: impl Into<FleetVerb>) -> Result<FleetReport, Box<dyn Error>> {
    let fleet = Fleet::builder(vec![ClusterId::parse(&case.cluster_id)?])
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(simulated::timing())
        .build()?;
    Ok(fleet.run(verb.into(), FleetOptions::default()).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let case: Case = serde_json::from_slice(&std::fs::read(arguments.case)?)?;
    let given = ClusterId::parse(&case.cluster_id)?;
    let cluster = match &arguments.verb {
        Verb::CreateCluster { resource_group, name, .. } => {
            ClusterId::new(given.subscription_id(), resource_group, name)?
        }
        Verb::Provision { resource_group: Some(group), .. } => {
            ClusterId::new(given.subscription_id(), group, given.name())?
        }
        _ => given,
    };
    let manager = KmsManager::builder(cluster)
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
        Verb::FleetStatus => {
            let status = StatusOptions { secrets: true, when_older_than: Some(DAY) };
            serde_json::to_value(fleet(&case, status).await?)?
        }
        Verb::FleetRotate => {
            let rotate = RotateOptions { when_older_than: Some(DAY), ..RotateOptions::default() };
            serde_json::to_value(fleet(&case, rotate).await?)?
        }
        Verb::Provision {
            key_vault, key, identity, authorization, network_mode, dry_run, ..
        } => {
            let options = ProvisionOptions {
                dry_run,
                key_vault,
                key,
                identity,
                authorization,
                network_mode,
                ..ProvisionOptions::default()
            };
            serde_json::to_value(manager.provision(options).await?)?
        }
        Verb::CreateCluster { key_id, identity_id, body, .. } => {
            let options = CreateClusterOptions {
                identity_id: Some(identity_id),
                ..CreateClusterOptions::default()
            };
            let body = serde_json::from_slice(&std::fs::read(body)?)?;
            serde_json::to_value(manager.create_cluster(body, &key_id, options).await?)?
        }
    };
    writeln!(std::io::stdout(), "{document:#}")?;
    Ok(())
}
