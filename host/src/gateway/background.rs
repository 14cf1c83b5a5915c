//! What goes on beside the requests, on the control thread: health checks, ticks, and expiry.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet};
use tracing::error;

use super::assemble::Ticking;
use crate::{
    filter::Cause,
    memory,
    plugin::Plugin,
    store::Store,
    telemetry::HookMetrics,
    upstream::{Fetch, run_health_checks, run_resolver},
};

/// The background of a gateway. Dropping it ends all of it.
pub(super) struct Background {
    _house: JoinSet<()>,
    ticks: Vec<Tick>,
}

/// A plugin that is called in the background. Dropping it ends that.
struct Tick {
    plugin: Arc<Plugin>,
    /// Of the configuration in service: those of an older one would keep all that it counts.
    metrics: watch::Sender<HookMetrics>,
    _task: JoinSet<()>,
}

impl Background {
    /// Begins what no configuration changes: it looks up what is in service each time.
    pub(super) fn start(fetch: &Arc<Fetch>, store: &Store) -> Self {
        let mut house = JoinSet::new();
        house.spawn(tidy(store.clone()));
        let (checked, resolved) = (fetch.clone(), fetch.clone());
        house.spawn(run_health_checks(move || checked.upstreams()));
        house.spawn(run_resolver(move || resolved.upstreams()));
        Self { _house: house, ticks: Vec::new() }
    }

    /// From now on these plugins tick. One that did before keeps its time: a reload is no reason to
    /// ask its service again.
    pub(super) fn tick(&mut self, all: Vec<Ticking>) {
        self.ticks.retain(|tick| all.iter().any(|new| Arc::ptr_eq(&new.plugin, &tick.plugin)));
        for Ticking { plugin, metrics } in all {
            match self.ticks.iter().find(|tick| Arc::ptr_eq(&plugin, &tick.plugin)) {
                Some(tick) => drop(tick.metrics.send_replace(metrics)),
                None => self.ticks.push(Tick::begin(plugin, metrics)),
            }
        }
    }
}

impl Tick {
    fn begin(plugin: Arc<Plugin>, metrics: HookMetrics) -> Self {
        let (metrics, current) = watch::channel(metrics);
        let mut task = JoinSet::new();
        task.spawn(tick(plugin.clone(), current));
        Self { plugin, metrics, _task: task }
    }
}

/// Gives the memory of what has expired, and of what is not used any more, back early; nothing depends on it.
async fn tidy(store: Store) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        store.expire();
        memory::give_back_unused();
    }
}

/// Calls `on-tick` at its interval, first at once. A tick that fails is logged and counted, and the next one
/// comes all the same.
async fn tick(plugin: Arc<Plugin>, metrics: watch::Receiver<HookMetrics>) {
    let Some(interval) = plugin.tick_interval() else { return };
    loop {
        let started = Instant::now();
        let done = plugin.tick().await;
        let took = started.elapsed();
        count(&metrics.borrow(), took, &done);
        if let Err(cause) = done {
            error!(plugin = &**plugin.name(), hook = "on-tick", "{cause}");
        }
        tokio::time::sleep(jittered(interval)).await;
    }
}

fn count(metrics: &HookMetrics, took: Duration, done: &Result<(), Cause>) {
    metrics.seconds.observe(took);
    match done {
        Ok(()) => drop(metrics.next.inc()),
        Err(cause) => metrics.failed_alone(cause.label()),
    }
}

/// A tenth more or less, so that gateways that were started together do not all call the same
/// service in the same moment.
fn jittered(interval: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    interval.mul_f64(0.9 + 0.2 * random)
}
