//! A command as a process that outlives neither its time nor the simulator.

use std::{
    io,
    os::unix::process::ExitStatusExt,
    pin::pin,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use futures::future::{Either, select};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    task::spawn_blocking,
    time::timeout,
};

use super::workplace::{Job, Workplace};

/// Becomes the command, after it has left a watcher behind that kills the command with its children
/// when standard input ends: when it is closed here, or when this process dies, in whatever way. The
/// watcher is in the same process group, so the group's number is nobody else's until it is gone.
const SUPERVISED: &str = r#"
exec 3<&0 2>&1
(read -r _ <&3; kill -s KILL -- "-$$") >/dev/null 2>&1 &
exec /bin/sh -c -- "$1" 3<&- </dev/null
"#;

/// For the end of what was killed, and for the rest of its output.
const END: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// What a command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// By the real clock: it is a real process.
    pub(super) time: Duration,
    /// The first bytes of the output that are kept.
    pub(super) logs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(600), logs: 512 << 10 }
    }
}

/// How a command ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Ended {
    /// By itself.
    Exited {
        /// 128 and the signal's number if it was one that ended it.
        code: i32,
        /// Standard output and standard error, as they came.
        logs: String,
    },
    /// It was not run to its end.
    Failed {
        /// Why.
        reason: String,
        /// What it wrote before.
        logs: String,
    },
}

/// Runs a command. When this is dropped before it has ended, it is killed.
pub(super) async fn run(job: Job, limits: Limits) -> Ended {
    match try_run(job, limits).await {
        Ok(ended) => ended,
        Err(error) => Ended::Failed {
            reason: format!("The command could not be run: {error}"),
            logs: String::new(),
        },
    }
}

async fn try_run(job: Job, limits: Limits) -> io::Result<Ended> {
    let script = job.command.clone();
    let workplace = spawn_blocking(move || Workplace::new(job)).await??;
    let mut running = Running::start(&script, workplace)?;
    let mut logs = Logs { kept: Vec::new(), most: limits.logs };
    let status = {
        let output = running.output.take();
        let reading = pin!(logs.read(output));
        let waiting = pin!(running.wait(limits.time));
        match select(waiting, reading).await {
            Either::Left((status, reading)) => {
                // What left the process group may hold the pipe for ever.
                let _ = timeout(END, reading).await;
                status
            }
            Either::Right(((), waiting)) => waiting.await,
        }
    };
    // Whoever sees that it has ended finds nothing of it any more.
    spawn_blocking(move || drop(running)).await?;
    let logs = String::from_utf8_lossy(&logs.kept).into_owned();
    Ok(match status? {
        Some(status) => Ended::Exited { code: code(status), logs },
        None => {
            let seconds = limits.time.as_secs();
            let reason = format!("The command did not end within {seconds} s and was stopped.");
            Ended::Failed { reason, logs }
        }
    })
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(-1)
}

/// A command that runs until it ends or this is dropped.
struct Running {
    child: Child,
    /// The watcher kills when it is closed.
    lifeline: Option<ChildStdin>,
    output: Option<ChildStdout>,
    /// The last, so that nobody writes there any more.
    _workplace: Workplace,
}

impl Running {
    fn start(script: &str, workplace: Workplace) -> io::Result<Self> {
        let path = format!("{}:/usr/bin:/bin", workplace.programs().display());
        let mut child = Command::new("/bin/sh")
            .args(["-c", SUPERVISED, "sh", script])
            .env_clear()
            .env("PATH", path)
            .env("HOME", workplace.home())
            .env("KUBECONFIG", workplace.kubeconfig())
            .current_dir(workplace.home())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (lifeline, output) = (child.stdin.take(), child.stdout.take());
        Ok(Self { child, lifeline, output, _workplace: workplace })
    }

    /// Waits for its end, then kills what it left behind; `None`: its time was over.
    async fn wait(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let status = timeout(time, self.child.wait()).await.ok();
        self.lifeline.take();
        if status.is_none() && timeout(END, self.child.wait()).await.is_err() {
            // The watcher did not do it.
            self.child.start_kill()?;
        }
        status.transpose()
    }
}

impl Drop for Running {
    /// Waits, so that what it wrote to can be removed.
    fn drop(&mut self) {
        self.lifeline.take();
        let started = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && started.elapsed() < END {
            std::thread::sleep(POLL);
        }
    }
}

/// The beginning of an output.
struct Logs {
    kept: Vec<u8>,
    most: usize,
}

impl Logs {
    /// Reads to the end: who writes more than is kept must not wait for ever.
    async fn read(&mut self, output: Option<ChildStdout>) {
        let Some(mut output) = output else { return };
        let mut part = vec![0; 16 << 10];
        while let Ok(count @ 1..) = output.read(&mut part).await {
            let left = self.most - self.kept.len();
            self.kept.extend_from_slice(&part[..count.min(left)]);
        }
    }
}
