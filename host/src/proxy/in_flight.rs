//! How much is being served.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::Entrance;
use crate::telemetry::Telemetry;

/// Counts a request until its answer begins, also when its client leaves.
pub(super) struct InFlight<'a> {
    listeners: &'a AtomicUsize,
    /// How many there are on its listener, with this one.
    pub(super) count: usize,
}

impl<'a> InFlight<'a> {
    pub(super) fn enter(entrance: &'a Entrance) -> Self {
        let listeners = &*entrance.in_flight;
        let count = listeners.fetch_add(1, Relaxed) + 1;
        Self { listeners, count }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.listeners.fetch_sub(1, Relaxed);
    }
}

/// A tunnel is a request that is served, to the listener's limits too.
pub(super) struct OpenTunnel {
    telemetry: Arc<Telemetry>,
    listeners: Arc<AtomicUsize>,
}

impl OpenTunnel {
    pub(super) fn new(telemetry: &Arc<Telemetry>, entrance: &Entrance) -> Self {
        telemetry.upgraded.inc();
        entrance.in_flight.fetch_add(1, Relaxed);
        Self { telemetry: telemetry.clone(), listeners: entrance.in_flight.clone() }
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.telemetry.upgraded.dec();
        self.listeners.fetch_sub(1, Relaxed);
    }
}
