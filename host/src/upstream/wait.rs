//! How long an attempt may take, and the wait for the head of its response.

use std::{
    future::poll_fn,
    task::{Poll, ready},
    time::{Duration, Instant},
};

use super::{Phase, Upstream, lease::Lease, unanswered::Unanswered, upload::Upload};

use crate::heads::ResponseHead;

impl Upstream {
    /// How long one attempt may take. A body that is streamed has its own pace and could not be
    /// sent again, so it is not hurried.
    pub(super) fn until(&self, deadline: Instant, upload: Option<&Upload>) -> Until {
        let whole = Until { at: deadline, phase: Phase::Total };
        match self.settings.try_timeout {
            Some(most) if upload.is_none() => {
                let at = Instant::now() + most;
                if at < deadline { Until { at, phase: Phase::Try } } else { whole }
            }
            _ => whole,
        }
    }
}

/// Until when, and what is over then.
#[derive(Clone, Copy)]
pub(super) struct Until {
    pub(super) at: Instant,
    pub(super) phase: Phase,
}

/// How long to wait for a response head.
pub(super) struct Wait<'a> {
    /// Since when.
    pub(super) since: Instant,
    /// From the end of the request.
    pub(super) head: Duration,
    pub(super) until: Until,
    /// The request's body, if it is streamed.
    pub(super) upload: Option<&'a Upload>,
}

impl Wait<'_> {
    pub(super) async fn on(
        self,
        lease: &mut Lease,
    ) -> Result<Result<ResponseHead, Unanswered>, Phase> {
        let mut check = self.until.at.min(self.since + self.head);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = lease.poll_head(cx) {
                return Poll::Ready(Ok(answer));
            }
            loop {
                ready!(lease.alarm.poll_until(check, cx));
                match self.late(check) {
                    Ok(next) => check = next,
                    Err(phase) => return Poll::Ready(Err(phase)),
                }
            }
        })
        .await
    }

    /// When to look again, at the time `now`.
    fn late(&self, now: Instant) -> Result<Instant, Phase> {
        if now >= self.until.at {
            return Err(self.until.phase);
        }
        let since = match self.upload {
            None => return Err(Phase::Head),
            // Still being sent: its own pace is watched where it is read.
            Some(upload) => upload.ended().unwrap_or(now),
        };
        let due = since + self.head;
        if due <= now { Err(Phase::Head) } else { Ok(due.min(self.until.at)) }
    }
}
