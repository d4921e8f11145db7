//! How long a thousand clusters take to be listed where every request takes 20 ms.
//! `cargo bench -p aks-kms-bench --bench list_clusters`.
//!
//! Azure is simulated in this process, on the same cores.

use std::{error::Error, io::Write, process::ExitCode, time::Instant};

use aks_kms::{ListClustersOptions, Subscriptions, list_clusters};
use aks_kms_bench::outcome::{Bar, Outcome};
use aks_kms_simulator::{Given, Options, Simulator};
use clap::Parser;
use serde_json::{Value, json};

/// Seconds for all of them.
const LISTED: f64 = 2.0;

/// Measures `list_clusters`.
#[derive(Parser)]
struct Arguments {
    /// Clusters in all.
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// How long each request to Azure takes, in milliseconds.
    #[arg(long, default_value_t = 20)]
    latency: u64,
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
    let mut out = std::io::stdout();
    let mut passed = true;
    for (what, subscriptions, resource_graph) in [
        ("by Resource Graph, in 10 subscriptions", 10, true),
        ("by Resource Graph, in 100 subscriptions", 100, true),
        ("subscription by subscription, in 100", 100, false),
        ("subscription by subscription, in 1,000", 1_000, false),
    ] {
        let seconds = measure(&arguments, subscriptions, resource_graph).await?;
        let what = format!("{} clusters {what}, s", arguments.clusters);
        let outcome = Outcome::new(&what, seconds, Bar::AtMost(LISTED));
        writeln!(out, "{outcome}")?;
        passed &= outcome.passed;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(
    arguments: &Arguments,
    subscriptions: usize,
    resource_graph: bool,
) -> Result<f64, Box<dyn Error>> {
    let simulator = Simulator::start(Options::default()).await?;
    let ids: Vec<String> = (0..subscriptions)
        .map(|number| format!("{number:08x}-0000-4000-8000-000000000000"))
        .collect();
    let case = simulator.put_case(given(arguments, &ids)?).await?;
    let options = ListClustersOptions {
        credential: Some(case.credential()),
        cloud: case.arm.parse()?,
        transport: Some(case.transport()),
        resource_graph,
        ..ListClustersOptions::default()
    };
    let began = Instant::now();
    let list = list_clusters(Subscriptions::from(ids), options).await?;
    let seconds = began.elapsed().as_secs_f64();
    if list.clusters.len() != arguments.clusters || !list.is_complete() {
        return Err(format!("{} of {} clusters", list.clusters.len(), arguments.clusters).into());
    }
    Ok(seconds)
}

/// Subscriptions with as many clusters each.
fn given(arguments: &Arguments, ids: &[String]) -> Result<Given, serde_json::Error> {
    let cluster =
        |number: usize| json!({"name": format!("aks-{number}"), "kms": {"key": "{{key.1}}"}});
    let mut clusters: Vec<Vec<Value>> = vec![Vec::new(); ids.len()];
    for number in 0..arguments.clusters {
        clusters[number % ids.len()].push(cluster(number));
    }
    let subscriptions = ids.iter().zip(clusters);
    let subscriptions: Vec<Value> =
        subscriptions.map(|(id, clusters)| json!({"id": id, "clusters": clusters})).collect();
    serde_json::from_value(json!({
        "other_subscriptions": subscriptions,
        "faults": {"azure_latency_ms": arguments.latency},
    }))
}
