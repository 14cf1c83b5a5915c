//! A timer that is cheap to move later.
//!
//! Nearly every timeout of a proxy is moved before it rings. Tokio's timer wheel sits behind a lock
//! and pays for every move, so an alarm leaves its timer where it stands as long as that is not too
//! late: it may wake its task early, finds out that it is not time yet, and only then moves.

use std::{
    future::Future as _,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

use tokio::{
    task::unconstrained,
    time::{Sleep, sleep_until},
};

/// One timer for a sequence of due times. Nothing is registered before the first wait.
#[derive(Debug, Default)]
pub struct Alarm(Option<Armed>);

#[derive(Debug)]
struct Armed {
    sleep: Pin<Box<Sleep>>,
    /// Whom it wakes.
    waker: Waker,
}

impl Alarm {
    /// Ready at `due`, which may differ at every call.
    pub fn poll_until(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let due = tokio::time::Instant::from_std(due);
        match &mut self.0 {
            // By far the most calls: it wakes the right task, and not too late.
            Some(Armed { sleep, waker })
                if sleep.deadline() <= due
                    && waker.will_wake(cx.waker())
                    && !sleep.is_elapsed() =>
            {
                Poll::Pending
            }
            armed => {
                let armed = armed.get_or_insert_with(|| Armed {
                    sleep: Box::pin(sleep_until(due)),
                    waker: cx.waker().clone(),
                });
                armed.waker.clone_from(cx.waker());
                armed.poll_until(due, cx)
            }
        }
    }
}

impl Armed {
    fn poll_until(&mut self, due: tokio::time::Instant, cx: &mut Context<'_>) -> Poll<()> {
        if self.sleep.deadline() > due {
            self.sleep.as_mut().reset(due);
        }
        loop {
            // However much the task has done in this turn: a `Sleep` without budget says "not yet" and registers
            // nothing, which nobody would notice before another due time is earlier.
            ready!(pin!(unconstrained(self.sleep.as_mut())).poll(cx));
            if self.sleep.deadline() == due {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rings_at_the_last_due_time() {
        let start = tokio::time::Instant::now();
        let after = |seconds| start.into_std() + Duration::from_secs(seconds);
        let mut alarm = Alarm::default();
        poll_fn(|cx| {
            assert!(alarm.poll_until(after(5), cx).is_pending());
            assert!(alarm.poll_until(after(9), cx).is_pending());
            assert!(alarm.poll_until(after(3), cx).is_pending());
            Poll::Ready(())
        })
        .await;
        poll_fn(|cx| alarm.poll_until(after(7), cx)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn rings_for_a_task_that_has_done_enough_for_this_turn() {
        let start = tokio::time::Instant::now();
        let due = start.into_std() + Duration::from_secs(5);
        let (mut alarm, mut is_tired) = (Alarm::default(), false);
        let rings = poll_fn(|cx| {
            while !std::mem::replace(&mut is_tired, true) {
                is_tired = pin!(tokio::task::consume_budget()).poll(cx).is_pending();
            }
            alarm.poll_until(due, cx)
        });
        tokio::time::timeout(Duration::from_secs(60), rings).await.expect("it rings");
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_whoever_asked_last() {
        let start = tokio::time::Instant::now();
        let due = start.into_std() + Duration::from_secs(5);
        let mut alarm = Alarm::default();
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(alarm.poll_until(due, &mut nobody).is_pending());
        poll_fn(|cx| alarm.poll_until(due, cx)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        // It has rung, and rings again at a later time.
        let due = due + Duration::from_secs(1);
        poll_fn(|cx| alarm.poll_until(due, cx)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(6));
    }
}
