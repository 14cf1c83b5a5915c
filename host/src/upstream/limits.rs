//! What may be asked of an upstream at a time. Whoever comes when that is reached is refused at
//! once: a queue before a service that is slow would only make everybody late.
//!
//! Connections have no limit of their own. There are never more than requests in flight and
//! `keep_alive.connections` for each worker and target, and a limit below that would be used up by
//! idle connections of other workers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use super::UpstreamError;
use crate::config;

/// An upstream's limits. Where there is none, nothing is counted.
#[derive(Debug, Default)]
pub(super) struct Limits {
    in_flight: Option<Arc<Gate>>,
    pending: Option<Arc<Gate>>,
}

/// What one limit has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitStats {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Whether it is reached, so that the next request is refused.
    pub reached: bool,
    /// Requests that were refused for it.
    pub refused: u64,
}

impl Limits {
    pub(super) fn new(settings: &config::Upstream) -> Self {
        let gate = |name, most: Option<usize>| {
            let upstream = settings.name.clone();
            most.map(|most| {
                let (count, refused) = (AtomicUsize::new(0), AtomicU64::new(0));
                Arc::new(Gate { upstream, name, most, count, refused })
            })
        };
        Self {
            in_flight: gate("in_flight", settings.limits.in_flight),
            pending: gate("pending", settings.limits.pending),
        }
    }

    /// A request wants in.
    pub(super) fn request(&self) -> Result<Option<Pass>, UpstreamError> {
        self.in_flight.as_ref().map(Gate::enter).transpose()
    }

    /// A request wants a new connection.
    pub(super) fn connect(&self) -> Result<Option<Pass>, UpstreamError> {
        self.pending.as_ref().map(Gate::enter).transpose()
    }

    pub(super) fn stats(&self) -> Vec<LimitStats> {
        let gates = self.in_flight.iter().chain(&self.pending);
        gates.map(|gate| gate.stats()).collect()
    }
}

#[derive(Debug)]
struct Gate {
    upstream: Arc<str>,
    name: &'static str,
    most: usize,
    count: AtomicUsize,
    refused: AtomicU64,
}

/// Counts for as long as it lives.
#[derive(Debug)]
pub(super) struct Pass(Arc<Gate>);

impl Gate {
    fn enter(self: &Arc<Self>) -> Result<Pass, UpstreamError> {
        // Whoever is refused was counted for a moment; `most` itself is never passed by those in.
        let before = self.count.fetch_add(1, Relaxed);
        let pass = Pass(self.clone());
        if before < self.most {
            return Ok(pass);
        }
        self.refused.fetch_add(1, Relaxed);
        Err(UpstreamError::Busy { upstream: self.upstream.clone(), limit: self.name })
    }

    fn stats(&self) -> LimitStats {
        LimitStats {
            name: self.name,
            reached: self.count.load(Relaxed) >= self.most,
            refused: self.refused.load(Relaxed),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::UpstreamLimits, upstream::tests::settings};

    #[test]
    fn as_many_as_may_and_no_more() {
        let mut settings = settings(&[]);
        settings.limits = UpstreamLimits { in_flight: Some(2), pending: None };
        let limits = Limits::new(&settings);
        let one = limits.request().unwrap().unwrap();
        assert!(!limits.stats()[0].reached);
        let two = limits.request().unwrap().unwrap();
        let refused = limits.request().unwrap_err().to_string();
        assert_eq!(refused, "service: `limits.in_flight` is reached");
        assert!(limits.connect().unwrap().is_none(), "no limit, no pass");
        let stats = LimitStats { name: "in_flight", reached: true, refused: 1 };
        assert_eq!(limits.stats(), [stats]);
        drop(one);
        drop(limits.request().unwrap());
        drop(two);
        assert!(!limits.stats()[0].reached);
    }
}
