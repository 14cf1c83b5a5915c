//! The clients' side: sockets, TLS, and hyper's connections.
//!
//! ```text
//! bind        one address, one socket for each worker
//! mod         a worker's accept loop, the cap on connections, and the drain
//! connection  from a socket to requests; who is too slow is let go
//! proxy_protocol
//!             whose connection it is, where a balancer says so
//! activity    what a connection is doing
//! ```

mod activity;
mod bind;
mod connection;
mod proxy_protocol;

pub use bind::{BindError, bind};

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tracing::{debug, warn};

use crate::{
    body::Body,
    config::{ListenLimits, Network},
    message::TlsSession,
};
use connection::Accepted;

/// Answers requests. Give each worker one of its own: it is cloned by reference for every request.
pub trait Handler: Send + Sync + 'static {
    /// Answers one. The future is dropped where the client leaves.
    fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// What is known of the connection that a request came on.
#[derive(Debug)]
pub struct Connection {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The socket's other end, or the client that it named in a PROXY header.
    pub peer: SocketAddr,
    /// The TLS session, if there is one.
    pub tls: Option<Arc<TlsSession>>,
}

/// What may be changed while a listener runs; a connection keeps what it began with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The listener's name.
    pub name: Arc<str>,
    /// What one client may use up.
    pub limits: ListenLimits,
    /// Peers whose connections begin with a PROXY header.
    pub proxy_protocol: Vec<Network>,
    /// For HTTPS ([`crate::tls::server_config`]).
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Connections of the process, over all its listeners and workers.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Connections {
    /// Open now.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Accepted, in all.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Closed at once, for there were too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Closed before the first request: a PROXY header or a TLS handshake failed, or nothing came.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Counts a connection, if there is room for it.
    fn admit(self: &Arc<Self>, most: usize) -> Option<Counted> {
        let before = self.open.fetch_add(1, Relaxed);
        let counted = Counted(self.clone());
        if before >= most {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        self.accepted.fetch_add(1, Relaxed);
        Some(counted)
    }
}

/// One open connection, counted until it is dropped.
struct Counted(Arc<Connections>);

impl Counted {
    fn failed(&self) {
        self.0.failed.fetch_add(1, Relaxed);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// One worker's share of a listener.
pub struct Listener<H> {
    /// One of [`bind`]'s.
    pub socket: std::net::TcpListener,
    /// Read anew for every connection.
    pub settings: Arc<ArcSwap<Settings>>,
    /// The process's count, which the cap is held against.
    pub connections: Arc<Connections>,
    /// Who answers.
    pub handler: Arc<H>,
}

impl<H: Handler> Listener<H> {
    /// Accepts and serves on this thread's runtime until `shutdown` is ready. Then nothing more is
    /// accepted, idle connections are closed and running exchanges have as long as `shutdown` said
    /// before they are broken off.
    pub async fn serve(self, shutdown: impl Future<Output = Duration>) -> io::Result<()> {
        let socket = TcpListener::from_std(self.socket.try_clone()?)?;
        let (stop, stopping) = watch::channel(false);
        let mut running = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        let mut troubled = false;
        let drain = loop {
            let accepted = tokio::select! {
                biased;
                drain = &mut shutdown => break drain,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    troubled = false;
                    self.begin(&mut running, tcp, peer, &stopping);
                }
                Err(why) if is_of_one_client(&why) => debug!(%why, "connection lost"),
                Err(why) => {
                    if !std::mem::replace(&mut troubled, true) {
                        warn!(%why, "cannot accept connections; trying again until it works");
                    }
                    // Most often there are no file descriptors left; some are about to be closed.
                    tokio::select! {
                        drain = &mut shutdown => break drain,
                        () = tokio::time::sleep(Duration::from_millis(50)) => {}
                    }
                }
            }
        };
        // The kernel has completed these, so their clients count on us: they would get a reset.
        while let Ok((tcp, peer)) = self.socket.accept() {
            tcp.set_nonblocking(true)?;
            self.begin(&mut running, TcpStream::from_std(tcp)?, peer, &stopping);
        }
        drop((socket, self));
        let _ = stop.send(true);
        finish(running, drain).await;
        Ok(())
    }

    fn begin(
        &self,
        running: &mut JoinSet<()>,
        tcp: TcpStream,
        peer: SocketAddr,
        stopping: &watch::Receiver<bool>,
    ) {
        // What has ended meanwhile.
        while running.try_join_next().is_some() {}
        let settings = self.settings.load_full();
        let Some(counted) = self.connections.admit(settings.limits.connections) else {
            return debug!(%peer, "too many connections");
        };
        let accepted = Accepted { tcp, peer, settings, counted, stopping: stopping.clone() };
        running.spawn(connection::serve(accepted, self.handler.clone()));
    }
}

async fn finish(mut running: JoinSet<()>, drain: Duration) {
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all).await.is_err() {
        warn!(connections = running.len(), "breaking off what has not ended");
        running.shutdown().await;
    }
}

/// Whether the next accept is likely to work.
fn is_of_one_client(why: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied};
    matches!(why.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied)
}

#[cfg(test)]
mod tests;
