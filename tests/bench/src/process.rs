//! What processes use, as Linux counts it.

use std::{fs, io, time::Duration};

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of all its threads, in and out of the kernel.
    pub cpu: Duration,
    /// The most memory that it had resident, in bytes.
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
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        Self::parse(&stat, &status).ok_or_else(|| io::Error::other("/proc is not as expected"))
    }

    fn parse(stat: &str, status: &str) -> Option<Self> {
        // the name, in brackets, may have anything in it
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
        let cpu = Duration::from_millis(ticks * 1000 / TICKS);
        Some(Self { cpu, peak: kibibytes * 1024 })
    }
}

/// Every process below `parent` whose program has this name.
///
/// # Errors
/// `/proc` cannot be read.
pub fn descendants(parent: u32, name: &str) -> io::Result<Vec<u32>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // it may be gone by now
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let Some((before, after)) = stat.rsplit_once(')') else { continue };
        let found = before.split_once('(').map_or("", |(_, name)| name);
        let parent = after.split_whitespace().nth(1).and_then(|field| field.parse::<u32>().ok());
        processes.push((process, parent.unwrap_or_default(), found.to_owned()));
    }
    let mut family = vec![parent];
    let mut index = 0;
    while let Some(&parent) = family.get(index) {
        family.extend(processes.iter().filter(|it| it.1 == parent).map(|it| it.0));
        index += 1;
    }
    // the kernel keeps fifteen characters
    let short = &name[..name.len().min(15)];
    let named = processes.iter().filter(|it| it.2 == short && family.contains(&it.0));
    Ok(named.map(|it| it.0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_whatever_the_name_of_the_program() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 5";
        let usage = Usage::parse(stat, "Name:\ta\nVmHWM:\t    2048 kB\n").unwrap();
        assert_eq!((usage.cpu, usage.peak), (Duration::from_secs(3), 2048 * 1024));
        assert!(Usage::parse("", "").is_none());
    }

    #[test]
    fn this_process_is_found() {
        assert!(Usage::of(std::process::id()).unwrap().peak > 0);
        assert!(Usage::of(u32::MAX).is_err());
    }
}
