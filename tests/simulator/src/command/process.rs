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
umask 077
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

/// How a command ended. Its output may have values in it: nothing shows that but the result.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug, Eq, PartialEq))]
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
    Ok(if let Some(status) = status? {
        Ended::Exited { code: code(status), logs }
    } else {
        let seconds = limits.time.as_secs();
        let reason = format!("The command did not end within {seconds} s and was stopped.");
        Ended::Failed { reason, logs }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn job(command: &str) -> Job {
        Job {
            command: command.to_owned(),
            context: None,
            kubeconfig: "a credential".to_owned(),
            kubectl: "/bin/true".into(),
        }
    }

    async fn ended(command: &str, limits: Limits) -> Ended {
        run(job(command), limits).await
    }

    #[tokio::test]
    async fn output_and_exit_code_are_those_of_the_command() {
        let ended = ended("echo one; echo two >&2; kubectl && exit 3", Limits::default()).await;
        assert_eq!(ended, Ended::Exited { code: 3, logs: "one\ntwo\n".to_owned() });
    }

    #[tokio::test]
    async fn it_sees_nothing_of_the_environment() {
        let Ended::Exited { logs, .. } = ended("env | cut -d= -f1 | sort", Limits::default()).await
        else {
            panic!("it was not run")
        };
        let names: Vec<_> = logs.lines().filter(|name| *name != "_").collect();
        assert_eq!(names, ["HOME", "KUBECONFIG", "PATH", "PWD"]);
    }

    #[tokio::test]
    async fn it_ends_with_its_children_when_its_time_is_over() {
        let alive = tempfile::NamedTempFile::new().unwrap();
        let path = alive.path().display();
        let command =
            format!("(while :; do echo x >> {path}; sleep 0.05; done) & echo begun; wait");
        let limits = Limits { time: Duration::from_millis(500), ..Limits::default() };
        let Ended::Failed { reason, logs } = ended(&command, limits).await else {
            panic!("it ended by itself")
        };
        assert!(reason.contains("did not end within"), "{reason}");
        assert_eq!(logs, "begun\n");
        let size = || std::fs::metadata(alive.path()).unwrap().len();
        let before = size();
        assert!(before > 0);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(size(), before, "a child goes on");
    }

    #[tokio::test]
    async fn only_the_beginning_of_much_output_is_kept() {
        let limits = Limits { logs: 1000, ..Limits::default() };
        let Ended::Exited { code, logs } = ended("yes | head -c 200000", limits).await else {
            panic!("it was not run")
        };
        assert_eq!((code, logs.len()), (0, 1000));
    }
}
