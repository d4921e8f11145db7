//! The clusters of two subscriptions and the state of their KMS: `cargo run --example list_clusters`.
//!
//! It starts a simulated Azure region in this process and prints what `az aks list --output table` would of each
//! subscription. A subscription that may not be read is named below the table.

use std::{error::Error, io::Write};

use aks_kms::{ListClustersOptions, list_clusters};
use aks_kms_examples::simulated;
use aks_kms_simulator::{Options, Simulator};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator.put_case(simulated::subscriptions()?).await?;

    let [readable, closed] = simulated::OTHER_SUBSCRIPTIONS;
    let options = ListClustersOptions {
        credential: Some(case.credential()),
        cloud: case.arm.parse()?,
        transport: Some(case.transport()),
        ..ListClustersOptions::default()
    };
    let list = list_clusters([case.subscription_id.as_str(), readable, closed], options).await?;

    write!(out, "{list}")?;
    let without = list.iter().filter(|cluster| cluster.experience.is_none());
    writeln!(out, "\nSecrets are not KMS-encrypted in:")?;
    for cluster in without {
        writeln!(out, "  {}", cluster.id)?;
    }
    Ok(())
}
