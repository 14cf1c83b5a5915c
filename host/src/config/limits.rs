//! `limits` of a plugin.

use std::time::Duration;

use super::{
    grants::widened,
    keys::{HOUR, Kind, Shape, key},
    table::Table,
    units::{show_duration, show_size},
};

/// Budgets. Each has a metric, and each has a test on both of its sides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PluginLimits {
    /// CPU time of one hook call.
    pub cpu: Duration,
    /// Wall-clock time of one hook call, waiting included.
    pub wall: Duration,
    /// CPU time of instantiation and `configure` together.
    pub startup: Duration,
    /// Linear memory of one instance, bytes.
    pub memory: usize,
    /// An instance that grew by more than this since it was configured is dropped when it comes
    /// back, for wasm memory never shrinks. Bytes.
    pub keep: usize,
    /// Largest body that a body hook buffers, that a reply or a fetched reply may have, bytes.
    pub body: u64,
    /// Calls of `fetch` in one hook call.
    pub fetches: u32,
    /// Hook calls at a time for each worker, and so instances that are kept for them.
    pub instances: usize,
    /// Bodies at a time that pass through a stream hook, for each worker. Each has an instance of
    /// its own for as long as its slower end takes.
    pub streams: usize,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(50),
            wall: Duration::from_secs(10),
            startup: Duration::from_secs(5),
            memory: 64 << 20,
            keep: 1 << 20,
            body: 10 << 20,
            fetches: 32,
            instances: 64,
            streams: 256,
        }
    }
}

/// The table's keys.
pub(super) static PLUGIN_LIMITS: Shape = Shape {
    id: "plugin_limits",
    place: "`limits` of a plugin",
    about: "What a plugin may use up; what goes past it fails by `on_error`.",
    keys: &[
        key("cpu", Kind::Duration(1, HOUR), "CPU time of one hook call.").or("50ms"),
        key("wall", Kind::Duration(1, HOUR), "Time of one hook call, waiting included.").or("10s"),
        key("startup", Kind::Duration(1, HOUR), "CPU time to start an instance and configure it.")
            .or("5s"),
        key("memory", Kind::Size(1 << 16, 4 << 30), "Memory of one instance.").or("64MiB"),
        key(
            "keep",
            Kind::Size(0, 4 << 30),
            "An instance that has grown past this is not used again.",
        )
        .or("1MiB"),
        key(
            "body",
            Kind::Size(0, 4 << 30),
            "Largest body that is buffered for it, that it replies, or that a fetch gives it.",
        )
        .or("10MiB"),
        key("fetches", Kind::Integer(0, 10_000), "Calls of other services in one hook call.")
            .or("32"),
        key("instances", Kind::Integer(1, 10_000), "Hook calls at a time, for each worker.")
            .or("64"),
        key(
            "streams",
            Kind::Integer(1, 10_000),
            "Bodies at a time that pass through a stream hook, for each worker. Each has an \
             instance, and its memory, for as long as its client takes.",
        )
        .or("256"),
    ],
};

/// Reads the `limits` of a `[plugins.NAME]`.
pub(super) fn read(table: &Table<'_>) -> PluginLimits {
    PluginLimits {
        cpu: table.duration("cpu"),
        wall: table.duration("wall"),
        startup: table.duration("startup"),
        memory: table.size("memory") as usize,
        keep: table.size("keep") as usize,
        body: table.size("body"),
        fetches: table.integer("fetches") as u32,
        instances: table.integer("instances") as usize,
        streams: table.integer("streams") as usize,
    }
}

/// Reads the `limits` of a chain entry, which may be below those of `[plugins.NAME]`.
pub(super) fn narrow(base: &PluginLimits, table: &Table<'_>, plugin: &str) -> PluginLimits {
    let wanted = read(table);
    let bytes = |bytes: usize| show_size(bytes as u64);
    let on = |key| Narrowing { table, key, plugin };
    PluginLimits {
        cpu: on("cpu").least(base.cpu, wanted.cpu, show_duration),
        wall: on("wall").least(base.wall, wanted.wall, show_duration),
        startup: on("startup").least(base.startup, wanted.startup, show_duration),
        memory: on("memory").least(base.memory, wanted.memory, bytes),
        keep: on("keep").least(base.keep, wanted.keep, bytes),
        body: on("body").least(base.body, wanted.body, show_size),
        fetches: on("fetches").least(base.fetches, wanted.fetches, |n| n.to_string()),
        instances: on("instances").least(base.instances, wanted.instances, |n| n.to_string()),
        streams: on("streams").least(base.streams, wanted.streams, |n| n.to_string()),
    }
}

/// One key of a chain entry's `limits`. Where it is left out, what the plugin has stays.
struct Narrowing<'t, 'a> {
    table: &'t Table<'a>,
    key: &'static str,
    plugin: &'t str,
}

impl Narrowing<'_, '_> {
    fn least<T: PartialOrd + Copy>(&self, base: T, wanted: T, show: impl Fn(T) -> String) -> T {
        if !self.table.has(self.key) {
            return base;
        }
        if wanted > base {
            let why = format!("[plugins.{}] has {}", self.plugin, show(base));
            let span = self.table.span_of(self.key);
            self.table.cx.report(widened(span, self.key, self.plugin, &why));
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{keys::Key, units};

    #[test]
    fn the_declared_defaults_are_the_defaults() {
        let default = PluginLimits::default();
        let declared =
            |key: &str| PLUGIN_LIMITS.key(key).and_then(|key: &Key| key.default).unwrap();
        assert_eq!(units::duration(declared("cpu")), Ok(default.cpu));
        assert_eq!(units::duration(declared("wall")), Ok(default.wall));
        assert_eq!(units::duration(declared("startup")), Ok(default.startup));
        assert_eq!(units::size(declared("memory")), Ok(default.memory as u64));
        assert_eq!(units::size(declared("keep")), Ok(default.keep as u64));
        assert_eq!(units::size(declared("body")), Ok(default.body));
        assert_eq!(declared("fetches").parse(), Ok(default.fetches));
        assert_eq!(declared("instances").parse(), Ok(default.instances));
        assert_eq!(declared("streams").parse(), Ok(default.streams));
    }
}
