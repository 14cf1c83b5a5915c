//! Whose fault it is: what a target does is counted, and held for or against it, by ejection and by the breaker. An
//! answer is to its credit when all of it was there: its head alone is no proof, for a body may still break off.

use std::{
    fmt::Display,
    sync::{Arc, Mutex},
};

use http::StatusCode;
use tracing::{debug, info, warn};

use super::{breaker::Breaker, outlier::is_failure, pool::Slot, stats::Break, target::Target};
use crate::{
    body::BodyError,
    config::{self, Eject},
};

/// What the workers' slots have in common, to say what they have seen of the targets.
pub(super) struct Blame {
    pub(super) upstream: Arc<str>,
    pub(super) targets: Arc<[Target]>,
    pub(super) eject: Option<Eject>,
    /// Held while a target is ejected.
    pub(super) ejecting: Mutex<()>,
    pub(super) breaker: Option<Breaker>,
}

/// Whose response it is, for the log.
pub(super) struct Label {
    pub(super) route: Arc<str>,
    pub(super) request: Arc<str>,
}

impl Blame {
    pub(super) fn new(settings: &config::Upstream, targets: Arc<[Target]>) -> Self {
        let upstream = settings.name.clone();
        let breaker = settings.breaker.map(|breaker| Breaker::new(upstream.clone(), breaker));
        Self { upstream, targets, eject: settings.eject, ejecting: Mutex::default(), breaker }
    }
}

impl Slot {
    /// A target has begun to answer, with this status.
    pub(super) fn responded(&self, target: usize, status: StatusCode) {
        self.counters[target].answered(Some(status));
        if is_failure(status) {
            self.failed(target, &status);
        }
    }

    /// A target has not answered.
    pub(super) fn unanswered(&self, target: usize, why: &dyn Display) {
        self.counters[target].answered(None);
        self.failed(target, why);
    }

    /// All of a good answer was there.
    pub(super) fn succeeded(&self, target: usize) {
        if self.blame.eject.is_some() {
            self.blame.targets[target].outlier.succeeded();
        }
    }

    /// A response broke off. Without a label whoever asked for it has his own ways.
    pub(super) fn broke_off(
        &self,
        target: usize,
        why: &BodyError,
        is_theirs: bool,
        label: Option<&Label>,
    ) {
        let Some(cause) = Break::of(why) else { return };
        self.counters[target].broke_off(cause);
        let Blame { upstream, targets, .. } = &*self.blame;
        let (upstream, name, cause) = (&**upstream, &*targets[target].name, cause.name());
        let Some(Label { route, request }) = label else {
            return debug!(upstream, target = name, cause, "a response broke off: {why}");
        };
        let (route, request) = (&**route, &**request);
        // (A level is a constant to tracing.)
        macro_rules! say {
            ($level:ident) => {
                $level!(
                    upstream,
                    target = name,
                    route,
                    request,
                    cause,
                    "the response broke off: {why}"
                )
            };
        }
        if is_theirs { say!(warn) } else { say!(info) }
    }

    /// A response with a good head was none that is whole, and the target is to blame.
    pub(super) fn no_success(&self, target: usize, why: &BodyError) {
        self.failed(target, why);
        self.blame.breaker.iter().for_each(Breaker::broke_off);
    }

    /// It has failed, with its answer or without one.
    fn failed(&self, target: usize, why: &dyn Display) {
        self.learn_failure(target);
        self.blame.failed(target, why);
    }
}
