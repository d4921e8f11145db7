//! How long a preflight takes, and which of its reads wait for which: `make bench`.
//!
//! Every request to Azure and to Kubernetes takes [`LATENCY`]. A request is one level below the deepest of those
//! that were answered before it was sent: as many levels as there are, as many round trips does the preflight take.

mod levels;

use std::{
    error::Error,
    io::Write,
    process::ExitCode,
    time::{Duration, Instant},
};

use aks_kms::{ClusterId, EnableOptions, KmsManager, StatusOptions, Timing};
use aks_kms_bench::outcome::{Bar, Outcome};
use aks_kms_simulator::{Case, Options, Simulator, given::Given};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Of every request.
const LATENCY: Duration = Duration::from_millis(20);
/// Runs of which the median counts.
const RUNS: usize = 9;
/// What a dry run of `enable` may take, in milliseconds.
const ENABLE: f64 = 200.0;
/// What `status` may take, in milliseconds.
const STATUS: f64 = 80.0;

/// What is measured.
#[derive(Clone, Copy)]
enum Call {
    Enable,
    Status,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let simulator = Simulator::start(Options::default()).await?;
    let on = json!({"key": "{{key.1}}"});
    let measurements = [
        ("enable, dry run, 12 namespaces", Call::Enable, Value::Null, false, ENABLE),
        (
            "enable, dry run, 12 namespaces, the manager used before",
            Call::Enable,
            Value::Null,
            true,
            ENABLE,
        ),
        ("status, KMS on", Call::Status, on.clone(), false, f64::INFINITY),
        ("status, KMS on, the manager used before", Call::Status, on, true, STATUS),
    ];
    let mut passed = true;
    for (what, call, kms, warm, bar) in measurements {
        let outcome = measure(&simulator, what, call, kms, warm, bar).await?;
        passed &= outcome.passed;
        writeln!(std::io::stdout(), "{outcome}\n")?;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures a call, and prints the requests of its last run by level.
async fn measure(
    simulator: &Simulator,
    what: &str,
    call: Call,
    kms: Value,
    warm: bool,
    bar: f64,
) -> Result<Outcome> {
    let latency = u64::try_from(LATENCY.as_millis())?;
    let given: Given = serde_json::from_value(json!({
        "cluster": {"kms": kms},
        "secrets": {"namespaces": 12, "each": 3},
        "faults": {"azure_latency_ms": latency, "kubernetes_latency_ms": latency},
    }))?;
    let case = simulator.put_case(given).await?;
    let mut took = Vec::new();
    let mut seen = Vec::new();
    for _ in 0..RUNS {
        let manager = manager(&case)?;
        if warm {
            perform(&manager, &case, call).await?;
        }
        simulator.watch_requests(&case.id)?;
        let began = Instant::now();
        perform(&manager, &case, call).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
        seen = simulator.requests(&case.id)?;
    }
    took.sort_by(f64::total_cmp);
    writeln!(std::io::stdout(), "{what}\n{}", levels::table(&seen, LATENCY))?;
    simulator.delete_case(&case.id)?;
    Ok(Outcome::new(format!("{what}, ms"), took[RUNS / 2], Bar::AtMost(bar)))
}

fn manager(case: &Case) -> Result<KmsManager> {
    Ok(KmsManager::builder(ClusterId::parse(&case.cluster_id)?)
        .cloud(case.arm.parse()?)
        .credential(case.credential())
        .transport(case.transport())
        .timing(Timing::default())
        .build()?)
}

async fn perform(manager: &KmsManager, case: &Case, call: Call) -> Result<()> {
    match call {
        Call::Enable => {
            let options = EnableOptions { dry_run: true, ..EnableOptions::default() };
            manager.enable(&case.key_ids[0], options).await?;
        }
        Call::Status => {
            manager.status(StatusOptions::default()).await?;
        }
    }
    Ok(())
}
