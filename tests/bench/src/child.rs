//! Processes that do one thing, told on standard input, and say what came of it on standard
//! output. What a process uses is its own, so what is measured runs in one.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::{MissedTickBehavior, interval},
};

use crate::process::Usage;

/// How often running processes are looked at: their counts are gone when they have ended.
const LOOK: Duration = Duration::from_millis(50);

/// What a process said, and what it and its children used.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub output: Vec<u8>,
    /// What they used, as far as could be seen.
    pub usage: Usage,
    /// From its start to its end.
    pub seconds: f64,
}

/// Runs a command to its end, in a process group of its own.
///
/// # Errors
/// It cannot be started.
pub async fn run(mut command: Command, input: &[u8]) -> io::Result<Ended> {
    let began = Instant::now();
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let process = child.id().unwrap_or_default();
    let mut stdin = child.stdin.take();
    let mut stdout = child.stdout.take();
    let mut usage = Usage::default();
    let talk = async move {
        let mut output = Vec::new();
        if let Some(mut stdin) = stdin.take() {
            // one that does not listen says why at its end
            let _ = stdin.write_all(input).await;
        }
        if let Some(stdout) = &mut stdout {
            stdout.read_to_end(&mut output).await?;
        }
        Ok::<_, io::Error>((child.wait().await?, output))
    };
    tokio::pin!(talk);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (status, output) = loop {
        tokio::select! {
            ended = &mut talk => break ended?,
            _ = look.tick() => {
                if let Ok(now) = Usage::of_group(process) {
                    usage.cpu = usage.cpu.max(now.cpu);
                    usage.peak = usage.peak.max(now.peak);
                }
            }
        }
    };
    Ok(Ended { status, output, usage, seconds: began.elapsed().as_secs_f64() })
}

/// Runs one of this package's programs: an order in JSON, an answer in JSON.
///
/// # Errors
/// It cannot be started, or ends with an error, which it has printed.
pub async fn ask<A: DeserializeOwned>(
    program: &Path,
    order: &impl Serialize,
) -> io::Result<(A, Usage)> {
    let ended = run(Command::new(program), &serde_json::to_vec(order)?).await?;
    if !ended.status.success() {
        return Err(io::Error::other(format!("{}: {}", program.display(), ended.status)));
    }
    Ok((serde_json::from_slice(&ended.output)?, ended.usage))
}
