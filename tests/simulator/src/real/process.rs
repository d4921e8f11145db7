//! Programs that never outlive the process that started them.

use std::{
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::files;

/// Becomes the program, after it has left a watcher behind that kills it when standard input ends:
/// when it is closed here, or when this process dies, in whatever way. A line on standard input
/// says that the program is gone by itself: its number may be another's by now. A signal to all of a
/// group does not end the watcher before the program. What the program writes is for nobody else.
const SUPERVISED: &str = r#"
umask 077
exec 3<&0
trap '' HUP INT TERM
(read -r _ <&3 || kill -KILL $$) &
trap - HUP INT TERM
if [ -n "$HOST_NAME" ]; then hostname "$HOST_NAME" || exit; fi
exec "$@" 3<&- </dev/null
"#;

const END: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(2);

/// Starts a program of a cluster.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Where its output goes.
    pub(super) log: PathBuf,
    /// What it takes the machine's name for.
    pub(super) host_name: Option<(HostNames, String)>,
}

/// A program that runs until this is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    program: String,
    log: PathBuf,
}

impl Launch<'_> {
    /// Starts it.
    pub(super) fn spawn(self) -> Result<Process, String> {
        let program = self.program.display().to_string();
        let error = |error: std::io::Error| format!("cannot start {program}: {error}");
        let log = files::create(&self.log).map_err(error)?;
        let mut command = match &self.host_name {
            Some((HostNames::Root, _)) => unshare(&["--uts", "sh"]),
            Some((HostNames::UserNamespace, _)) => {
                unshare(&["--user", "--map-root-user", "--uts", "sh"])
            }
            None => Command::new("sh"),
        };
        let host_name = self.host_name.map(|(_, name)| name).unwrap_or_default();
        let child = command
            .args(["-c", SUPERVISED, "sh"])
            .arg(self.program)
            .args(self.arguments)
            .env("HOST_NAME", host_name)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(error)?)
            .stderr(log)
            .spawn()
            .map_err(error)?;
        Ok(Process { child, program, log: self.log })
    }
}

impl Process {
    /// Ends it and waits until it is gone.
    pub(super) async fn stop(mut self) {
        drop(self.child.stdin.take());
        let started = Instant::now();
        while !self.has_ended() && started.elapsed() < END {
            tokio::time::sleep(POLL).await;
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// An error with the end of its output, if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                self.dismiss_watcher();
                Err(format!("{} ended with {status}: {}", self.program, self.last_lines()))
            }
            Err(error) => Err(format!("{}: {error}", self.program)),
        }
    }

    fn dismiss_watcher(&mut self) {
        if let Some(mut stdin) = self.child.stdin.take() {
            // A watcher that is gone needs no word.
            let _ = stdin.write_all(b"\n");
        }
    }

    /// The end of its output.
    pub(super) fn last_lines(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Process {
    /// Waits, so that what it wrote to can be removed.
    fn drop(&mut self) {
        if self.has_ended() {
            self.dismiss_watcher();
            return;
        }
        drop(self.child.stdin.take());
        let started = Instant::now();
        while !self.has_ended() {
            if started.elapsed() > END {
                // The watcher did not do it.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// How this machine can give a process another host name.
#[derive(Clone, Copy, Debug)]
pub(super) enum HostNames {
    /// By a namespace that only root can make.
    Root,
    /// By a namespace in a namespace of users.
    UserNamespace,
}

impl HostNames {
    /// Tries what the machine can do.
    pub(super) fn possible() -> Option<Self> {
        for (way, arguments) in [
            (Self::Root, &["--uts", "true"][..]),
            (Self::UserNamespace, &["--user", "--map-root-user", "--uts", "true"]),
        ] {
            let status = unshare(arguments).stderr(Stdio::null()).status();
            if status.is_ok_and(|status| status.success()) {
                return Some(way);
            }
        }
        None
    }
}

fn unshare(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(arguments);
    command
}

/// How often something is started whose port somebody else takes in the meantime.
pub(super) const ATTEMPTS: usize = 3;

/// Ports that were free just now, all of them different.
pub(super) fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT], String> {
    let error = |error: std::io::Error| format!("no free port on 127.0.0.1: {error}");
    // Each is held until all are found.
    let mut held = Vec::with_capacity(COUNT);
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(error)?;
        *port = listener.local_addr().map_err(error)?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Whether something did not start because somebody else has its port.
pub(super) fn port_was_taken(error: &str) -> bool {
    error.contains("address already in use")
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn sleep(folder: &Path) -> Process {
        let log = folder.join("log");
        let program = Path::new("sleep");
        Launch { program, arguments: vec!["1000".to_owned()], log, host_name: None }
            .spawn()
            .unwrap()
    }

    fn runs(process: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(" Z ")
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleep(folder.path());
        let id = process.child.id();
        assert!(runs(id));
        drop(process);
        assert!(!runs(id));
    }

    #[test]
    fn a_process_ends_when_nobody_holds_its_standard_input() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleep(folder.path());
        let id = process.child.id();
        // What the kernel does when this process is killed.
        drop(process.child.stdin.take());
        process.child.wait().unwrap();
        assert!(!runs(id));
    }

    /// The number of a process that this one has begun.
    fn child_of(process: u32) -> u32 {
        let parent_of = |stat: &str| stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok();
        let numbers = std::fs::read_dir("/proc").unwrap();
        let numbers = numbers.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        numbers
            .into_iter()
            .find(|number: &u32| {
                let stat = std::fs::read_to_string(format!("/proc/{number}/stat"));
                stat.is_ok_and(|stat| parent_of(&stat) == Some(process))
            })
            .unwrap()
    }

    /// As a terminal or a CI sends it to a whole group, the program's watcher among them.
    #[test]
    fn a_signal_does_not_end_the_watcher_before_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleep(folder.path());
        let id = process.child.id();
        // it has become the program when the watcher is there
        while std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap() != "sleep\n" {
            std::thread::sleep(POLL);
        }
        let watcher = child_of(id);
        for signal in ["-HUP", "-INT", "-TERM"] {
            let sent = Command::new("kill").args([signal, &watcher.to_string()]).status();
            assert!(sent.unwrap().success());
        }
        std::thread::sleep(Duration::from_millis(100));
        drop(process.child.stdin.take());
        let started = Instant::now();
        while !process.has_ended() && started.elapsed() < END {
            std::thread::sleep(POLL);
        }
        assert!(!runs(id), "nobody ended the program");
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed_with_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let arguments = vec!["-c".to_owned(), "echo no such luck; exit 3".to_owned()];
        let launch = Launch { program: Path::new("sh"), arguments, log, host_name: None };
        let mut process = launch.spawn().unwrap();
        while !process.has_ended() {
            std::thread::sleep(POLL);
        }
        let error = process.check().unwrap_err();
        assert!(error.contains("no such luck") && error.contains('3'), "{error}");
    }
}
