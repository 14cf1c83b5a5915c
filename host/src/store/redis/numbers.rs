//! Numbers and log lines: how the store is doing.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
};
use redis::Value;
use tracing::{info, warn};

use super::failure::Failure;
use crate::config::RedisAddress;

/// What is counted of all links together.
pub(super) struct Numbers {
    address: String,
    round_trips: Family<ResultLabels, Counter>,
    /// The usual one, without a look-up.
    answered: Counter,
    seconds: Histogram,
    /// From the oldest take that a round tells of to its answer.
    pub(super) sync_seconds: Histogram,
    /// Takes that were decided without a store that should have been asked.
    pub(super) decided_alone: Counter,
    links: Mutex<Links>,
}

#[derive(Default)]
struct Links {
    up: BTreeSet<usize>,
    down: BTreeSet<usize>,
    /// When the log was last told that the store refuses.
    refused: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

const SECONDS: [f64; 13] =
    [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// A store that refuses every call is told of this often.
const SILENCE: Duration = Duration::from_secs(60);

impl Numbers {
    pub(super) fn new(address: &RedisAddress) -> Arc<Self> {
        let round_trips = Family::<ResultLabels, Counter>::default();
        let answered = round_trips.get_or_create_owned(&ResultLabels { result: "ok" });
        Arc::new(Self {
            address: address.to_string(),
            round_trips,
            answered,
            seconds: Histogram::new(SECONDS),
            sync_seconds: Histogram::new(SECONDS),
            decided_alone: Counter::default(),
            links: Mutex::default(),
        })
    }

    /// A round trip and how it ended.
    pub(super) fn round_trip(&self, answer: &Result<Value, Failure>, took: Duration) {
        match answer {
            Ok(_) => drop(self.answered.inc()),
            // The server does not know a script yet; it is sent again with its text.
            Err(failure) if failure.is_unknown_script() => {}
            Err(failure) => {
                let labels = ResultLabels { result: failure.result() };
                self.round_trips.get_or_create(&labels).inc();
                if let Failure::Refused(why) = failure {
                    self.refused(why);
                }
            }
        }
        if !matches!(answer, Err(Failure::Down)) {
            self.seconds.observe(took.as_secs_f64());
        }
    }

    /// A link has a connection.
    pub(super) fn up(&self, link: usize) {
        let mut links = self.links();
        let (first, was_down) = (links.up.is_empty(), links.down.remove(&link));
        links.up.insert(link);
        // Of several that come back, the last one tells.
        if links.down.is_empty() && (was_down || first) {
            info!(address = self.address, "the store is up");
        }
    }

    /// A link has no connection, and this is why.
    pub(super) fn down(&self, link: usize, why: &Failure) {
        let mut links = self.links();
        links.up.remove(&link);
        // Of several that go, the first one tells.
        if links.down.insert(link) && links.down.len() == 1 {
            warn!(address = self.address, "the store is down: {why}");
        }
    }

    fn refused(&self, why: &str) {
        let mut links = self.links();
        if links.refused.is_none_or(|told| told.elapsed() >= SILENCE) {
            links.refused = Some(Instant::now());
            warn!(address = self.address, "the store refuses what is asked of it: {why}");
        }
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the numbers when somebody asks for `/metrics`.
pub(super) struct Shown {
    pub(super) numbers: Arc<Numbers>,
    /// How many buckets others do not know all of.
    pub(super) pending: Box<dyn Fn() -> usize + Send + Sync>,
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let numbers = &self.numbers;
        let help = "Round trips to the store, by result";
        numbers.round_trips.encode(encoder.encode_descriptor(
            "store_round_trips",
            help,
            None,
            MetricType::Counter,
        )?)?;
        for (name, help, histogram) in [
            ("store_round_trip_seconds", "Time of one round trip to the store", &numbers.seconds),
            (
                "store_sync_seconds",
                "From the oldest take that a round tells other gateways of to its answer",
                &numbers.sync_seconds,
            ),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            histogram.encode(metric)?;
        }
        let help = "Decisions that this gateway made alone, for the store did not answer";
        let metric =
            encoder.encode_descriptor("store_decided_alone", help, None, MetricType::Counter)?;
        ConstCounter::new(numbers.decided_alone.get()).encode(metric)?;
        let up = {
            let links = numbers.links();
            links.down.is_empty() && !links.up.is_empty()
        };
        let pending = i64::try_from((self.pending)()).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("store_up", "1 if the store is there", i64::from(up)),
            ("store_pending_keys", "Buckets of which other gateways do not know all", pending),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}
