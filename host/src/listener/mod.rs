//! The clients' side: sockets, TLS, and connections of both kinds of HTTP.
//!
//! ```text
//! bind        one address, one socket for each worker
//! mod         a worker's accept loop, and the drain
//! connections how many there are, and the cap on them
//! connection  from a socket to which HTTP it is
//! proxy_protocol
//!             whose connection it is, where a balancer says so
//! http1       requests and answers over HTTP/1.1 | http2: over HTTP/2, by hyper
//! drive       a connection to its end | patience: for how long it may do what it does
//! io          its bytes
//! ```

mod bind;
mod connection;
mod connections;
mod drive;
mod http1;
mod http2;
mod io;
mod patience;
mod proxy_protocol;

pub use bind::{BindError, bind};
pub use connections::Connections;

use std::{
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tracing::{debug, warn};

use crate::{
    body::Body,
    config::{ListenLimits, Network},
    heads::{Request, Response},
    message::TlsSession,
    rescue::Trouble,
    worker,
};
use connection::Accepted;
use connections::Counted;

/// Answers requests. Give each worker one of its own: it is cloned by reference for every request.
pub trait Handler: Send + Sync + 'static {
    /// Answers one. The future is dropped where the client leaves.
    fn handle(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// Answers what is no request.
    fn refuse(&self, trouble: Trouble, connection: &Connection) -> Response<Body>;
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

/// How a listener ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Farewell {
    /// How long running exchanges have before they are broken off.
    pub drain: Duration,
    /// How long who has not asked yet may still do so: his request may be on the way.
    pub grace: Duration,
}

impl Farewell {
    /// Nobody serves after this.
    pub fn stop(drain: Duration) -> Self {
        Self { drain, grace: drain.min(Duration::from_millis(500)) }
    }

    /// Another process serves already: clients that keep connections have time to be told, with
    /// the answer to their next request, that they are to open new ones.
    pub fn hand_over(drain: Duration) -> Self {
        Self { drain, grace: (drain / 2).min(Duration::from_secs(5)) }
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
    /// accepted, and connections end as the [`Farewell`] says.
    pub async fn serve(self, shutdown: impl Future<Output = Farewell>) -> std::io::Result<()> {
        let socket = TcpListener::from_std(self.socket.try_clone()?)?;
        let (stop, stopping) = watch::channel(None);
        let mut running = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        let mut trouble = Failures::default();
        let farewell = loop {
            let accepted = tokio::select! {
                biased;
                farewell = &mut shutdown => break farewell,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => self.begin(&mut running, tcp, peer, &stopping),
                Err(why) if is_of_one_client(&why) => debug!(%why, "connection lost"),
                Err(why) => {
                    self.connections.could_not_accept();
                    trouble.report(&why);
                    // Most often there are no file descriptors left; some are about to be closed.
                    tokio::select! {
                        farewell = &mut shutdown => break farewell,
                        () = tokio::time::sleep(BACK_OFF) => {}
                    }
                }
            }
        };
        self.empty(&mut running, &stopping)?;
        drop((socket, self));
        let _ = stop.send(Some(farewell.grace));
        finish(running, farewell.drain).await;
        Ok(())
    }

    /// Takes what the kernel has accepted, for its clients count on us: they would get a reset.
    /// Another process may go on with this queue, so it need not come to an end.
    fn empty(
        &self,
        running: &mut JoinSet<()>,
        stopping: &watch::Receiver<Option<Duration>>,
    ) -> std::io::Result<()> {
        for _ in 0..bind::BACKLOG {
            let Ok((tcp, peer)) = self.socket.accept() else { break };
            tcp.set_nonblocking(true)?;
            self.begin(running, TcpStream::from_std(tcp)?, peer, stopping);
        }
        Ok(())
    }

    fn begin(
        &self,
        running: &mut JoinSet<()>,
        tcp: TcpStream,
        peer: SocketAddr,
        stopping: &watch::Receiver<Option<Duration>>,
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
        worker::break_off();
        running.shutdown().await;
    }
}

/// How long to wait after an accept that failed. The client waits in the kernel meanwhile.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Accepting fails, and failures come in crowds: they are counted, and told of now and then.
#[derive(Default)]
struct Failures {
    told: Option<Instant>,
}

impl Failures {
    fn report(&mut self, why: &std::io::Error) {
        const PAUSE: Duration = Duration::from_secs(10);
        if self.told.is_none_or(|told| told.elapsed() >= PAUSE) {
            self.told = Some(Instant::now());
            warn!(%why, "cannot accept connections; trying again until it works");
        }
    }
}

/// Whether the next accept is likely to work.
fn is_of_one_client(why: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied};
    matches!(why.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied)
}

#[cfg(test)]
mod tests;
