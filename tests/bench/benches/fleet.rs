//! How long the status of a thousand clusters takes where every request takes 20 ms and Azure throttles as it
//! documents. `cargo bench -p aks-kms-bench --bench fleet`.
//!
//! Azure and the clusters are simulated in this process, on the same cores.

use std::{error::Error, io::Write, process::ExitCode, time::Instant};

use aks_kms::{Fleet, FleetOptions, FleetReport, StatusOptions, Subscriptions};
use aks_kms_bench::outcome::{Bar, Outcome};
use aks_kms_simulator::{FleetGiven, Options, Simulator};
use clap::Parser;
use serde_json::json;

/// Seconds for all of them.
const STATUS: f64 = 20.0;

/// Measures `status` of a fleet.
#[derive(Parser)]
struct Arguments {
    /// Clusters in all.
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Subscriptions that they are in.
    #[arg(long, default_value_t = 50)]
    subscriptions: usize,
    /// How long each request to Azure and to Kubernetes takes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    latency: u64,
    /// Clusters at work at once. Default: the library's own.
    #[arg(long)]
    max_clusters: Option<usize>,
    /// Given by `cargo bench`; without it nothing is measured.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    if !arguments.bench {
        return Ok(ExitCode::SUCCESS);
    }
    let simulator = Simulator::start(Options::default()).await?;
    let region = simulator.put_fleet(&given(&arguments)?)?;
    let fleet = Fleet::builder(Subscriptions::from(region.subscription_ids.clone()))
        .cloud(region.arm.parse()?)
        .credential(region.credential())
        .transport(region.transport())
        .build()?;
    let options = FleetOptions { max_clusters: arguments.max_clusters, ..FleetOptions::default() };
    let began = Instant::now();
    let report = fleet.run(StatusOptions::default(), options).await?;
    let seconds = began.elapsed().as_secs_f64();
    check(&report, arguments.clusters)?;

    let throttled = simulator.throttled(&region.id)?;
    let refused: u64 = throttled.iter().map(|it| it.refused).sum();
    let violations: u64 = throttled.iter().map(|it| it.violations).sum();
    let what = format!("status of {} clusters, s", arguments.clusters);
    #[expect(clippy::cast_precision_loss, reason = "a few requests")]
    let outcomes = [
        Outcome::new(&what, seconds, Bar::AtMost(STATUS)),
        Outcome::new("requests that were too many", refused as f64, Bar::AtMost(f64::INFINITY)),
        Outcome::new("requests before Azure's time", violations as f64, Bar::AtMost(0.0)),
    ];
    for outcome in &outcomes {
        writeln!(std::io::stdout(), "{outcome}")?;
    }
    let passed = outcomes.iter().all(|outcome| outcome.passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each cluster has a state.
fn check(report: &FleetReport, clusters: usize) -> Result<(), Box<dyn Error>> {
    if report.totals.clusters != clusters || !report.is_complete() {
        return Err(format!("{} of {clusters} clusters", report.totals).into());
    }
    Ok(())
}

fn given(arguments: &Arguments) -> Result<FleetGiven, serde_json::Error> {
    let latency = arguments.latency;
    serde_json::from_value(json!({
        "subscriptions": arguments.subscriptions,
        "clusters": arguments.clusters,
        "given": {
            "cluster": {"kms": {"key": "{{key.1}}"}},
            "secrets": {"namespaces": 2, "each": 5},
            "faults": {"azure_latency_ms": latency, "kubernetes_latency_ms": latency},
            "throttle": {},
        },
    }))
}
