//! A wire that can be told to fail: TCP between a gateway and its service, or between a client and
//! its gateway.
//!
//! ```ignore
//! let wire = Wire::to(backend.address()).await;
//! let gateway = Gateway::start(&toml::proxy(wire.address())).await;
//! wire.set(Fault::Cut { after: Point::Body(100), how: End::Reset });
//! ```
//!
//! What goes toward the service passes as it is; faults are about what comes back.

mod connection;

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::within;
use connection::Connection;

/// What is wrong with a [`Wire`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    Pass,
    /// Nobody listens: connections are refused, and those that are open are reset, as when a process
    /// is killed.
    Refuse,
    /// Connections are accepted, what comes is read, and nothing is ever answered.
    Mute,
    /// This is the answer, whatever is asked. The connection stays open.
    Answer(Bytes),
    /// A reply ends early. What is cut mid-head is cut at [`Point::Head`].
    Cut {
        /// Where it ends.
        after: Point,
        /// How the connection does.
        how: End,
    },
    /// Replies come in small pieces.
    Trickle {
        /// So many bytes at once.
        bytes: usize,
        /// The time between two pieces.
        every: Duration,
    },
    /// What comes back comes so much later.
    Delay(Duration),
    /// The service's side says that it has nothing more to send, before it has sent anything, and
    /// goes on reading.
    HalfClose,
}

/// A place in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// After so many bytes of its head.
    Head(usize),
    /// After so many bytes of its body, as they are on the wire: a chunk's size counts.
    Body(usize),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In good order (FIN).
    Close,
    /// By a reset (RST).
    Reset,
}

/// A TCP proxy with a [`Fault`]. It is gone, with its connections, when this is dropped.
pub struct Wire {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepted: Arc<AtomicUsize>,
    /// Follows the fault: whether somebody listens.
    listening: watch::Receiver<bool>,
    serving: JoinHandle<()>,
}

impl Wire {
    /// A wire to this address, without a fault.
    pub async fn to(service: SocketAddr) -> Self {
        let place = Place::take();
        let (fault, faults) = watch::channel(Fault::Pass);
        let (listens, listening) = watch::channel(false);
        let accepted = Arc::new(AtomicUsize::new(0));
        let address = place.address;
        let serving = tokio::spawn(serve(place, service, faults, listens, accepted.clone()));
        let mut wire = Self { address, fault, accepted, listening, serving };
        wire.set(Fault::Pass).await;
        wire
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is wrong, with the connections that are open as well; where a reply is under
    /// way there, its bytes are counted from here.
    pub async fn set(&mut self, fault: Fault) {
        let listens = fault != Fault::Refuse;
        self.fault.send_replace(fault);
        let changed = self.listening.wait_for(|is| *is == listens);
        within("the wire's listener", changed).await.expect("it runs");
    }

    /// How many connections it has accepted so far.
    pub fn connections(&self) -> usize {
        self.accepted.load(SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A port that stays ours while nobody listens on it.
struct Place {
    address: SocketAddr,
    _bound: TcpSocket,
}

impl Place {
    fn take() -> Self {
        let bound = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { address: bound.local_addr().expect("it is bound"), _bound: bound }
    }

    fn listen(&self) -> TcpListener {
        socket(self.address).listen(1024).expect("listening")
    }
}

fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.set_reuseport(true).expect("an option");
    socket.bind(address).expect("a port");
    socket
}

async fn serve(
    place: Place,
    service: SocketAddr,
    mut faults: watch::Receiver<Fault>,
    listens: watch::Sender<bool>,
    accepted: Arc<AtomicUsize>,
) {
    loop {
        let listener = place.listen();
        listens.send_replace(true);
        // Dropped with this task, and at a refusal, and all connections with it.
        let mut connections = JoinSet::new();
        let mut refuses = pin!(wait_for_refusal(faults.clone()));
        loop {
            let client = tokio::select! {
                biased;
                () = &mut refuses => break,
                accepted = listener.accept() => accepted.expect("accepting").0,
            };
            accepted.fetch_add(1, SeqCst);
            connections.spawn(Connection::new(client, service, faults.clone()).run());
            while connections.try_join_next().is_some() {}
        }
        // Those in its queue are reset by the kernel.
        drop(listener);
        connections.shutdown().await;
        listens.send_replace(false);
        if faults.wait_for(|fault| *fault != Fault::Refuse).await.is_err() {
            return;
        }
    }
}

/// Never, where the wire itself is gone: then this task is, too.
async fn wait_for_refusal(mut faults: watch::Receiver<Fault>) {
    if faults.wait_for(|fault| *fault == Fault::Refuse).await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
