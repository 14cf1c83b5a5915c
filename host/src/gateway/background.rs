//! What goes on beside the requests, on the control thread: health checks, ticks, and
//! expiry. It belongs to one configuration and ends with it.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;
use tracing::error;

use crate::{
    plugin::Plugin,
    store::Store,
    upstream::{Fetch, run_health_checks, run_resolver},
};

/// The background of one configuration. Dropping it ends all of it.
pub(super) struct Background {
    _tasks: JoinSet<()>,
}

impl Background {
    pub(super) fn start(fetch: &Arc<Fetch>, store: &Store, ticking: Vec<Arc<Plugin>>) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(expire(store.clone()));
        let (checked, resolved) = (fetch.clone(), fetch.clone());
        tasks.spawn(run_health_checks(move || checked.upstreams()));
        tasks.spawn(run_resolver(move || resolved.upstreams()));
        for plugin in ticking {
            tasks.spawn(tick(plugin));
        }
        Self { _tasks: tasks }
    }
}

/// Gives the memory of what has expired back early; nothing depends on it.
async fn expire(store: Store) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        store.expire();
    }
}

/// Calls `on-tick` at its interval, first at once. A tick that fails is logged, and the next one
/// comes all the same.
async fn tick(plugin: Arc<Plugin>) {
    let Some(interval) = plugin.tick_interval() else { return };
    loop {
        if let Err(cause) = plugin.tick().await {
            error!(plugin = &**plugin.name(), hook = "on-tick", "{cause}");
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
