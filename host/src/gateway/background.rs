//! What goes on beside the requests, on the control thread: health checks, ticks, and expiry.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tracing::error;

use super::assemble::Ticking;
use crate::{
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
            if !self.ticks.iter().any(|tick| Arc::ptr_eq(&plugin, &tick.plugin)) {
                let mut task = JoinSet::new();
                task.spawn(tick(plugin.clone(), metrics));
                self.ticks.push(Tick { plugin, _task: task });
            }
        }
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
async fn tick(plugin: Arc<Plugin>, metrics: HookMetrics) {
    let Some(interval) = plugin.tick_interval() else { return };
    loop {
        let started = Instant::now();
        let done = plugin.tick().await;
        metrics.seconds.observe(started.elapsed());
        match done {
            Ok(()) => drop(metrics.next.inc()),
            Err(cause) => {
                metrics.failed_alone(cause.label());
                error!(plugin = &**plugin.name(), hook = "on-tick", "{cause}");
            }
        }
        tokio::time::sleep(jittered(interval)).await;
    }
}

/// A tenth more or less, so that gateways that were started together do not all call the same
/// service in the same moment.
fn jittered(interval: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
    interval.mul_f64(0.9 + 0.2 * random)
}
