//! A gateway that has nothing to do, and what it holds then.

use std::{
    collections::HashSet,
    fmt::Display,
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
    /// Open file descriptors. Each worker opens some when it begins.
    pub files: usize,
    /// Of these, TCP connections.
    pub sockets: usize,
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
        let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
        // A file may be closed before its name is read.
        let targets = folder.flatten().map(|entry| fs::read_link(entry.path()).unwrap_or_default());
        let files: Vec<_> =
            targets.filter_map(|target| Some(target.to_str()?.to_owned())).collect();
        let connections = connections();
        let is_connection = |file: &&String| connections.contains(file.as_str());
        let sockets = files.iter().filter(is_connection).count();
        let (memory, threads): (usize, usize) = (number("RssAnon:"), number("Threads:"));
        Self { memory: memory << 10, files: files.len(), sockets, threads }
    }
}

impl Gateway {
    /// What it holds now.
    pub fn footprint(&self) -> Footprint {
        Footprint::of(self.pid())
    }

    /// The most memory that it has held so far, bytes.
    pub fn peak(&self) -> usize {
        peak_of(self.pid()).expect("it runs")
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
        // Two may be the operator's: the one that asks, and the one that asked before.
        let sockets = sum("torana_upstream_connections_open") as usize + 2;
        let more = now.threads > start.threads || now.memory > start.memory + KEPT;
        if now.sockets > sockets || more {
            return Err(format!(
                "it holds {now:?}; {start:?} at its start, {sockets} sockets allowed"
            ));
        }
        Ok(())
    }
}

/// The most memory that a process of ours has held so far, bytes, with what it has read of mapped files.
/// None when it has ended.
pub(crate) fn peak_of(pid: impl Display) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? << 10)
}

/// All TCP connections of this machine, as `/proc/PID/fd` names them: those that listen are none.
fn connections() -> HashSet<String> {
    const LISTENS: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let of_line = |line: &str| {
        // proc_net(5): number, addresses, state, ... the inode is the tenth.
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[3] != LISTENS).then(|| format!("socket:[{}]", fields[9]))
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

/// The sum of all samples of a metric.
fn sum_of(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    values.sum()
}
