//! A gateway that has nothing to do, and what it holds then.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::unistd::Pid;

use crate::{Gateway, PATIENCE};

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of memory that are its own: no files, nothing shared.
    pub memory: usize,
    /// Open file descriptors.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

/// What allocators keep for later. Leaks grow past it where they are worth a test.
const KEPT: usize = 64 << 20;

/// Gauges that are zero when nothing is under way.
const BUSY: [&str; 5] = [
    "torana_requests_in_flight",
    "torana_connections_open",
    "torana_connections_upgraded",
    "torana_upstream_in_flight",
    "torana_plugin_instances_busy",
];

impl Footprint {
    /// That of a process of ours.
    pub fn of(pid: Pid) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or_else(|| panic!("no {name} in {status}"))
        };
        let files = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
        let (memory, threads): (usize, usize) = (number("RssAnon:"), number("Threads:"));
        Self { memory: memory << 10, files, threads }
    }
}

impl Gateway {
    /// What it holds now.
    pub fn footprint(&self) -> Footprint {
        Footprint::of(self.pid())
    }

    /// The processor time that it has used so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it runs");
        // proc_pid_stat(5): utime and stime are fields 14 and 15; the name before may have spaces.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Waits until nothing is under way; what it holds is then what it held at its start, and its
    /// connections to services. Clients are to have closed theirs. For gateways with an admin
    /// listener.
    pub async fn at_rest(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(why) = self.rests().await {
            assert!(Instant::now() < deadline, "after {PATIENCE:?} still not at rest: {why}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn rests(&self) -> Result<(), String> {
        let answer = self.admin().get("/metrics").await;
        let sum = |name: &str| sum_of(answer.text(), name);
        let busy = BUSY.iter().filter(|name| sum(name) != 0.0);
        let busy: Vec<_> = busy.map(|name| format!("{name} is {}", sum(name))).collect();
        if !busy.is_empty() {
            return Err(busy.join(", "));
        }
        let (start, now) = (self.start_footprint(), self.footprint());
        // The operator's own connection may be among them.
        let files = start.files + sum("torana_upstream_connections_open") as usize + 1;
        if now.files > files || now.threads > start.threads || now.memory > start.memory + KEPT {
            return Err(format!("it holds {now:?}; {start:?} at its start, {files} files allowed"));
        }
        Ok(())
    }
}

/// The sum of all samples of a metric.
fn sum_of(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    values.sum()
}
