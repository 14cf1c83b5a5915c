//! How long a connection may do what it does.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use super::activity::{Activity, Doing};
use crate::{alarm::Alarm, config::ListenLimits};

/// Times what a connection is doing.
pub(super) struct Watch {
    activity: Arc<Activity>,
    idle_timeout: Duration,
    head_timeout: Duration,
    doing: Doing,
    since: Instant,
    /// It was idle for too long, and was asked to close.
    closing: bool,
    /// How long it may still be idle, once the listener stops.
    grace: Option<Duration>,
    http2: bool,
    alarm: Alarm,
}

impl Watch {
    pub(super) fn new(activity: &Arc<Activity>, limits: &ListenLimits, http2: bool) -> Self {
        Self {
            activity: activity.clone(),
            idle_timeout: limits.idle_timeout,
            head_timeout: limits.head_timeout,
            doing: activity.doing(),
            since: Instant::now(),
            closing: false,
            grace: None,
            http2,
            alarm: Alarm::default(),
        }
    }

    /// The listener stops: the next answer is the last one. (HTTP/2 has frames to say so.)
    pub(super) fn last(&self) {
        if !self.http2 {
            self.activity.end();
        }
    }

    /// What that is to the connection. Gives whether the connection may be asked to finish at once: HTTP/2 tells
    /// its client which requests are still answered, and a request that has begun is answered
    /// in any case. But one over HTTP/1.1 may be on the way, and would be lost; so a connection that
    /// waits for it goes on, the answer says that it is the last, and there is less patience.
    pub(super) fn stop(&mut self, grace: Duration) -> bool {
        if self.http2 || self.activity.is_answering() {
            return true;
        }
        self.last();
        self.grace = Some(grace);
        self.since = Instant::now();
        false
    }

    /// Ready when it has been the same for too long: true if the connection may finish in good
    /// order, false if it is to be dropped.
    pub(super) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let doing = self.activity.doing();
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
            Doing::Idle(_) | Doing::Head(_) => self.head_timeout,
            Doing::Blocked(_) => self.idle_timeout,
        };
        ready!(self.alarm.poll_until(self.since + patience, cx));
        let finish = matches!(doing, Doing::Idle(_)) && !self.closing;
        self.closing = true;
        self.since = Instant::now();
        Poll::Ready(finish)
    }
}
