//! One connection: TLS, which HTTP, and then hyper, until somebody has had enough.

use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, StatusCode, Version, header::CONNECTION};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsStream};
use tracing::debug;

use super::{
    Connection, Counted, Handler, Settings,
    activity::{Activity, Busy, Io, answer},
    patience::Watch,
    proxy_protocol,
};
use crate::{
    config::ListenLimits,
    message::{Fragment, KeepBusy, TlsSession},
    tls::Stream,
    worker::next_turn,
};

/// A connection that was accepted.
pub(super) struct Accepted {
    pub(super) tcp: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) settings: Arc<Settings>,
    pub(super) counted: Counted,
    /// Says, when the listener stops, how long a request may still be waited for.
    pub(super) stopping: watch::Receiver<Option<Duration>>,
}

/// Serves a connection to its end.
pub(super) async fn serve<H: Handler>(accepted: Accepted, handler: Arc<H>) {
    let Accepted { tcp, peer, settings, counted, mut stopping } = accepted;
    // hyper writes whole messages: Nagle's algorithm would only hold back their ends.
    let _ = tcp.set_nodelay(true);
    // What the client does not take of what we have written is the system's to wait for: megabytes, which
    // a slow reader would have it keep for hours. It waits no longer than we do.
    let _ = SockRef::from(&tcp).set_tcp_user_timeout(Some(settings.limits.idle_timeout));
    let greeting = tokio::select! {
        greeting = greet(tcp, peer, &settings) => greeting,
        () = out_of_grace(&mut stopping) => return,
    };
    let Greeting { peer, stream, prefix, http2, tls } = match greeting {
        Ok(greeting) => greeting,
        Err(why) => {
            counted.failed();
            return debug!(%peer, %why, "connection did not begin");
        }
    };
    let activity = Arc::new(Activity::default());
    let watch = Watch::new(&activity, &settings.limits, http2);
    let io = TokioIo::new(Io::new(stream, prefix, &activity, http2, counted));
    let connection = Arc::new(Connection { peer, listener: settings.name.clone(), tls });
    let after = Arc::new(Afterwards::default());
    let later = after.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (handler, connection, busy) = (handler.clone(), connection.clone(), activity.begin());
        if activity.take_fragment() {
            request.extensions_mut().insert(Fragment);
        }
        if may_switch(&request) {
            let guard = later.hold(activity.begin());
            request.extensions_mut().insert(KeepBusy::new(guard));
        }
        let version = request.version();
        // Boxed, for hyper keeps room for one as long as the connection is there: 7 KB of each idle one.
        Box::pin(async move {
            let mut response = handler.handle(request, &connection).await;
            // Streams of HTTP/2 are gathered by their connection anyway.
            if version < Version::HTTP_2 {
                next_turn().await;
            }
            // What becomes another protocol is nothing to close.
            if busy.is_last() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| answer(body, busy, version)))
        })
    });
    if http2 {
        let connection = http2_settings(&settings.limits).serve_connection(io, service);
        // Boxed, so that HTTP/1.1 connections do not carry room for it.
        let finish = http2::Connection::graceful_shutdown;
        Box::pin(drive(connection, finish, watch, stopping)).await;
    } else {
        let connection = http1_settings(&settings.limits).serve_connection(io, service);
        let finish = http1::UpgradeableConnection::graceful_shutdown;
        drive(connection.with_upgrades(), finish, watch, stopping).await;
    }
    after.ended().await;
}

/// Whether the connection may become something else by this request.
fn may_switch(request: &Request<Incoming>) -> bool {
    request.headers().contains_key(http::header::UPGRADE) || request.method() == Method::CONNECT
}

/// What goes on when a connection is no longer HTTP. A connection is over when that is.
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

/// Ready when the listener stops; says how long a request may still be waited for.
async fn stopped(stopping: &mut watch::Receiver<Option<Duration>>) -> Duration {
    let grace = stopping.wait_for(Option::is_some).await.map(|grace| *grace);
    grace.ok().flatten().unwrap_or_default()
}

/// Ready when no request will be waited for any more.
async fn out_of_grace(stopping: &mut watch::Receiver<Option<Duration>>) {
    let grace = stopped(stopping).await;
    tokio::time::sleep(grace).await;
}

/// What is known of a connection before its first request.
struct Greeting {
    /// The client.
    peer: SocketAddr,
    stream: Stream,
    /// What was read to find out the protocol.
    prefix: Bytes,
    http2: bool,
    tls: Option<Arc<TlsSession>>,
}

async fn greet(mut tcp: TcpStream, peer: SocketAddr, settings: &Settings) -> io::Result<Greeting> {
    let limits = &settings.limits;
    let peer = match settings.proxy_protocol.iter().any(|from| from.contains(peer.ip())) {
        true => {
            timeout(limits.head_timeout, proxy_protocol::read(&mut tcp)).await??.unwrap_or(peer)
        }
        false => peer,
    };
    match &settings.tls {
        Some(config) => {
            let handshake = TlsAcceptor::from(config.clone()).accept(tcp);
            let session = Box::new(timeout(limits.head_timeout, handshake).await??);
            let tls = Some(Arc::new(describe(session.get_ref().1)));
            let stream = Stream::Tls(Box::new(TlsStream::Server(*session)));
            Ok(Greeting { peer, http2: stream.chose_h2(), stream, prefix: Bytes::new(), tls })
        }
        None => {
            let mut prefix = BytesMut::with_capacity(4 << 10);
            timeout(limits.idle_timeout, read_some(&tcp, &mut prefix)).await??;
            let http2 = timeout(limits.head_timeout, is_http2(&tcp, &mut prefix)).await??;
            let prefix = prefix.freeze();
            Ok(Greeting { peer, stream: Stream::Plain(tcp), prefix, http2, tls: None })
        }
    }
}

fn describe(session: &rustls::ServerConnection) -> TlsSession {
    let version = session.protocol_version();
    let certificates = session.peer_certificates().unwrap_or_default();
    TlsSession {
        version: match version {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        server_name: session.server_name().map(str::to_owned),
        client_certificate: certificates.first().map(|leaf| leaf.to_vec()),
    }
}

/// Whether the client begins with HTTP/2's preface (RFC 9113, 3.3 and 3.4). What is read for that
/// goes to hyper, so that the first request costs no read more than without looking.
async fn is_http2(tcp: &TcpStream, prefix: &mut BytesMut) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    loop {
        let length = prefix.len().min(PREFACE.len());
        if prefix[..length] != PREFACE[..length] {
            return Ok(false);
        }
        if length == PREFACE.len() {
            return Ok(true);
        }
        if read_some(tcp, prefix).await? == 0 {
            return Ok(false);
        }
    }
}

async fn read_some(tcp: &TcpStream, buffer: &mut BytesMut) -> io::Result<usize> {
    loop {
        tcp.readable().await?;
        match tcp.try_read_buf(buffer) {
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

fn http1_settings(limits: &ListenLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // A client that closes its side is gone: what it asked for is cancelled.
        .half_close(false)
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        // Also the most that is read ahead of a body. hyper wants 8 KiB at least.
        .max_buf_size(limits.head_bytes.max(64 << 10));
    // hyper's own limit is kept on the stack, any other is allocated for each request.
    if limits.headers != 100 {
        builder.max_headers(limits.headers);
    }
    builder
}

fn http2_settings(limits: &ListenLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.h2_streams)
        // WebSocket over HTTP/2 (RFC 8441); routes say whether they take it.
        .enable_connect_protocol()
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        // What one connection can make us hold: 1 MiB of uploads that nobody takes, and 128 KiB of
        // each response that it does not take itself.
        .initial_connection_window_size(1 << 20)
        .initial_stream_window_size(1 << 20)
        .max_send_buf_size(128 << 10)
        // Resets in quick succession (CVE-2023-44487), by the client and provoked by it.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(128)
        // Finds clients that are gone without a word.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Polls a connection to its end; asks it to finish when the listener stops or the client has been
/// idle for too long, and drops it when that does not help.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    connection: C,
    finish: fn(Pin<&mut C>),
    mut watch: Watch,
    mut stopping: watch::Receiver<Option<Duration>>,
) {
    let mut connection = pin!(connection);
    // The future costs a lock to poll, so it is polled once, to be woken, and then when it is ready.
    let news = stopping.clone();
    let mut stop = pin!(stopped(&mut stopping));
    let (mut waiting, mut stopping) = (false, false);
    poll_fn(|cx| {
        loop {
            let is_news = !stopping && !matches!(news.has_changed(), Ok(false));
            if is_news {
                // An answer that is ready by now is to say it.
                watch.last();
            }
            if let Poll::Ready(end) = connection.as_mut().poll(cx) {
                if let Err(why) = end {
                    debug!(%why, "connection ended");
                }
                return Poll::Ready(());
            }
            if is_news || !waiting {
                waiting = true;
                if let Poll::Ready(grace) = stop.as_mut().poll(cx) {
                    stopping = true;
                    if watch.stop(grace) {
                        finish(connection.as_mut());
                    }
                    continue;
                }
            }
            if !ready!(watch.poll_late(cx)) {
                return Poll::Ready(());
            }
            finish(connection.as_mut());
        }
    })
    .await;
}
