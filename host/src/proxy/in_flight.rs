//! How much is being served.

use std::sync::Arc;

use crate::telemetry::Telemetry;

/// Counts a request for as long as it is served, also when its client leaves.
pub(super) struct InFlight<'a> {
    telemetry: &'a Telemetry,
    /// How many there are with this one.
    pub(super) count: usize,
}

impl<'a> InFlight<'a> {
    pub(super) fn enter(telemetry: &'a Telemetry) -> Self {
        let before = telemetry.in_flight.inc();
        Self { telemetry, count: usize::try_from(before).unwrap_or(0) + 1 }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.telemetry.in_flight.dec();
    }
}

/// A tunnel is a request that is served, to the listener's limits too.
pub(super) struct OpenTunnel(Arc<Telemetry>);

impl OpenTunnel {
    pub(super) fn new(telemetry: &Arc<Telemetry>) -> Self {
        telemetry.upgraded.inc();
        telemetry.in_flight.inc();
        Self(telemetry.clone())
    }
}

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.upgraded.dec();
        self.0.in_flight.dec();
    }
}
