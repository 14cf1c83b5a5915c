//! From a target to a connection: name, TCP, TLS, HTTP.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    time::{timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, TlsStream};
use tracing::{info, warn};

use super::{
    address::Policy,
    advice,
    connection::{Connection, Http1, Http2, Usage, drive},
    http1, names,
    outlier::CHANCE,
    resolve::Origin,
    stats::{Counters, Open},
    target::Target,
};
use crate::{
    alarm::Alarm,
    body::with_sources,
    config::{self, Protocol},
    tls::{self, Stream},
};

/// How connections to an upstream's targets are made.
pub(super) struct Connector {
    /// Whose, for the log.
    upstream: Arc<str>,
    tls: Option<TlsConnector>,
    protocol: Protocol,
    policy: Policy,
    /// Whom names are asked of.
    dns: Arc<[SocketAddr]>,
    connect_timeout: Duration,
    keep_alive: Duration,
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum ConnectError {
    Failed(String),
    /// The name stands for no address, as far as anybody says in time.
    LookUp(String),
    Denied(String),
    Timeout,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => write!(f, "cannot connect: {why}"),
            Self::LookUp(why) => write!(f, "the name cannot be looked up: {why}"),
            Self::Denied(why) => write!(f, "may not be called: {why}"),
            Self::Timeout => f.write_str("connecting took too long"),
        }
    }
}

impl Connector {
    pub(super) fn new(upstream: &config::Upstream, policy: Policy) -> Result<Self, String> {
        let client = |tls| tls::client_config(tls, upstream.protocol);
        Ok(Self {
            upstream: upstream.name.clone(),
            tls: upstream.tls.as_ref().map(client).transpose()?.map(TlsConnector::from),
            protocol: upstream.protocol,
            policy,
            dns: upstream.dns.clone(),
            connect_timeout: upstream.connect_timeout,
            keep_alive: upstream.keep_alive,
        })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the target's connection is one that all requests of a worker share.
    pub(super) fn is_shared(&self, target: &Target) -> bool {
        match self.protocol {
            Protocol::Http1 => false,
            Protocol::H2 => true,
            Protocol::Auto => self.is_tls() && target.expects_h2.load(Relaxed),
        }
    }

    /// Makes one connection, within the connect timeout and before `deadline`.
    pub(super) async fn connect(
        &self,
        target: &Target,
        index: usize,
        counters: &Arc<[Counters]>,
        deadline: Instant,
    ) -> Result<Connection, ConnectError> {
        let until = deadline.min(Instant::now() + self.connect_timeout);
        let begun = Instant::now();
        let generation = target.addresses.generation();
        let made = async {
            // With a timeout of its own: that nobody knows the name is no slow connection.
            let addresses = self.resolve(target, until).await?;
            let reached = async {
                let (stream, address) = self.tcp(&addresses, until).await?;
                let stream = self.secure(stream, target).await?;
                let h2 = self.protocol == Protocol::H2 || stream.chose_h2();
                target.expects_h2.store(h2, Relaxed);
                let origin = Origin::new(address, generation);
                self.speak(stream, h2, origin, Open::count(counters, index)).await
            };
            timeout_at(until.into(), reached).await.unwrap_or(Err(ConnectError::Timeout))
        };
        let result = made.await;
        match &result {
            Ok(_) if target.reached() => {
                info!(
                    upstream = &*self.upstream,
                    target = &*target.name,
                    "takes connections again"
                );
            }
            Ok(_) => {}
            Err(why) => {
                counters[index].connect_failed();
                // With next to no time left nobody can be reached.
                let is_theirs = Instant::now() < until || begun.elapsed() >= CHANCE;
                // Of names the resolver tells.
                let is_told = matches!(why, ConnectError::LookUp(_) | ConnectError::Denied(_));
                if is_theirs {
                    target.connect_failed();
                }
                if is_theirs && !is_told && target.is_out_anew() {
                    warn!(
                        upstream = &*self.upstream,
                        target = &*target.name,
                        reason = %why,
                        "does not take connections"
                    );
                }
            }
        }
        result
    }

    /// TCP to the first address that answers. Each has an equal share of the time that is left, so
    /// that one that swallows packets does not use up all of it.
    async fn tcp(
        &self,
        addresses: &[SocketAddr],
        until: Instant,
    ) -> Result<(TcpStream, SocketAddr), ConnectError> {
        self.policy.check(addresses).map_err(ConnectError::Denied)?;
        let mut last = ConnectError::Timeout;
        for (index, address) in addresses.iter().enumerate() {
            let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let share = until.saturating_duration_since(Instant::now()) / left;
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((nodelay(stream)?, *address)),
                Ok(Err(why)) => last = failed(why),
                Err(_) => last = ConnectError::Timeout,
            }
        }
        Err(last)
    }

    async fn resolve(
        &self,
        target: &Target,
        until: Instant,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Some(address) = target.address() {
            return Ok(vec![address]);
        }
        if let Some(known) = target.addresses.known() {
            return Ok(known);
        }
        let begun = Instant::now();
        let looking = names::look_up(&target.host, target.port, &self.dns, &[]);
        let why = match timeout_at(until.into(), looking).await {
            Ok(Ok(found)) => return Ok(found.addresses),
            Ok(Err(why)) => why,
            Err(_) => format!("nobody has answered within {:.0?}", begun.elapsed()),
        };
        Err(ConnectError::LookUp(format!("{why}; check the name and {}", self.asked())))
    }

    /// Whom names are asked of, for people.
    fn asked(&self) -> String {
        if self.dns.is_empty() {
            return "the servers in /etc/resolv.conf".to_owned();
        }
        let servers: Vec<_> = self.dns.iter().map(SocketAddr::to_string).collect();
        format!("the servers of `[dns]` ({})", servers.join(", "))
    }

    async fn secure(&self, tcp: TcpStream, target: &Target) -> Result<Stream, ConnectError> {
        let (Some(tls), Some(name)) = (&self.tls, &target.server_name) else {
            return Ok(Stream::Plain(tcp));
        };
        let session =
            tls.connect(name.clone(), tcp).await.map_err(|why| ConnectError::Failed(told(&why)))?;
        Ok(Stream::Tls(Box::new(TlsStream::Client(session))))
    }

    async fn speak(
        &self,
        stream: Stream,
        h2: bool,
        origin: Origin,
        open: Open,
    ) -> Result<Connection, ConnectError> {
        if !h2 {
            let connection = Box::new(http1::Connection::new(stream));
            let alarm = Alarm::default();
            return Ok(Connection::Http1(Http1 { connection, alarm, origin, _open: open }));
        }
        let failed = |why: hyper::Error| ConnectError::Failed(with_sources(&why));
        let io = TokioIo::new(stream);
        let (sender, connection) = http2_settings().handshake(io).await.map_err(failed)?;
        let usage = Usage::new(origin);
        drive(connection, usage.clone(), self.keep_alive, open);
        Ok(Connection::Http2(Http2 { sender, usage }))
    }
}

/// Why there is no TLS, and what to do about it.
fn told(why: &io::Error) -> String {
    match advice::of_tls(why) {
        Some(advice) => format!("TLS: {why}; {advice}"),
        None => format!("TLS: {why}"),
    }
}

/// What is held of each response that its client does not take, in bytes; a proxy reads ahead no further. hyper's
/// own 2 MB are made for downloads by one client.
const STREAM_WINDOW: u32 = 256 << 10;

/// Of a connection as a whole: no bound (RFC 9113, 6.9.1). With one, as many clients as fill it, because they stopped
/// reading, would stop the responses of all others that share the connection.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

fn http2_settings() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(256 << 10)
        .max_header_list_size(64 << 10)
        // Finds a peer that is gone while requests wait for it.
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// Messages are written whole: Nagle's algorithm would only hold back their ends.
fn nodelay(stream: TcpStream) -> Result<TcpStream, ConnectError> {
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

#[allow(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn failed(why: io::Error) -> ConnectError {
    ConnectError::Failed(why.to_string())
}
