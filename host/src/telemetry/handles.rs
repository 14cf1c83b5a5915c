//! What those who count hold: looked up when a configuration is taken.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;

use super::{DecisionLabels, FailureLabels, HookLabels, RequestLabels, Scope, Seconds};

/// What became of copies of requests.
pub struct MirrorMetrics {
    /// The answer was read.
    pub answered: Counter,
    /// There was none, or not in time.
    pub failed: Counter,
    /// Not sent: as many as may be were under way.
    pub dropped: Counter,
    /// Not sent: the body was too large.
    pub too_large: Counter,
    /// Not sent: the body took too long.
    pub too_slow: Counter,
    /// Not sent: the body did not come to its end.
    pub incomplete: Counter,
    /// A copy may outlast its exchange.
    pub(super) _scope: Arc<Scope>,
}

/// What is counted of one hook of one plugin on one route.
#[derive(Clone)]
pub struct HookMetrics {
    pub(super) scope: Arc<Scope>,
    pub(super) labels: HookLabels,
    /// Time of one call.
    pub seconds: Seconds,
    /// Calls that answered `next`.
    pub next: Counter,
}

/// What is counted of one route.
pub struct RouteMetrics {
    pub(super) scope: Arc<Scope>,
    pub(super) route: String,
    /// From the request head to the response head.
    pub(super) seconds: Seconds,
    /// Handles of the [`USUAL`] statuses, looked up when they are first seen.
    pub(super) usual: [OnceLock<Counter>; USUAL.len()],
}

/// Statuses that nearly every answer has. A look-up by labels takes a lock and an allocation.
const USUAL: [u16; 16] =
    [200, 201, 202, 204, 301, 302, 304, 400, 401, 403, 404, 409, 429, 500, 502, 503];

impl RouteMetrics {
    /// An answer with this status, which took so long to its head.
    pub fn answered(&self, status: u16, took: Duration) {
        self.seconds.observe(took);
        let look_up = || {
            let labels = RequestLabels { route: self.route.clone(), status };
            self.scope.telemetry.requests.get(&labels)
        };
        match USUAL.iter().position(|usual| *usual == status) {
            Some(index) => drop(self.usual[index].get_or_init(look_up).inc()),
            None => drop(look_up().inc()),
        }
    }
}

impl HookMetrics {
    /// A reply of the plugin's own. Rare enough for a look-up.
    pub fn responded(&self, status: u16) {
        self.decision("respond", status.to_string());
    }

    /// A failure that `on_error` passed over.
    pub fn skipped(&self, cause: &'static str) {
        self.decision("skip", String::new());
        self.failure(cause);
    }

    /// A failure that became this status.
    pub fn failed(&self, cause: &'static str, status: u16) {
        self.decision("fail", status.to_string());
        self.failure(cause);
    }

    /// A failure after the head was sent: there is no status to tell it by.
    pub fn broke_off(&self, cause: &'static str) {
        self.decision("break-off", String::new());
        self.failure(cause);
    }

    /// A failure that nobody waits for.
    pub fn failed_alone(&self, cause: &'static str) {
        self.decision("fail", String::new());
        self.failure(cause);
    }

    fn decision(&self, decision: &str, status: String) {
        let HookLabels { plugin, route, .. } = self.labels.clone();
        let labels = DecisionLabels { plugin, route, decision: decision.into(), status };
        self.scope.telemetry.plugin_decisions.get(&labels).inc();
    }

    fn failure(&self, cause: &'static str) {
        let HookLabels { plugin, route, hook } = self.labels.clone();
        self.scope.telemetry.incident(&plugin, cause);
        let labels = FailureLabels { plugin, route, hook, cause: cause.into() };
        self.scope.telemetry.plugin_failures.get(&labels).inc();
    }
}
