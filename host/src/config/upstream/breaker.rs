//! `breaker`: when nothing is asked of an upstream.

use std::time::Duration;

use super::{
    super::{
        keys::{HOUR, Kind, Shape, key},
        table::Table,
    },
    trouble::share,
};

/// `breaker = { failures = "50%" }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Failures that open it, percent of the requests.
    pub failures: u32,
    /// Requests below which it stays closed.
    pub requests: u32,
    /// In which both are counted.
    pub window: Duration,
    /// For how long it is open.
    pub period: Duration,
    /// Requests that must succeed then.
    pub probes: u32,
}

const FAILURES: &str = "50%";

pub(super) static BREAKER: Shape = Shape {
    id: "breaker",
    place: "`breaker` of [upstreams.NAME]",
    about: "Refuses requests with 503 at once while too many fail, whatever the target. Failures \
            are the same as those of `eject`: 502, 503 and 504, broken connections, within a \
            response too, timeouts, and connections that cannot be made; a request that was sent again counts once, by its last \
            answer.",
    keys: &[
        key(
            "failures",
            Kind::Text(FAILURES),
            "The share of the requests that must fail to open it.",
        )
        .or(FAILURES),
        key(
            "requests",
            Kind::Integer(1, 1_000_000),
            "The fewest requests that say anything: below, it stays closed.",
        )
        .or("20"),
        key("window", Kind::Duration(1000, HOUR), "In which both are counted.").or("10s"),
        key(
            "for",
            Kind::Duration(100, HOUR),
            "For how long it is open. Then it is half-open: a few requests are let through.",
        )
        .or("5s"),
        key(
            "probes",
            Kind::Integer(1, 1000),
            "How many: if all succeed it is closed, and the first that fails opens it again.",
        )
        .or("3"),
    ],
};

/// Reads `breaker`.
pub(super) fn read(table: &Table<'_>) -> Breaker {
    Breaker {
        failures: share(table, "failures", FAILURES),
        requests: table.integer("requests") as u32,
        window: table.duration("window"),
        period: table.duration("for"),
        probes: table.integer("probes") as u32,
    }
}
