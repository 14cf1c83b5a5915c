//! A connection until somebody has had enough: its client, the listener, or the clock.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::sync::watch;

use super::patience::Watch;

/// What a connection is doing. The number changes when it begins to do the same anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Waits for a request.
    Idle(u64),
    /// Reads a head.
    Head(u64),
    /// A request is being answered.
    Busy,
    /// Waits for the client to take bytes.
    Blocked(u64),
    /// Waits for the rest of a request that was answered.
    Rest(u64),
    /// Reads the rest of a request that was answered for nobody.
    Skip(u64),
    /// Has said the last.
    Leaving,
}

/// A connection that answers requests.
pub(super) trait Served {
    /// Ready when it is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// What it is doing.
    fn doing(&self) -> Doing;

    /// Whether it is to finish at once when the listener stops. HTTP/2 tells its client which requests are still
    /// answered, and one that has begun is answered in any case. But one over HTTP/1.1 may be on the way, and
    /// would be lost.
    fn is_answering(&self) -> bool;

    /// The next answer is to be the last one.
    fn say_last(&mut self);

    /// Ends it in good order, once what has begun is answered.
    fn finish(&mut self);
}

/// Ready when the listener stops; says how long a request may still be waited for.
pub(super) async fn stopped(stopping: &mut watch::Receiver<Option<Duration>>) -> Duration {
    let grace = stopping.wait_for(Option::is_some).await.map(|grace| *grace);
    grace.ok().flatten().unwrap_or_default()
}

/// Polls a connection to its end; asks it to finish when the listener stops or the client has been
/// idle for too long, and drops it when that does not help.
pub(super) async fn drive(
    connection: &mut impl Served,
    mut watch: Watch,
    mut stopping: watch::Receiver<Option<Duration>>,
) {
    // The future costs a lock to poll, so it is polled once, to be woken, and then when it is ready.
    let news = stopping.clone();
    let mut stop = pin!(stopped(&mut stopping));
    let (mut waiting, mut stopping) = (false, false);
    poll_fn(|cx| {
        loop {
            let is_news = !stopping && !matches!(news.has_changed(), Ok(false));
            if is_news {
                // An answer that is ready by now is to say it.
                connection.say_last();
            }
            if connection.poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if is_news || !waiting {
                waiting = true;
                if let Poll::Ready(grace) = stop.as_mut().poll(cx) {
                    stopping = true;
                    connection.say_last();
                    match connection.is_answering() {
                        true => connection.finish(),
                        // It goes on, its answer says that it is the last, and there is less patience.
                        false => watch.stop(grace),
                    }
                    continue;
                }
            }
            if !ready!(watch.poll_late(connection.doing(), cx)) {
                return Poll::Ready(());
            }
            connection.finish();
        }
    })
    .await;
}
