//! What an upstream counts.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;

use crate::body::BodyError;

use super::{
    breaker::BreakerStats,
    limits::LimitStats,
    signals::{CLASSES, Classes, SignalStats},
};

/// Why a response broke off, as far as its upstream can tell: what its client does it does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// The target ended it, or sent what cannot be read.
    Upstream,
    /// Nothing came for `timeouts.idle`.
    Idle,
    /// The exchange had had its time.
    Deadline,
}

/// What these are called, in their order.
pub const BREAKS: [&str; 3] = ["upstream", "idle", "deadline"];

impl Break {
    /// None where the upstream has no part in it.
    pub(super) fn of(why: &BodyError) -> Option<Self> {
        match why {
            BodyError::Aborted(_) => Some(Self::Upstream),
            BodyError::Timeout => Some(Self::Idle),
            BodyError::Deadline { .. } => Some(Self::Deadline),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        BREAKS[self as usize]
    }
}

/// One target's numbers, summed over the workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStats {
    /// `host:port`
    pub target: Arc<str>,
    /// Its share of the requests, against the others'.
    pub weight: u32,
    /// What its name stands for; none where it is an address, or looked up for each connection.
    pub addresses: Vec<SocketAddr>,
    /// When that is looked up again, from now.
    pub next_look_up: Option<Duration>,
    /// Neither taken out by health checks, nor ejected, and the last connection that was tried came to be.
    pub healthy: bool,
    /// For how long it is still ejected; none if it is not.
    pub ejected: Option<Duration>,
    /// How often it was ejected.
    pub ejections: u64,
    /// Requests sent, repeated ones counted again.
    pub requests: u64,
    /// What came of them, repeated ones counted again, by [`CLASSES`]; the last are those that it did not answer, for
    /// want of a connection too.
    pub answers: [u64; CLASSES.len()],
    /// Responses that broke off, by [`BREAKS`].
    pub broken: [u64; BREAKS.len()],
    /// Requests whose response has not ended.
    pub in_flight: u64,
    /// Connections made.
    pub connects: u64,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Connections that are open.
    pub open: u64,
    /// Of these, HTTP/1.1 ones that wait for a request.
    pub idle: u64,
}

/// An upstream's own numbers, beside those of its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamStats {
    /// Requests that were sent again.
    pub retries: u64,
    /// Requests that were not, for too many were.
    pub retry_budget_exhausted: u64,
    /// Requests that were sent to another target as well.
    pub hedges: u64,
    /// Of these, how many that target answered first.
    pub hedges_won: u64,
    /// Each of its limits.
    pub limits: Vec<LimitStats>,
    /// Its breaker, if it has one.
    pub breaker: Option<BreakerStats>,
    /// What came of the requests.
    pub signals: SignalStats,
}

/// One worker's numbers for one target. Aligned, so that no other worker writes to its cache line
/// (two of them: processors fetch lines in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    requests: AtomicU64,
    answers: Classes,
    broken: [AtomicU64; BREAKS.len()],
    in_flight: AtomicU64,
    connects: AtomicU64,
    connect_failures: AtomicU64,
    open: AtomicU64,
}

impl Counters {
    pub(super) fn add_to(&self, sum: &mut TargetStats) {
        sum.requests += self.requests.load(Relaxed);
        self.answers.add_to(&mut sum.answers);
        let broken = sum.broken.iter_mut().zip(&self.broken);
        broken.for_each(|(sum, part)| *sum += part.load(Relaxed));
        sum.in_flight += self.in_flight.load(Relaxed);
        sum.connects += self.connects.load(Relaxed);
        sum.connect_failures += self.connect_failures.load(Relaxed);
        sum.open += self.open.load(Relaxed);
    }

    pub(super) fn request_began(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// It has answered so, or not.
    pub(super) fn answered(&self, status: Option<StatusCode>) {
        self.answers.count(status);
    }

    /// A response of its own broke off.
    pub(super) fn broke_off(&self, cause: Break) {
        self.broken[cause as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn request_ended(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(super) fn connect_failed(&self) {
        self.connect_failures.fetch_add(1, Relaxed);
    }
}

/// An open connection, counted until this is dropped.
#[derive(Debug)]
pub(super) struct Open {
    counters: Arc<[Counters]>,
    target: usize,
}

impl Open {
    pub(super) fn count(counters: &Arc<[Counters]>, target: usize) -> Self {
        counters[target].connects.fetch_add(1, Relaxed);
        counters[target].open.fetch_add(1, Relaxed);
        Self { counters: counters.clone(), target }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters[self.target].open.fetch_sub(1, Relaxed);
    }
}
