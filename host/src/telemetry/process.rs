//! Numbers of the process, under the names that dashboards know (`process_...`, without `torana_`).

use std::{fmt, fs, time::SystemTime};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use rustix::time::{ClockId, clock_gettime};

/// Reads them when somebody asks. What the system does not tell is left out.
#[derive(Debug)]
pub(super) struct Process {
    started: SystemTime,
}

impl Process {
    /// Of a process that starts now.
    pub(super) fn starting() -> Self {
        Self { started: SystemTime::now() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        let (name, help) = ("process_cpu_seconds", "CPU time used, in user and system mode");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(cpu).encode(metric)?;

        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "When the process started, in seconds since 1970",
                Some(started.as_secs_f64()),
            ),
            (
                "process_resident_memory_bytes",
                "Memory that is really there",
                number(&status, "VmRSS:").map(|kib| kib * 1024.0),
            ),
            (
                "process_virtual_memory_bytes",
                "Address space; sandboxes reserve much and use little",
                number(&status, "VmSize:").map(|kib| kib * 1024.0),
            ),
            ("process_threads", "Threads", number(&status, "Threads:")),
            ("process_open_fds", "Files and sockets that are open", open_files()),
            ("process_max_fds", "As many may be open", number(&limits, "Max open files")),
        ] {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

/// The first number behind a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// One of them is the folder that is being read.
fn open_files() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let status = "Name:\ttorana\nVmRSS:\t   1234 kB\nThreads:\t5\n";
        assert_eq!(number(status, "VmRSS:"), Some(1234.0));
        assert_eq!(number(status, "Threads:"), Some(5.0));
        assert_eq!(number("Max open files   1024  4096  files", "Max open files"), Some(1024.0));
        assert_eq!(number("Max open files   unlimited", "Max open files"), None);
        assert_eq!(number(status, "VmSize:"), None);
    }
}
