//! A timer that is cheap to move later.
//!
//! Nearly every timeout of a proxy is moved before it rings. Tokio's timer wheel sits behind a lock
//! and pays for every move, so an alarm leaves its timer where it stands as long as that is not too
//! late: it may wake its task early, finds out that it is not time yet, and only then moves.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::time::{Sleep, sleep_until};

/// One timer for a sequence of due times. Nothing is registered before the first wait.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready at `due`, which may differ at every call.
    pub fn poll_until(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let due = tokio::time::Instant::from_std(due);
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() == due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
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
}
