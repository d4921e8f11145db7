//! What processes use, as Linux counts it.

use std::{collections::HashSet, fs, io, time::Duration};

/// What processes have used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of all threads, in and out of the kernel, and of children that have ended.
    pub cpu: Duration,
    /// The most memory that each had resident, added up, in bytes.
    pub peak: u64,
}

/// Ticks a second of `/proc/<pid>/stat`: the same on every Linux there is.
const TICKS: u64 = 100;

impl Usage {
    /// Of a process that runs.
    ///
    /// # Errors
    /// There is no such process.
    pub fn of(process: u32) -> io::Result<Self> {
        let stat = Stat::of(process)?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = peak(&status).ok_or_else(|| io::Error::other("/proc is not as expected"))?;
        Ok(Self { cpu: stat.cpu, peak })
    }

    /// Of this process.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn here() -> io::Result<Self> {
        Self::of(std::process::id())
    }

    /// Of the processes of a group, together.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn of_group(group: u32) -> io::Result<Self> {
        let mut sum = Self::default();
        for (process, stat) in processes()? {
            // it may be gone by now
            if stat.group == group
                && let Ok(usage) = Self::of(process)
            {
                sum.cpu += usage.cpu;
                sum.peak += usage.peak;
            }
        }
        Ok(sum)
    }
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Eq, PartialEq)]
struct Stat {
    name: String,
    parent: u32,
    group: u32,
    cpu: Duration,
}

impl Stat {
    fn of(process: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        Self::parse(&stat).ok_or_else(|| io::Error::other("/proc is not as expected"))
    }

    fn parse(stat: &str) -> Option<Self> {
        // the name, in brackets, may have anything in it
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
        Some(Self {
            name: before.split_once('(')?.1.to_owned(),
            parent: u32::try_from(number(1)?).ok()?,
            group: u32::try_from(number(2)?).ok()?,
            cpu: Duration::from_millis(ticks * 1000 / TICKS),
        })
    }
}

/// `VmHWM` in bytes.
fn peak(status: &str) -> Option<u64> {
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// All processes that can be seen.
fn processes() -> io::Result<Vec<(u32, Stat)>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // it may be gone by now
        if let Ok(stat) = Stat::of(process) {
            processes.push((process, stat));
        }
    }
    Ok(processes)
}

/// The ports at the other end of this process's TCP connections over IPv4.
///
/// # Errors
/// `/proc` cannot be read.
pub fn connections() -> io::Result<Vec<u16>> {
    let mut sockets = HashSet::new();
    for file in fs::read_dir("/proc/self/fd")? {
        // that of the folder itself is gone by now
        if let Ok(target) = fs::read_link(file?.path())
            && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
        {
            sockets.insert(inode.trim_end_matches(']').to_owned());
        }
    }
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let ours = table.lines().filter_map(established).filter(|(_, inode)| sockets.contains(*inode));
    Ok(ours.map(|(port, _)| port).collect())
}

/// The port at the other end and the inode of an established connection, of a line of `/proc/net/tcp`.
fn established(line: &str) -> Option<(u16, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, port) = fields.get(2)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (*fields.get(3)? == "01").then_some((port, *fields.get(9)?))
}

/// A child of this process whose program has this name.
///
/// # Errors
/// There is none.
pub fn child(name: &str) -> io::Result<u32> {
    // the kernel keeps fifteen characters
    let short = &name[..name.len().min(15)];
    let here = std::process::id();
    let found = processes()?.into_iter().find(|(_, it)| it.parent == here && it.name == short);
    found.map(|(process, _)| process).ok_or_else(|| io::Error::other(format!("no {name} runs")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_whatever_the_name_of_the_program() {
        let stat = "7 (a (b) c) S 1 6 7 0 -1 4194304 100 0 0 0 250 50 70 30 20 0 1 0 5";
        let expected =
            Stat { name: "a (b) c".to_owned(), parent: 1, group: 6, cpu: Duration::from_secs(4) };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse(""), None);
        assert_eq!(peak("Name:\ta\nVmHWM:\t    2048 kB\n"), Some(2048 * 1024));
    }

    #[test]
    fn this_process_is_found_and_its_group_is_not_less() {
        let here = Usage::here().unwrap();
        assert!(here.peak > 0);
        let group = Stat::of(std::process::id()).unwrap().group;
        assert!(Usage::of_group(group).unwrap().peak >= here.peak);
        assert!(Usage::of(u32::MAX).is_err());
    }

    #[test]
    fn a_connection_is_seen_until_it_is_closed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_open = || connections().unwrap().contains(&port);
        assert!(!is_open());
        let connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(is_open());
        drop(connection);
        assert!(!is_open());
    }

    #[test]
    fn a_child_is_found_by_the_name_of_its_program() {
        let mut sleep = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // until it has become the program it has this one's name
        let found = (0..1000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(1));
            child("sleep").ok()
        });
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert_eq!(found, Some(sleep.id()));
    }
}
