//! Who notices that a kept connection has ended, or has been kept long enough.
//!
//! One task for each target of a worker, for as long as connections to it are kept. An exchange that
//! takes one of them takes its wake-ups too, so while requests follow each other the task sleeps.

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker, ready},
};

use super::pool::Slot;
use crate::alarm::Alarm;

/// Begins to watch the connections to a target. The waker is for the time until it has looked at
/// them itself.
pub(super) fn watch(slot: &Arc<Slot>, target: usize) -> Waker {
    let mut watched = Watched { slot: Arc::downgrade(slot), target, alarm: Alarm::default() };
    tokio::spawn(poll_fn(move |cx| watched.poll(cx)));
    Waker::noop().clone()
}

struct Watched {
    slot: Weak<Slot>,
    target: usize,
    alarm: Alarm,
}

impl Watched {
    /// Ready when no connections are kept: whoever keeps the next one begins anew.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(slot) = self.slot.upgrade() else { return Poll::Ready(()) };
            let Some(next) = slot.sweep(self.target, cx) else { return Poll::Ready(()) };
            drop(slot);
            ready!(self.alarm.poll_until(next, cx));
        }
    }
}
