//! What was measured, as the report and the targets look it up.

use std::{collections::BTreeMap, time::Duration};

use super::load::Sample;

/// One subject of one scenario: the median of its rounds.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The round whose CPU time is the median; what is at half load is a median of its own.
    pub(super) median: Sample,
    /// Lowest and highest CPU time per request.
    pub(super) range: (Duration, Duration),
}

impl Row {
    pub(super) fn of(name: &'static str, mut samples: Vec<Sample>) -> Self {
        let mut halves: Vec<_> = samples.iter().filter_map(|sample| sample.half).collect();
        halves.sort_unstable();
        samples.sort_by_key(|sample| sample.cpu);
        let range = (samples[0].cpu, samples[samples.len() - 1].cpu);
        let half = halves.get(halves.len() / 2).copied();
        Self { name, median: Sample { half, ..samples[samples.len() / 2] }, range }
    }
}

/// All that was measured in a run.
#[derive(Default)]
pub(super) struct Results {
    /// By scenario, in the order of the report.
    pub(super) scenarios: Vec<(&'static str, Vec<Row>)>,
    /// What has no load, by what it is.
    pub(super) numbers: BTreeMap<&'static str, f64>,
}

impl Results {
    /// CPU time for each request, microseconds; none if that was not run.
    pub(super) fn cpu(&self, scenario: &str, subject: &str) -> Option<f64> {
        self.sample(scenario, subject).map(|sample| sample.cpu.as_secs_f64() * 1e6)
    }

    /// The 99th percentile at half load, seconds.
    pub(super) fn half(&self, scenario: &str, subject: &str) -> Option<f64> {
        Some(self.sample(scenario, subject)?.half?.as_secs_f64())
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    /// As if of each subject only its quietest round had been measured. Neighbours of a virtual machine add to
    /// some rounds and not to others, and never take anything off.
    pub(super) fn quietest(&self) -> Self {
        self.as_if(|row| row.range.0)
    }

    /// As if Torana's own code took no time at all, and only what the kernel does for it were left: what it cannot get
    /// below as long as it makes the system calls that it does.
    pub(super) fn kernel_alone(&self) -> Self {
        self.as_if(|row| match row.name.starts_with("torana") {
            true => row.median.kernel,
            false => row.median.cpu,
        })
    }

    fn as_if(&self, cpu: impl Fn(&Row) -> Duration) -> Self {
        let of = |row: &Row| {
            let median = Sample { cpu: cpu(row), ..row.median };
            Row { name: row.name, median, range: row.range }
        };
        let of_all = |(name, rows): &(_, Vec<Row>)| (*name, rows.iter().map(of).collect());
        Self {
            scenarios: self.scenarios.iter().map(of_all).collect(),
            numbers: self.numbers.clone(),
        }
    }

    fn sample(&self, scenario: &str, subject: &str) -> Option<&Sample> {
        let (_, rows) = self.scenarios.iter().find(|(name, _)| *name == scenario)?;
        rows.iter().find(|row| row.name == subject).map(|row| &row.median)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::bench) fn sample(cpu: u64) -> Sample {
        let time = Duration::from_micros(cpu);
        Sample {
            cpu: time,
            kernel: time / 2,
            rate: 1.0,
            p50: time,
            p99: time,
            p999: time,
            memory: 0,
            half: Some(Duration::from_micros(100 - cpu)),
        }
    }

    #[test]
    fn the_median_counts() {
        let row = Row::of("it", [20, 10, 90].map(sample).to_vec());
        assert_eq!(row.median.cpu, Duration::from_micros(20));
        assert_eq!(row.range, (Duration::from_micros(10), Duration::from_micros(90)));
        assert_eq!(row.median.half, Some(Duration::from_micros(80)));
        let results = Results { scenarios: vec![("plain", vec![row])], ..Results::default() };
        assert_eq!(results.cpu("plain", "it"), Some(20.0));
        assert_eq!(results.cpu("plain", "other"), None);
        assert_eq!(results.half("tls", "it"), None);
    }
}
