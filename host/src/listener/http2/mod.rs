//! HTTP/2 to clients (RFC 9113), by hyper.

mod activity;

use std::{
    convert::Infallible,
    error::Error as _,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Method;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tracing::{debug, info};

use self::activity::{Activity, Busy, Noted, answer};
use super::{
    Connection as Client, Handler,
    drive::{Doing, Served},
    io::Io,
};
use crate::{
    body::{Body, with_sources},
    config::ListenLimits,
    heads::{Request, Response},
    message::KeepBusy,
};

/// A client's connection.
pub(super) struct Connection<C> {
    hyper: Pin<Box<C>>,
    finish: fn(Pin<&mut C>),
    activity: Arc<Activity>,
    after: Arc<Afterwards>,
    client: Arc<Client>,
}

/// A connection whose requests `handler` answers.
pub(super) fn connection<H: Handler>(
    handler: Arc<H>,
    client: Arc<Client>,
    limits: &ListenLimits,
    io: Io,
) -> Connection<impl Future<Output = hyper::Result<()>>> {
    let (activity, after) = (Arc::new(Activity::default()), Arc::new(Afterwards::default()));
    let io = TokioIo::new(Noted::new(io, &activity));
    let (doing, later) = (activity.clone(), after.clone());
    let its_client = client.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (handler, client, busy) = (handler.clone(), client.clone(), doing.begin());
        let mut request = Request::from(request.map(Body::Stream));
        if request.head.method == Method::CONNECT {
            let guard = later.hold(doing.begin());
            request.head.extensions.insert(KeepBusy::new(guard));
        }
        Box::pin(async move {
            let Response { head, body } = handler.handle(request, &client).await;
            let response = Response { head, body: answer(body, busy) };
            Ok::<_, Infallible>(http::Response::from(response))
        })
    });
    let hyper = Box::pin(settings(limits).serve_connection(io, service));
    let finish = http2::Connection::graceful_shutdown;
    Connection { hyper, finish, activity, after, client: its_client }
}

impl<C: Future<Output = hyper::Result<()>>> Connection<C> {
    /// Ready when what its streams have become is over as well.
    pub(super) async fn ended(self) {
        self.after.ended().await;
    }
}

impl<C: Future<Output = hyper::Result<()>>> Served for Connection<C> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.hyper.as_mut().poll(cx)) {
            let (listener, peer) = (&*self.client.listener, self.client.peer);
            let why = with_sources(&error);
            match is_breach(&error) {
                true => info!(listener, %peer, why, "ended a connection: this is no HTTP/2"),
                false => debug!(listener, %peer, why, "connection ended"),
            }
        }
        Poll::Ready(())
    }

    fn doing(&self) -> Doing {
        self.activity.doing()
    }

    fn is_answering(&self) -> bool {
        true
    }

    /// There are frames to say so, which [`finish`](Self::finish) sends.
    fn say_last(&mut self) {}

    fn finish(&mut self) {
        (self.finish)(self.hyper.as_mut());
    }
}

/// Whether the client broke the protocol. All of its requests on the connection are lost then, also those that had
/// nothing to do with it, and somebody will ask why.
fn is_breach(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(h2::Error::is_library)
}

/// What goes on when a stream is no longer HTTP. A connection is over when that is.
#[derive(Default)]
struct Afterwards(Mutex<Vec<oneshot::Receiver<()>>>);

impl Afterwards {
    /// A guard: as long as it lives the connection is busy, and not over.
    fn hold(&self, busy: Busy) -> (Mutex<Busy>, oneshot::Sender<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are over are forgotten, so that a long connection does not collect them.
        all.retain_mut(|one| matches!(one.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        all.push(receiver);
        (Mutex::new(busy), sender)
    }

    async fn ended(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for one in all {
            let _ = one.await;
        }
    }
}

/// In bytes.
const CONNECTION_WINDOW: u32 = 1 << 20;

fn settings(limits: &ListenLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams)
        // WebSocket over HTTP/2 (RFC 8441); routes say whether they take it.
        .enable_connect_protocol()
        // A head over this is a stream that was refused, which clients take for leave to try again. So it is far
        // above `limits.head_bytes`, and a head in between is told that it is too large.
        .max_header_list_size(u32::try_from(4 * limits.head_bytes).unwrap_or(u32::MAX))
        // What one connection can make us hold: 1 MiB of uploads that nobody takes, and 128 KiB of each response
        // that it does not take itself. One upload takes a quarter of it, so that one whose service does not
        // read leaves room for others. (With room for all streams a client could make us hold 128 times 256 KiB
        // in frames of one byte, of which each takes 330.)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(CONNECTION_WINDOW / 4)
        .max_send_buf_size(128 << 10)
        // Resets in quick succession (CVE-2023-44487), by the client and provoked by it.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(128)
        // Finds clients that are gone without a word.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
