//! One connection: TLS, which HTTP, and then that, until somebody has had enough.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsStream};
use tracing::debug;

use super::{
    Connection, Counted, Handler, Settings,
    drive::{Served as _, drive, stopped},
    http1, http2,
    io::Io,
    patience::Watch,
    proxy_protocol,
};
use crate::{message::TlsSession, tls::Stream};

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
    // We write whole messages: Nagle's algorithm would only hold back their ends.
    let _ = tcp.set_nodelay(true);
    // What the client does not take of what we have written is the system's to wait for: megabytes, which
    // a slow reader would have it keep for hours. It waits no longer than we do.
    let _ = SockRef::from(&tcp).set_tcp_user_timeout(Some(settings.limits.idle_timeout));
    let greeting = tokio::select! {
        greeting = greet(tcp, peer, &settings) => greeting,
        () = out_of_grace(&mut stopping) => return,
    };
    let Greeting { peer, stream, read, http2, tls } = match greeting {
        Ok(greeting) => greeting,
        Err(why) => {
            counted.failed();
            return debug!(%peer, %why, "connection did not begin");
        }
    };
    let client = Arc::new(Connection { peer, listener: settings.name.clone(), tls });
    if http2 {
        let io = Io::new(stream, read.freeze(), counted);
        // Boxed, so that HTTP/1.1 connections do not carry room for it.
        let connection = Box::pin(async {
            let mut connection = http2::connection(handler, client, &settings.limits, io);
            let watch = Watch::new(connection.doing(), &settings.limits);
            drive(&mut connection, watch, stopping).await;
            connection.ended().await;
        });
        connection.await;
    } else {
        let io = Io::new(stream, Bytes::new(), counted);
        let mut connection = http1::Connection::new(handler, client, &settings.limits, io, read);
        let watch = Watch::new(connection.doing(), &settings.limits);
        drive(&mut connection, watch, stopping).await;
        connection.ended().await;
    }
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
    read: BytesMut,
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
            Ok(Greeting { peer, http2: stream.chose_h2(), stream, read: BytesMut::new(), tls })
        }
        None => {
            let mut prefix = BytesMut::with_capacity(4 << 10);
            timeout(limits.idle_timeout, read_some(&tcp, &mut prefix)).await??;
            let http2 = timeout(limits.head_timeout, is_http2(&tcp, &mut prefix)).await??;
            Ok(Greeting { peer, stream: Stream::Plain(tcp), read: prefix, http2, tls: None })
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
/// goes with the connection, so that the first request costs no read more than without looking.
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
