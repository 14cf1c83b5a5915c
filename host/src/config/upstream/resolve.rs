//! `resolve` of an upstream.

use std::time::Duration;

use super::super::{
    keys::{DAY, Kind},
    table::Table,
};

/// When the name of a target is looked up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// As soon as its answer does not hold any more.
    Ttl,
    /// At this interval.
    Every(Duration),
    /// For each new connection.
    AtConnect,
}

/// What stands for it in the file.
pub(super) const RESOLVE: Kind = Kind::OneOf(&[Kind::Choice(&["ttl"]), Kind::Duration(0, DAY)]);

/// Reads the key `resolve`.
pub(super) fn read(table: &Table<'_>) -> Resolve {
    let interval = table.get("resolve").and_then(|value| value.duration_or("ttl"));
    match interval {
        None => Resolve::Ttl,
        Some(Duration::ZERO) => Resolve::AtConnect,
        Some(interval) => Resolve::Every(interval),
    }
}
