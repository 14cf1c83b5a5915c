//! What a process has used, as Linux counts it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What a process and its children have used so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// CPU time, of user and system.
    pub(super) cpu: Duration,
    /// Resident memory, bytes.
    pub(super) memory: u64,
}

/// Of a process with all of its descendants: nginx and haproxy work in children.
pub(super) fn usage(process: u32) -> Result<Usage> {
    let mut sum = of_one(process)?;
    for child in children(process) {
        // One that has ended meanwhile did no work worth counting.
        if let Ok(usage) = usage(child) {
            sum.cpu += usage.cpu;
            sum.memory += usage.memory;
        }
    }
    Ok(sum)
}

fn of_one(process: u32) -> Result<Usage> {
    // Nanoseconds that it ran, of every thread: the ticks of `stat` are 10 ms.
    let mut nanos = 0;
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.with_context(|| format!("process {process} has ended"))? {
        let schedule = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanos += schedule.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    Ok(Usage { cpu: Duration::from_nanos(nanos), memory: kib.unwrap_or(0) << 10 })
}

fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_memory_is_seen() {
        let before = usage(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while usage(std::process::id()).unwrap().cpu < before.cpu + Duration::from_millis(20) {
            sum = (0..100_000_u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(before.memory > 100 << 10, "{before:?} {sum}");
        usage(u32::MAX).unwrap_err();
    }
}
