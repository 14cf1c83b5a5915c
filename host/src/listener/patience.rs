//! How long a connection may do what it does.

use std::{
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use super::drive::Doing;
use crate::{alarm::Alarm, config::ListenLimits};

/// How long a client that was told the last may take to see it: what it sends until then is read.
const LINGER: Duration = Duration::from_secs(2);

/// Times what a connection is doing.
pub(super) struct Watch {
    idle_timeout: Duration,
    head_timeout: Duration,
    doing: Doing,
    since: Instant,
    /// It was idle for too long, and was asked to close.
    closing: bool,
    /// How long it may still be idle, once the listener stops.
    grace: Option<Duration>,
    alarm: Alarm,
}

impl Watch {
    /// For a connection that does this.
    pub(super) fn new(doing: Doing, limits: &ListenLimits) -> Self {
        Self {
            idle_timeout: limits.idle_timeout,
            head_timeout: limits.head_timeout,
            doing,
            since: Instant::now(),
            closing: false,
            grace: None,
            alarm: Alarm::default(),
        }
    }

    /// The listener stops: from now on the connection may be idle for no longer than this.
    pub(super) fn stop(&mut self, grace: Duration) {
        self.grace = Some(grace);
        self.since = Instant::now();
    }

    /// Ready when it has been the same for too long: true if the connection may finish in good
    /// order, false if it is to be dropped.
    pub(super) fn poll_late(&mut self, doing: Doing, cx: &mut Context<'_>) -> Poll<bool> {
        if doing != self.doing {
            self.doing = doing;
            self.closing = false;
            // What it is busy with has clocks of its own; to read one more would cost each request 30 ns.
            if doing != Doing::Busy {
                self.since = Instant::now();
            }
        }
        let patience = match doing {
            // As long as it takes: the route's timeout is not ours.
            Doing::Busy => return Poll::Pending,
            Doing::Idle(_) if !self.closing => self.grace.unwrap_or(self.idle_timeout),
            Doing::Idle(_) | Doing::Head(_) | Doing::Skip(_) => self.head_timeout,
            Doing::Blocked(_) | Doing::Rest(_) => self.idle_timeout,
            Doing::Leaving => LINGER,
        };
        ready!(self.alarm.poll_until(self.since + patience, cx));
        let finish = matches!(doing, Doing::Idle(_)) && !self.closing;
        self.closing = true;
        self.since = Instant::now();
        Poll::Ready(finish)
    }
}
