//! What re-encryption costs: `make bench`.
//!
//! On a real API server the library is measured beside kubectl and beside the bare requests, in
//! the same run; on the embedded one, at sizes that a real one would take hours for. Each client
//! is a process of its own; all share the machine's cores with the servers.

mod gentle;
mod memory;
mod patches;
mod pipeline;
mod rate;
mod run;

use std::{
    error::Error,
    fmt::Display,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use aks_kms_bench::{
    outcome::Outcome,
    record::{HEAD, Record, Row},
};
use clap::{Parser, ValueEnum};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures re-encryption. Without a name everything is measured.
#[derive(Parser)]
struct Arguments {
    /// What to measure.
    #[arg(value_enum)]
    measurements: Vec<Measurement>,
    /// Numbers of secrets on the real API server.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000])]
    secrets: Vec<usize>,
    /// Round trips to the API server, in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20])]
    round_trips: Vec<u64>,
    /// Numbers of secrets on the embedded API server.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    embedded_secrets: Vec<usize>,
    /// Runs of which the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Given by `cargo bench`; without it nothing is measured.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A measurement.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Measurement {
    /// From the first list to the proof, beside kubectl.
    Pipeline,
    /// The patches alone, beside the bare requests.
    Patches,
    /// Memory and rate up to a million secrets.
    Memory,
    /// What others notice of the gentle pace.
    Gentle,
    /// Whether a limit on requests is kept.
    Rate,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if !arguments.bench {
        return Ok(ExitCode::SUCCESS);
    }
    let mut bench = Bench { record: Record::default(), path: json_path()?, arguments };
    bench.measure().await?;
    Ok(bench.verdict())
}

/// Beside what cargo builds: `target/bench/reencrypt.json`.
fn json_path() -> Result<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_aks-kms-bench-reencrypt"))
        .ancestors()
        .nth(2)
        .ok_or("the programs are nowhere")?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    Ok(folder.join("reencrypt.json"))
}

/// The measurements of one run, and what came of them.
struct Bench {
    arguments: Arguments,
    record: Record,
    path: PathBuf,
}

impl Bench {
    async fn measure(&mut self) -> Result<()> {
        say(HEAD);
        for measurement in Measurement::value_variants() {
            let asked = &self.arguments.measurements;
            if !asked.is_empty() && !asked.contains(measurement) {
                continue;
            }
            match measurement {
                Measurement::Pipeline => Box::pin(pipeline::measure(self)).await?,
                Measurement::Patches => Box::pin(patches::measure(self)).await?,
                Measurement::Memory => Box::pin(memory::measure(self)).await?,
                Measurement::Gentle => Box::pin(gentle::measure(self)).await?,
                Measurement::Rate => Box::pin(rate::measure(self)).await?,
            }
        }
        Ok(())
    }

    /// Takes down a row.
    fn row(&mut self, row: Row) -> Result<()> {
        say(&row);
        self.record.rows.push(row);
        self.save()
    }

    /// Takes down an outcome.
    fn outcome(&mut self, outcome: Outcome) -> Result<()> {
        say(&outcome);
        self.record.outcomes.push(outcome);
        self.save()
    }

    fn save(&self) -> Result<()> {
        fs::write(&self.path, serde_json::to_string_pretty(&self.record)?)?;
        Ok(())
    }

    fn verdict(&self) -> ExitCode {
        say("");
        for outcome in &self.record.outcomes {
            say(outcome);
        }
        say(self.path.display());
        let passed = self.record.outcomes.iter().all(|outcome| outcome.passed);
        if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Tells whoever waits for it.
fn say(line: impl Display) {
    // somebody who does not listen any more is not told
    let _ = writeln!(std::io::stdout(), "{line}");
}
