//! A connection to a target, and who notices that it has ended.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, ready},
    time::{Duration, Instant},
};

use hyper::client::conn::http2;
use tracing::debug;

use super::{http1, resolve::Origin, stats::Open};
use crate::{alarm::Alarm, body::Body};

/// What requests are sent on.
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// One request at a time.
pub(super) struct Http1 {
    /// In a box, for it goes from hand to hand.
    pub(super) connection: Box<http1::Connection>,
    /// For whichever exchange holds the connection: kept with it, so that a request on a kept
    /// connection registers no timer.
    pub(super) alarm: Alarm,
    /// To where it goes.
    pub(super) origin: Origin,
    /// Counted until this is dropped.
    pub(super) _open: Open,
}

/// Many requests at a time, on a connection that a task drives.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    pub(super) sender: http2::SendRequest<Body>,
    pub(super) usage: Arc<Usage>,
}

/// Whether a shared connection is in use, and since when not. It belongs to one thread; the atomics only
/// make it `Sync`.
#[derive(Debug)]
pub(super) struct Usage {
    origin: Origin,
    opened: Instant,
    exchanges: AtomicUsize,
    /// Microseconds since `opened`.
    idle_since: AtomicU64,
}

impl Usage {
    pub(super) fn new(origin: Origin) -> Arc<Self> {
        let (exchanges, idle_since) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { origin, opened: Instant::now(), exchanges, idle_since })
    }

    /// To where the connection goes.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn begin(&self) {
        self.exchanges.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self) {
        let now = self.opened.elapsed().as_micros();
        self.idle_since.store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
        self.exchanges.fetch_sub(1, Relaxed);
    }

    fn idle_since(&self) -> Option<Instant> {
        let idle = self.exchanges.load(Relaxed) == 0;
        idle.then(|| self.opened + Duration::from_micros(self.idle_since.load(Relaxed)))
    }
}

/// Drives a shared connection until it ends, or until it has been idle for `keep_alive`. So nobody has
/// to go through the pools to find old connections.
pub(super) fn drive(
    connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
    usage: Arc<Usage>,
    keep_alive: Duration,
    open: Open,
) {
    tokio::spawn(async move {
        let _open = open;
        let mut connection = pin!(connection);
        let mut alarm = Alarm::default();
        let mut check = Instant::now() + keep_alive;
        poll_fn(|cx| {
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                if let Err(why) = end {
                    debug!(%why, "upstream connection ended");
                }
                return Poll::Ready(());
            }
            loop {
                ready!(alarm.poll_until(check, cx));
                check = match usage.idle_since() {
                    None => Instant::now() + keep_alive.max(Duration::from_millis(1)),
                    Some(since) if since + keep_alive <= check => return Poll::Ready(()),
                    Some(since) => since + keep_alive,
                };
            }
        })
        .await;
    });
}
