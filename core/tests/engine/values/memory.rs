//! Looking for bytes in another process's memory.

use std::{fs, os::unix::fs::FileExt};

use memchr::memmem;

const PART: usize = 1 << 20;

/// Which of the patterns are in the writable memory of a process now. A process that ends
/// meanwhile has what was seen of it.
pub(crate) fn found_in_process(id: u32, patterns: &[&str]) -> Vec<bool> {
    let mut found = vec![false; patterns.len()];
    let Ok(maps) = fs::read_to_string(format!("/proc/{id}/maps")) else { return found };
    let Ok(memory) = fs::File::open(format!("/proc/{id}/mem")) else { return found };
    let longest = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0);
    let mut buffer = vec![0; PART + longest];
    for (start, end) in maps.lines().filter_map(writable) {
        let mut at = start;
        while at < end {
            // parts overlap, so that nothing hides between two of them
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let Ok(length) = memory.read_at(&mut buffer[..wanted], at) else { break };
            for (pattern, found) in patterns.iter().zip(&mut found) {
                *found |= memmem::find(&buffer[..length], pattern.as_bytes()).is_some();
            }
            at += PART as u64;
        }
    }
    found
}

/// Start and end of a writable region.
fn writable(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    words.next().filter(|rights| rights.starts_with("rw"))?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}
