//! No key older than a year, in all clusters of some subscriptions: a program for a scheduler, signed in as an
//! application.
//!
//! ```sh
//! AZURE_TENANT_ID=… AZURE_CLIENT_ID=… AZURE_CLIENT_SECRET=… cargo run --example fleet -- \
//!     --subscription 8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8 --older-than-days 365 --wave 1 --wave 10 --dry-run
//! ```
//!
//! It ends with 0 when every key is young, and every secret of what it rotated is proven to be under the new one. Run
//! again, also after it was killed, it goes on. The variables of `connect` lead it to the simulator.

use std::{
    env::{self, VarError},
    error::Error,
    io::Write,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use aks_kms::{
    Cloud, Fleet, FleetOptions, FleetProgress, OnFleetProgress, RotateOptions, Subscriptions,
};
use azure_identity::ClientSecretCredential;
use clap::Parser;

/// Rotates keys that are older than so many days.
#[derive(Parser)]
struct Arguments {
    /// Where the clusters are. Default: in every subscription that the application sees.
    #[arg(long)]
    subscription: Vec<String>,
    /// How old a key may become.
    #[arg(long, default_value_t = 365)]
    older_than_days: u32,
    /// How many clusters come first, then next; the rest comes last.
    #[arg(long)]
    wave: Vec<usize>,
    /// Says what would be done.
    #[arg(long)]
    dry_run: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { subscription, older_than_days, wave, dry_run } = Arguments::parse();
    let cloud = match env::var("AZURE_RESOURCE_MANAGER") {
        Ok(address) => address.parse()?,
        Err(_) => Cloud::Public,
    };
    let secret = variable("AZURE_CLIENT_SECRET")?.into();
    let (tenant, client) = (variable("AZURE_TENANT_ID")?, variable("AZURE_CLIENT_ID")?);
    let subscriptions = match subscription {
        none if none.is_empty() => Subscriptions::All,
        ids => Subscriptions::from(ids),
    };
    let fleet = Fleet::builder(subscriptions)
        .filter(|cluster| cluster.enabled)
        .cloud(cloud)
        .credential(ClientSecretCredential::new(&tenant, client, secret, None)?)
        .build()?;

    let age = Duration::from_secs(24 * 60 * 60) * older_than_days;
    let rotate = RotateOptions { when_older_than: Some(age), ..RotateOptions::default() };
    let on_progress: OnFleetProgress = Arc::new(|now: FleetProgress| {
        // What each cluster does meanwhile is left out.
        if now.progress.is_none() {
            let _ = writeln!(std::io::stderr(), "{}", now.message);
        }
    });
    let options = FleetOptions {
        waves: wave,
        dry_run,
        on_progress: Some(on_progress),
        ..FleetOptions::default()
    };
    let report = fleet.run(rotate, options).await?;
    let mut out = std::io::stdout();
    write!(out, "{report}")?;
    for key_id in &report.removable_keys {
        writeln!(out, "no cluster of these needs {key_id} any more")?;
    }
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error: VarError| format!("{name}: {error}"))
}
