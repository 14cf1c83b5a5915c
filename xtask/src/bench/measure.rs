//! What a process has used, as Linux counts it.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What a process and its children have used so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// CPU time, of user and system.
    pub(super) cpu: Duration,
    /// Which part of it was in user mode and which in the kernel's, by the kernel's own account.
    pub(super) split: Split,
    /// Resident memory, bytes.
    pub(super) memory: u64,
}

/// Clock ticks that were spent in either mode: 10 ms each, so they say little of single requests and
/// enough of seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Split {
    user: u64,
    kernel: u64,
}

impl Split {
    /// Which share of the time since then was the kernel's, 0 to 1.
    pub(super) fn kernels_share_since(self, before: Self) -> f64 {
        let user = self.user.saturating_sub(before.user) as f64;
        let kernel = self.kernel.saturating_sub(before.kernel) as f64;
        if user + kernel > 0.0 { kernel / (user + kernel) } else { 0.0 }
    }
}

/// Of a process with all of its descendants: nginx and haproxy work in children.
pub(super) fn usage(process: u32) -> Result<Usage> {
    let mut sum = of_one(process)?;
    for child in children(process) {
        // One that has ended meanwhile did no work worth counting.
        if let Ok(usage) = usage(child) {
            sum.cpu += usage.cpu;
            sum.split.user += usage.split.user;
            sum.split.kernel += usage.split.kernel;
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
    let split = split_of(&fs::read_to_string(format!("/proc/{process}/stat"))?);
    Ok(Usage { cpu: Duration::from_nanos(nanos), split, memory: kib.unwrap_or(0) << 10 })
}

/// Fields 14 and 15 of proc_pid_stat(5). The second one, the program's name, may have anything in it.
fn split_of(stat: &str) -> Split {
    let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
    let mut ticks = rest.split_whitespace().skip(11).map(|n| n.parse().unwrap_or(0));
    let mut next = || ticks.next().unwrap_or(0);
    Split { user: next(), kernel: next() }
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

    #[test]
    fn time_is_split_between_the_program_and_the_kernel() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 5 6 20 0 1 0 100 1 1";
        let split = split_of(stat);
        assert_eq!((split.user, split.kernel), (30, 12));
        let later = Split { user: 60, kernel: 102 };
        assert_eq!(later.kernels_share_since(split), 0.75);
        assert_eq!(split.kernels_share_since(split), 0.0);
    }
}
