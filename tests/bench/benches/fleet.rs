//! What many clusters cost: how long the status of a thousand takes where every request takes 20 ms and Azure
//! throttles as it documents, and how much memory a cluster takes. `cargo bench -p aks-kms-bench --bench fleet`.
//!
//! The library runs in a process of its own; Azure and the clusters are simulated in this one, on the same cores.

use std::{error::Error, io::Write, path::Path, process::ExitCode};

use aks_kms_bench::{
    fleet::{Done, Order, Verb, ask},
    outcome::{Bar, Outcome},
};
use aks_kms_simulator::{FleetGiven, Options, Simulator, clock::TimeScale};
use clap::Parser;
use serde_json::{Value, json};

/// Seconds for the status of all of them.
const STATUS: f64 = 20.0;
/// kB for each cluster.
const MEMORY: f64 = 200.0;
/// Rotations wait this much shorter than with Azure.
const SCALE: f64 = 0.01;

/// Measures fleets.
#[derive(Parser)]
struct Arguments {
    /// Clusters of which the state is read.
    #[arg(long, default_value_t = 1_000)]
    clusters: usize,
    /// Subscriptions that they are in.
    #[arg(long, default_value_t = 50)]
    subscriptions: usize,
    /// Clusters that are rotated, with 50 secrets each.
    #[arg(long, default_value_t = 200)]
    rotated: usize,
    /// Clusters of which the state is read although Azure lets too little through: those of one subscription have
    /// more requests than its budget.
    #[arg(long, default_value_t = 200)]
    throttled: usize,
    /// How long each request to Azure and to Kubernetes takes where states are read, in milliseconds.
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
    let mut outcomes = Outcomes { passed: true };
    for (verb, clusters) in [(Verb::Status, arguments.clusters), (Verb::Rotate, arguments.rotated)]
    {
        // so many that as many as may be are at work at once
        let few = (clusters / 10).max(40).min(clusters);
        let (least, _) = run(&arguments, verb, few).await?;
        let (most, throttled) = run(&arguments, verb, clusters).await?;
        outcomes.time(verb, clusters, &most, &throttled)?;
        outcomes.memory(verb, (few, &least), (clusters, &most))?;
    }
    let crowded = Arguments { subscriptions: 2, ..arguments };
    let (done, throttled) = run(&crowded, Verb::Status, crowded.throttled).await?;
    outcomes.throttled(&crowded, &done, &throttled)?;
    Ok(if outcomes.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How many requests Azure refused as too many, and how many of them came before the time that it had named.
struct Throttling {
    refused: u64,
    violations: u64,
}

async fn run(
    arguments: &Arguments,
    verb: Verb,
    clusters: usize,
) -> Result<(Done, Throttling), Box<dyn Error>> {
    let scale = if verb == Verb::Status { 1.0 } else { SCALE };
    let options = Options { scale: TimeScale(scale), ..Options::default() };
    let simulator = Simulator::start(options).await?;
    let fleet = simulator.put_fleet(&given(arguments, verb, clusters)?)?;
    let id = fleet.id.clone();
    let order = Order { fleet, verb, scale, max_clusters: arguments.max_clusters };
    let program = Path::new(env!("CARGO_BIN_EXE_aks-kms-bench-fleet"));
    let done = ask(program, &order).await?;
    if done.done != clusters {
        return Err(format!("{} of {clusters} clusters", done.done).into());
    }
    let throttled = simulator.throttled(&id)?;
    Ok((
        done,
        Throttling {
            refused: throttled.iter().map(|it| it.refused).sum(),
            violations: throttled.iter().map(|it| it.violations).sum(),
        },
    ))
}

fn given(
    arguments: &Arguments,
    verb: Verb,
    clusters: usize,
) -> Result<FleetGiven, serde_json::Error> {
    let latency = arguments.latency;
    let own = match verb {
        Verb::Status => json!({
            "secrets": {"namespaces": 2, "each": 5}, "throttle": {},
            "faults": {"azure_latency_ms": latency, "kubernetes_latency_ms": latency},
        }),
        Verb::Rotate => json!({"secrets": {"namespaces": 5, "each": 10}}),
    };
    let mut given = json!({"cluster": {"kms": {"key": "{{key.1}}"}}});
    if let (Some(given), Value::Object(own)) = (given.as_object_mut(), own) {
        given.extend(own);
    }
    serde_json::from_value(json!({
        "subscriptions": arguments.subscriptions.min(clusters), "clusters": clusters, "given": given,
    }))
}

struct Outcomes {
    passed: bool,
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
impl Outcomes {
    fn time(
        &mut self,
        verb: Verb,
        clusters: usize,
        done: &Done,
        throttled: &Throttling,
    ) -> Result<(), Box<dyn Error>> {
        if verb == Verb::Rotate {
            let what = format!("rotation of {clusters} clusters, waits at {SCALE} of Azure's, s");
            return self.tell(&what, done.seconds, Bar::AtMost(f64::INFINITY));
        }
        self.tell(&format!("status of {clusters} clusters, s"), done.seconds, Bar::AtMost(STATUS))?;
        let violations = throttled.violations as f64;
        self.tell("requests before Azure's time", violations, Bar::AtMost(0.0))
    }

    fn throttled(
        &mut self,
        arguments: &Arguments,
        done: &Done,
        throttled: &Throttling,
    ) -> Result<(), Box<dyn Error>> {
        let Arguments { throttled: clusters, subscriptions, .. } = arguments;
        let of = format!("status of {clusters} clusters in {subscriptions} subscriptions");
        self.tell(&format!("{of}, s"), done.seconds, Bar::AtMost(f64::INFINITY))?;
        let (refused, violations) = (throttled.refused as f64, throttled.violations as f64);
        self.tell(&format!("{of}: requests that were too many"), refused, Bar::AtLeast(1.0))?;
        self.tell(&format!("{of}: requests before Azure's time"), violations, Bar::AtMost(0.0))
    }

    fn memory(
        &mut self,
        verb: Verb,
        (few, least): (usize, &Done),
        (many, most): (usize, &Done),
    ) -> Result<(), Box<dyn Error>> {
        let clusters = many.saturating_sub(few).max(1) as f64;
        let each = |many: u64, few: u64| many.saturating_sub(few) as f64 / 1_000.0 / clusters;
        let of = format!("{verb:?} of {many} clusters rather than {few}");
        let memory = each(most.peak, least.peak);
        self.tell(&format!("{of}: more memory for each, kB"), memory, Bar::AtMost(MEMORY))?;
        let row = each(most.report as u64, least.report as u64);
        self.tell(&format!("{of}: its row as JSON, kB"), row, Bar::AtMost(f64::INFINITY))?;
        let what = format!("{of}: connections to API servers that are left");
        self.tell(&what, most.connections as f64, Bar::AtMost(0.0))
    }

    fn tell(&mut self, what: &str, measured: f64, bar: Bar) -> Result<(), Box<dyn Error>> {
        let outcome = Outcome::new(what, measured, bar);
        writeln!(std::io::stdout(), "{outcome}")?;
        self.passed &= outcome.passed;
        Ok(())
    }
}
