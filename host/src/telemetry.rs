//! Numbers for `/metrics`. Handles are looked up when a configuration is taken, never for a
//! request; label sets are bounded by the configuration.

mod bounds;
mod classic;
mod custom;
mod handles;
mod labels;
mod one_line;
mod process;
mod scope;
mod seconds;
mod series;

pub use classic::classic;
pub use handles::{HookMetrics, MirrorMetrics, RouteMetrics};
pub use one_line::one_line;
pub use scope::Scope;
pub use seconds::Seconds;

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write as _,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};

use prometheus_client::{
    collector::Collector,
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use bounds::{PLUGIN_NANOS, REQUEST_NANOS};
use labels::{
    CertificateLabels, CustomLabels, DecisionLabels, FailureLabels, HookLabels, MirrorLabels,
    PluginLabels, RefusalLabels, ReloadLabels, RequestLabels, RouteLabels, ValueLabels,
};
use process::Process;
use scope::Scopes;
use series::Series;

/// How often each plugin did what: failed by this cause, or was denied this capability.
pub type Incidents = BTreeMap<(Box<str>, &'static str), u64>;

/// All metrics of the process.
pub struct Telemetry {
    registry: Mutex<Registry>,
    /// Whose series there are.
    scopes: Mutex<Scopes>,
    /// Numbers of those that have ended since series were let go.
    ended_scopes: Mutex<Vec<u64>>,
    /// Without the prefix of ours.
    process: Registry,
    requests: Series<RequestLabels, Counter>,
    request_seconds: Series<RouteLabels, Seconds>,
    refusals: Family<RefusalLabels, Counter>,
    plugin_seconds: Series<HookLabels, Seconds>,
    plugin_decisions: Series<DecisionLabels, Counter>,
    plugin_failures: Series<FailureLabels, Counter>,
    custom_counts: Series<CustomLabels, Counter>,
    custom_gauges: Series<ValueLabels, Gauge<f64, AtomicU64>>,
    custom_dropped: Series<PluginLabels, Counter>,
    custom_names: Mutex<HashSet<(Arc<str>, String)>>,
    /// What plugins did that the audit log should have; nothing is kept where there is none.
    incidents: OnceLock<Mutex<Incidents>>,
    reloads: Family<ReloadLabels, Counter>,
    mirrored: Series<MirrorLabels, Counter>,
    last_reload_success: Gauge<i64, AtomicI64>,
    config_loaded: Gauge<f64, AtomicU64>,
    log_lines: Counter,
    log_dropped: Family<RefusalLabels, Counter>,
    audit_failed: Counter,
    spans_exported: Counter,
    spans_dropped: Family<RefusalLabels, Counter>,
    span_batches: Family<ReloadLabels, Counter>,
    certificates: Family<CertificateLabels, Gauge<f64, AtomicU64>>,
    /// Requests whose answer has not begun, and upgraded connections: the listeners' counts, added up when
    /// somebody asks.
    in_flight: Gauge<i64, AtomicI64>,
    served: Mutex<Vec<Arc<AtomicUsize>>>,
    /// Connections that have become something else than HTTP.
    pub upgraded: Gauge<i64, AtomicI64>,
}

impl Telemetry {
    /// Everything at zero.
    pub fn new() -> Arc<Self> {
        let mut process = Registry::default();
        process.register_collector(Box::new(Process::starting()));
        let telemetry = Self {
            process,
            scopes: Mutex::default(),
            ended_scopes: Mutex::default(),
            registry: Mutex::new(Registry::with_prefix("torana")),
            requests: Series::default(),
            request_seconds: Series::new(|| Seconds::new(&REQUEST_NANOS)),
            refusals: Family::default(),
            plugin_seconds: Series::new(|| Seconds::new(&PLUGIN_NANOS)),
            plugin_decisions: Series::default(),
            plugin_failures: Series::default(),
            custom_counts: Series::default(),
            custom_gauges: Series::default(),
            custom_dropped: Series::default(),
            custom_names: Mutex::default(),
            incidents: OnceLock::new(),
            reloads: Family::default(),
            mirrored: Series::default(),
            last_reload_success: Gauge::default(),
            config_loaded: Gauge::default(),
            log_lines: Counter::default(),
            log_dropped: Family::default(),
            audit_failed: Counter::default(),
            spans_exported: Counter::default(),
            spans_dropped: Family::default(),
            span_batches: Family::default(),
            certificates: Family::default(),
            in_flight: Gauge::default(),
            served: Mutex::default(),
            upgraded: Gauge::default(),
        };
        telemetry.register();
        telemetry.begin();
        Arc::new(telemetry)
    }

    fn register(&self) {
        let mut registry = self.registry();
        let info = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", info);
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register(
            "request_seconds",
            "From the request head to the response head",
            self.request_seconds.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests whose answer has not begun, and upgraded connections",
            self.in_flight.clone(),
        );
        registry.register(
            "connections_upgraded",
            "Connections that have become WebSockets or the like",
            self.upgraded.clone(),
        );
        registry.register(
            "refusals",
            "Requests that the host itself refused, by reason",
            self.refusals.clone(),
        );
        registry.register(
            "plugin_seconds",
            "Time of one hook call, waiting included",
            self.plugin_seconds.clone(),
        );
        registry.register(
            "plugin_decisions",
            "What hook calls answered",
            self.plugin_decisions.clone(),
        );
        registry.register(
            "plugin_failures",
            "Hook calls that gave no answer, by cause",
            self.plugin_failures.clone(),
        );
        registry.register("plugin_custom", "Plugins' own counters", self.custom_counts.clone());
        registry.register("plugin_value", "Plugins' own gauges", self.custom_gauges.clone());
        registry.register(
            "plugin_custom_dropped",
            "Updates that were not counted: past the 32 names of a plugin, or under no legal name",
            self.custom_dropped.clone(),
        );
        registry.register("config_reloads", "Reloads, by result", self.reloads.clone());
        registry.register(
            "mirrored",
            "Copies of requests, by the upstream that they are for and what became of them",
            self.mirrored.clone(),
        );
        registry.register(
            "config_last_reload_success",
            "1 if the last reload was taken, 0 if it was refused and an older file serves",
            self.last_reload_success.clone(),
        );
        registry.register(
            "config_loaded_timestamp_seconds",
            "When the configuration in service was taken, in seconds since 1970",
            self.config_loaded.clone(),
        );
        registry.register(
            "access_log_lines",
            "Lines of the access log that were written",
            self.log_lines.clone(),
        );
        registry.register(
            "access_log_dropped",
            "Lines of the access log that were lost: no room in the buffer, or a failing write",
            self.log_dropped.clone(),
        );
        registry.register(
            "audit_log_failed",
            "Lines of the audit log that could not be written",
            self.audit_failed.clone(),
        );
        registry.register(
            "traces_exported",
            "Spans that the collector has taken",
            self.spans_exported.clone(),
        );
        registry.register(
            "traces_dropped",
            "Spans that were lost: no room in the queue, or a collector that did not take them",
            self.spans_dropped.clone(),
        );
        registry.register(
            "traces_batches",
            "Attempts to hand over spans, by what became of them",
            self.span_batches.clone(),
        );
        registry.register(
            "certificate_not_after_timestamp_seconds",
            "When a listener's certificate expires, in seconds since 1970",
            self.certificates.clone(),
        );
    }

    /// A series that begins with its first event hides it from whoever asks by how much it has grown.
    fn begin(&self) {
        ["ok", "refused"].into_iter().for_each(|result| drop(self.reloads_of(result)));
        ["buffer", "write"].into_iter().for_each(|reason| self.log_lines_dropped(reason, 0));
        ["queue", "rejected", "refused", "unanswered"]
            .into_iter()
            .for_each(|reason| self.spans_dropped(reason, 0));
    }

    /// A count of what a listener serves.
    pub fn served(&self) -> Arc<AtomicUsize> {
        let count = Arc::<AtomicUsize>::default();
        self.served.lock().unwrap_or_else(PoisonError::into_inner).push(count.clone());
        count
    }

    /// Adds numbers that are made when somebody asks.
    pub fn collect(&self, collector: Box<dyn Collector>) {
        self.registry().register_collector(collector);
    }

    /// From now on incidents are kept until they are taken.
    pub fn watch_incidents(&self) {
        self.incidents.get_or_init(Mutex::default);
    }

    /// A plugin failed, or tried what it was not granted.
    pub fn incident(&self, plugin: &str, what: &'static str) {
        let Some(incidents) = self.incidents.get() else { return };
        let mut incidents = incidents.lock().unwrap_or_else(PoisonError::into_inner);
        *incidents.entry((plugin.into(), what)).or_default() += 1;
    }

    /// What came since it was last asked for.
    pub fn take_incidents(&self) -> Incidents {
        let Some(incidents) = self.incidents.get() else { return Incidents::new() };
        std::mem::take(&mut incidents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request that the host refused.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { reason: reason.into() }).inc();
    }

    /// A configuration begins to serve.
    pub fn config_taken(&self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.config_loaded.set(now.as_secs_f64());
        self.last_reload_success.set(1);
    }

    /// The certificates that are shown from now on: the listener, the file, and when it expires.
    pub fn certificates_taken(&self, all: impl Iterator<Item = (String, String, SystemTime)>) {
        self.certificates.clear();
        for (listener, certificate, end) in all {
            let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let labels = CertificateLabels { listener, certificate };
            self.certificates.get_or_create(&labels).set(end.as_secs_f64());
        }
    }

    /// A reload begins to serve.
    pub fn reload_taken(&self) {
        self.reloaded("ok");
        self.config_taken();
    }

    /// A reload was refused.
    pub fn reload_refused(&self) {
        self.reloaded("refused");
        self.last_reload_success.set(0);
    }

    fn reloaded(&self, result: &'static str) {
        self.reloads_of(result).inc();
    }

    fn reloads_of(&self, result: &'static str) -> Counter {
        self.reloads.get_or_create_owned(&ReloadLabels { result: result.into() })
    }

    /// Lines of the access log that reached their file.
    pub fn log_lines_written(&self, lines: u64) {
        self.log_lines.inc_by(lines);
    }

    /// Lines of the access log that did not: `buffer` or `write`.
    pub fn log_lines_dropped(&self, reason: &'static str, lines: u64) {
        self.log_dropped.get_or_create(&RefusalLabels { reason: reason.into() }).inc_by(lines);
    }

    /// Spans that the collector has taken.
    pub fn spans_exported(&self, spans: u64) {
        self.spans_exported.inc_by(spans);
    }

    /// Spans that it has not: `queue`, `rejected`, `refused` or `unanswered`.
    pub fn spans_dropped(&self, reason: &'static str, spans: u64) {
        self.spans_dropped.get_or_create(&RefusalLabels { reason: reason.into() }).inc_by(spans);
    }

    /// Counts those of `queue`, for whoever drops many.
    pub fn spans_without_room(&self) -> Counter {
        self.spans_dropped.get_or_create_owned(&RefusalLabels { reason: "queue".into() })
    }

    /// An attempt to hand over spans: `taken`, `repeated`, `given-up` or `refused`.
    pub fn span_batches(&self, result: &'static str) {
        self.span_batches.get_or_create(&ReloadLabels { result: result.into() }).inc();
    }

    /// Lines of the audit log that could not be written.
    pub fn audit_lines_lost(&self, lines: u64) {
        self.audit_failed.inc_by(lines);
    }

    /// The Prometheus text format (OpenMetrics 1.0).
    pub fn render(&self) -> String {
        self.forget();
        self.add_up();
        let mut out = String::new();
        let encoded = text::encode_registry(&mut out, &self.registry())
            .and_then(|()| text::encode_registry(&mut out, &self.process))
            .and_then(|()| text::encode_eof(&mut out));
        if encoded.is_err() {
            let _ = writeln!(out, "# the metrics cannot be written");
        }
        out
    }

    fn add_up(&self) {
        let counts = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let sum: usize = counts.iter().map(|count| count.load(Relaxed)).sum();
        self.in_flight.set(i64::try_from(sum).unwrap_or(i64::MAX));
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
