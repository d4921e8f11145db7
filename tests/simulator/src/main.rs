//! Runs the simulator with one case until it is interrupted.

use std::{
    error::Error,
    io::{self, Write},
    path::PathBuf,
};

use aks_kms_simulator::{Given, Options, Simulator, TimeScale, write_environment};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// An Azure region on loopback, with one AKS cluster, vault and identity. Prints how to reach them
/// as one JSON document, then serves until it is interrupted.
#[derive(Parser)]
struct Arguments {
    /// Port of Azure on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Port of the administration on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 0)]
    admin_port: u16,
    /// What the case starts from: the `given` of a conformance case, in JSON.
    #[arg(long)]
    given: Option<PathBuf>,
    /// Folder to write what points clients at the case: `env` for a shell, `ca.pem`, `case.json`.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Scales every duration: 0.01 makes a minute 600 ms.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
    /// Run the commands of `runCommand` (`az aks command invoke`) on this machine, as the user of this
    /// process: who has signed in to the case then has this user's shell.
    #[arg(long)]
    run_command: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(io::stderr)
        .init();
    let arguments = Arguments::parse();
    let given: Given = match &arguments.given {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => Given::default(),
    };
    let simulator = Simulator::start(Options {
        port: arguments.port,
        admin_port: arguments.admin_port,
        scale: TimeScale(arguments.time_scale),
        run_command: arguments.run_command,
    })
    .await?;
    let case = simulator.put_case(given).await?;
    if let Some(directory) = &arguments.directory {
        write_environment(directory, &case)?;
    }
    writeln!(io::stdout(), "{:#}", serde_json::to_value(case)?)?;
    interrupted().await?;
    Ok(())
}

/// Waits until somebody ends it, from the keyboard or as a service: then nothing is left of a real
/// cluster.
async fn interrupted() -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}
