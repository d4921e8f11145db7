//! A process that does one thing to many clusters: an [`Order`] on standard input, what came of it on standard output.

use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

use aks_kms::{
    Fleet, FleetOptions, FleetVerb, RotateOptions, StatusOptions, Subscriptions, Timing,
};
use aks_kms_bench::{
    fleet::{Done, Order, Verb},
    process::{Usage, connections},
};

/// Every key is older.
const DUE: Duration = Duration::from_secs(60 * 60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let order: Order = serde_json::from_reader(io::stdin().lock())?;
    let done = run(&order).await?;
    serde_json::to_writer(io::stdout().lock(), &done)?;
    Ok(())
}

async fn run(order: &Order) -> Result<Done, Box<dyn Error>> {
    let region = &order.fleet;
    let fleet = Fleet::builder(Subscriptions::from(region.subscription_ids.clone()))
        .cloud(region.arm.parse()?)
        .credential(region.credential())
        .ca_bundle(region.ca.clone().into_bytes())
        .timing(Timing::scaled(order.scale))
        .build()?;
    let verb: FleetVerb = match order.verb {
        Verb::Status => StatusOptions::default().into(),
        Verb::Rotate => {
            RotateOptions { when_older_than: Some(DUE), ..RotateOptions::default() }.into()
        }
    };
    let options = FleetOptions { max_clusters: order.max_clusters, ..FleetOptions::default() };
    let began = Instant::now();
    let report = fleet.run(verb, options).await?;
    let seconds = began.elapsed().as_secs_f64();
    // before the report is written, which takes memory, too
    let (peak, connections) = (Usage::here()?.peak, connections()?);
    // vaults are behind the proxy
    let azure = [port(&region.arm)?, port(&region.proxy)?];
    let connections = connections.iter().filter(|port| !azure.contains(port)).count();
    if !report.is_complete() {
        return Err(format!("{report}").into());
    }
    let done = report.totals.done;
    Ok(Done { seconds, done, report: serde_json::to_vec(&report)?.len(), peak, connections })
}

/// The port of an address.
fn port(address: &str) -> Result<u16, Box<dyn Error>> {
    let port = address.trim_end_matches('/').rsplit(':').next().unwrap_or_default();
    Ok(port.parse()?)
}
