//! What the embedded Kubernetes API can do with a million secrets: whether it can be the far end
//! of a benchmark. `cargo bench -p aks-kms-bench --bench embedded`.
//!
//! This process is the server; the client is a process of its own, on the same cores.

use std::{error::Error, io::Write, path::Path, process::ExitCode, time::Instant};

use aks_kms_bench::{
    child,
    cluster::{target, world},
    load::{Done, Order, Secrets, Work},
    outcome::{Bar, Outcome},
    process::Usage,
    statistics::rate,
};
use aks_kms_simulator::{Options, Simulator, given::Backend};
use clap::Parser;

/// Objects a second.
const LISTED: f64 = 100_000.0;
/// Patches a second.
const PATCHED: f64 = 5_000.0;
/// GiB.
const MEMORY: f64 = 4.0;

/// Measures the embedded Kubernetes API under load.
#[derive(Parser)]
struct Arguments {
    /// Secrets in the cluster.
    #[arg(long, default_value_t = 1_000_000)]
    secrets: usize,
    /// Namespaces that they are in.
    #[arg(long, default_value_t = 20)]
    namespaces: usize,
    /// Patches in a measurement.
    #[arg(long, default_value_t = 200_000)]
    patches: usize,
    /// Connections that send patches.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
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
    let outcomes = measure(&arguments, &mut out).await?;
    let mut passed = true;
    writeln!(out)?;
    for outcome in &outcomes {
        writeln!(out, "{outcome}")?;
        passed &= outcome.passed;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let secrets = Secrets {
        namespaces: arguments.namespaces,
        each: arguments.secrets / arguments.namespaces,
    };
    let simulator = Simulator::start(Options::default()).await?;
    let began = Instant::now();
    let case = simulator.put_case(world(secrets, Backend::Embedded)).await?;
    writeln!(out, "{} secrets made in {:.1} s", secrets.total(), began.elapsed().as_secs_f64())?;
    let target = target(&*simulator.kubernetes(&case.id)?);
    let (count, concurrency) = (arguments.patches.min(secrets.total()), arguments.concurrency);
    let patches = Work::Patches { secrets, from: 0, count, concurrency };
    let works = [
        ("Table lists, objects/s", Work::Lists { secrets, page: 500, concurrency: 4 }, LISTED),
        ("streaming lists, objects/s", Work::Streams { secrets, concurrency: 4 }, LISTED),
        ("empty patches of stale secrets/s", patches, PATCHED),
        ("empty patches of current secrets/s", patches, PATCHED),
    ];
    let mut outcomes = Vec::new();
    for (what, work, bar) in works {
        let before = Usage::here()?;
        let order = Order { target: target.clone(), work };
        let program = Path::new(env!("CARGO_BIN_EXE_aks-kms-bench-load"));
        let (done, client): (Done, _) = child::ask(program, &order).await?;
        let server = Usage::here()?.cpu.saturating_sub(before.cpu);
        let rate = rate(done.objects, done.seconds);
        writeln!(
            out,
            "{what}: {rate:.0} ({} in {:.1} s, {} refused, median {:.2} ms, p99 {:.2} ms, \
             CPU of server {:.1} s, of client {:.1} s)",
            done.objects,
            done.seconds,
            done.refused,
            done.latency.median_ms,
            done.latency.p99_ms,
            server.as_secs_f64(),
            client.cpu.as_secs_f64(),
        )?;
        let expected = match work {
            Work::Patches { count, .. } => count,
            _ => secrets.total(),
        };
        if done.objects != expected {
            return Err(format!("{what}: {} of {expected}", done.objects).into());
        }
        outcomes.push(Outcome::new(what, rate, Bar::AtLeast(bar)));
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let peak = Usage::here()?.peak as f64 / f64::from(1 << 30);
    outcomes.push(Outcome::new("peak memory of the server, GiB", peak, Bar::AtMost(MEMORY)));
    Ok(outcomes)
}
