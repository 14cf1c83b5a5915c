//! `[gateway]`.

use std::time::Duration;

use super::{
    Span,
    keys::{HOUR, Kind, Shape, key},
    table::Table,
};

/// `[gateway]`: what concerns the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Worker threads; the parallelism that is really available if not set.
    pub workers: usize,
    /// Where that stands; none where the machine says it.
    pub workers_span: Option<Span>,
    /// How long SIGTERM and SIGUSR2 wait for running exchanges.
    pub drain: Duration,
    /// How long it goes on accepting after SIGTERM, while it says that it is not ready.
    pub notice: Duration,
    /// Whether a change of the configuration's files is a reload.
    pub watch: bool,
}

/// The table's keys.
pub(super) static GATEWAY: Shape = Shape {
    id: "gateway",
    place: "[gateway]",
    about: "What concerns the process. A change of `workers` needs a restart.",
    keys: &[
        key(
            "workers",
            Kind::Integer(1, 1024),
            "Worker threads; as many as the machine (or its cgroup) runs at once if not given.",
        ),
        key(
            "drain",
            Kind::Duration(0, HOUR),
            "How long SIGTERM and SIGUSR2 wait for running exchanges.",
        )
        .or("30s"),
        key(
            "notice",
            Kind::Duration(0, HOUR),
            "How long after SIGTERM it goes on accepting while /readyz says no, so that a load \
             balancer sends nobody to a door that closes.",
        )
        .or("0s"),
        key(
            "watch",
            Kind::Bool,
            "Whether this file and those that it names are watched: a change is a reload.",
        )
        .or("true"),
    ],
};

/// Reads `[gateway]`.
pub(super) fn read(table: &Table<'_>) -> Gateway {
    let available = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = table.get("workers").map(|value| value.integer() as usize);
    Gateway {
        workers: workers.unwrap_or_else(available),
        workers_span: workers.map(|_| table.span_of("workers")),
        drain: table.duration("drain"),
        notice: table.duration("notice"),
        watch: table.bool("watch"),
    }
}
