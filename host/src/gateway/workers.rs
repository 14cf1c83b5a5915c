//! The threads that serve: each with a runtime, sockets, connections and instances of its own.

use std::{
    io,
    net::TcpListener,
    os::fd::OwnedFd,
    sync::{Arc, atomic::AtomicUsize},
    thread::{self, JoinHandle},
};

use arc_swap::ArcSwap;
use tokio::{runtime, sync::watch};
use tracing::{error, info};

use super::sockets::{Held, Sockets, deal};
use crate::{
    body::Body,
    config::{self, Config, Span},
    heads::{Request, Response},
    listener::{self, Connection, Connections, Farewell, Handler, Listener},
    proxy::{Entrance, Proxy},
    rescue::Trouble,
    worker,
};

/// All worker threads.
pub(super) struct Workers {
    threads: Vec<JoinHandle<()>>,
    doors: Vec<Door>,
    /// Each listener's, for a successor; the workers have copies.
    sockets: Vec<Held>,
    connections: Arc<Connections>,
    stop: watch::Sender<Option<Farewell>>,
}

/// What a reload may change of a listener.
#[derive(Clone)]
struct Door {
    name: Arc<str>,
    settings: Arc<ArcSwap<listener::Settings>>,
    entrance: Arc<ArcSwap<Entrance>>,
}

impl Workers {
    /// Binds every listener for every worker, and only then begins to serve.
    pub(super) fn start(
        config: &Config,
        settings: Vec<listener::Settings>,
        given: &mut Sockets,
        proxy: &Arc<Proxy>,
    ) -> Result<Self, (Span, String)> {
        let (stop, stopping) = watch::channel(None);
        let doors: Vec<Door> =
            config.listeners.iter().zip(settings).map(|(l, s)| Door::new(l, s, proxy)).collect();
        let sockets = bind(config, given)?;
        let no_worker = |why| (config.listeners[0].span, format!("no worker can start: {why}"));
        let hands = deal_all(&sockets, &doors, config.gateway.workers).map_err(no_worker)?;
        let connections = Arc::new(Connections::default());
        let mut threads = Vec::new();
        for (index, sockets) in (1..).zip(hands) {
            let job = Job {
                index,
                sockets,
                connections: connections.clone(),
                proxy: proxy.clone(),
                stopping: stopping.clone(),
            };
            let thread = thread::Builder::new().name(format!("worker-{index}"));
            threads.push(thread.spawn(move || job.run()).map_err(no_worker)?);
        }
        Ok(Self { threads, doors, sockets, connections, stop })
    }

    /// The clients' connections.
    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Every listening socket once more, for a successor.
    pub(super) fn share(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        let shared: io::Result<Vec<_>> = self.sockets.iter().map(Held::share).collect();
        Ok(shared?.into_iter().flatten().collect())
    }

    /// Takes over what a new configuration says of its listeners; open connections keep theirs.
    pub(super) fn adopt(&self, config: &Config, settings: Vec<listener::Settings>) {
        for (listener, settings) in config.listeners.iter().zip(settings) {
            if let Some(door) = self.doors.iter().find(|door| door.name == listener.name) {
                door.settings.store(Arc::new(settings));
                let in_flight = door.entrance.load().in_flight.clone();
                door.entrance.store(Arc::new(entrance(listener, in_flight)));
            }
        }
    }

    /// Stops accepting, and waits for running exchanges.
    pub(super) async fn drain(self, farewell: Farewell) {
        // As long as there is a copy the kernel would accept.
        drop(self.sockets);
        let _ = self.stop.send(Some(farewell));
        let joined = tokio::task::spawn_blocking(move || {
            self.threads.into_iter().for_each(|thread| drop(thread.join()));
        });
        let _ = joined.await;
    }
}

impl Door {
    fn new(listener: &config::Listener, settings: listener::Settings, proxy: &Proxy) -> Self {
        Self {
            name: listener.name.clone(),
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            entrance: Arc::new(ArcSwap::from_pointee(entrance(listener, proxy.served()))),
        }
    }
}

fn entrance(listener: &config::Listener, in_flight: Arc<AtomicUsize>) -> Entrance {
    Entrance {
        listener: listener.name.clone(),
        limits: listener.limits.clone(),
        trusted_proxies: listener.trusted_proxies.clone(),
        in_flight,
    }
}

/// For each listener the sockets that it was given, or else one for each worker.
fn bind(config: &Config, given: &mut Sockets) -> Result<Vec<Held>, (Span, String)> {
    config
        .listeners
        .iter()
        .map(|listener| {
            let held = match given.take(&listener.name, listener.address) {
                Some(held) => held,
                None => listener::bind(listener.address, config.gateway.workers)
                    .map(|sockets| Held::bound(&listener.name, sockets))
                    .map_err(|error| (listener.address_span, error.to_string()))?,
            };
            let address = held.listeners[0].local_addr().unwrap_or(listener.address);
            info!(listener = &*listener.name, %address, "listening");
            Ok(held)
        })
        .collect()
}

/// What each worker listens on.
fn deal_all(
    sockets: &[Held],
    doors: &[Door],
    workers: usize,
) -> io::Result<Vec<Vec<(TcpListener, Door)>>> {
    let mut hands: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    for (held, door) in sockets.iter().zip(doors) {
        for (hand, dealt) in hands.iter_mut().zip(deal(&held.listeners, workers)?) {
            hand.extend(dealt.into_iter().map(|socket| (socket, door.clone())));
        }
    }
    Ok(hands)
}

/// What one worker does.
struct Job {
    index: usize,
    sockets: Vec<(TcpListener, Door)>,
    connections: Arc<Connections>,
    proxy: Arc<Proxy>,
    stopping: watch::Receiver<Option<Farewell>>,
}

impl Job {
    fn run(self) {
        worker::enter(self.index);
        let served = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .and_then(|runtime| runtime.block_on(self.serve()));
        if let Err(why) = served {
            error!(worker = worker::index(), %why, "a worker ended");
        }
    }

    async fn serve(self) -> io::Result<()> {
        let listeners = self.sockets.into_iter().map(|(socket, door)| {
            let handler = Arc::new(Serving { proxy: self.proxy.clone(), entrance: door.entrance });
            let connections = self.connections.clone();
            let listener = Listener { socket, settings: door.settings, connections, handler };
            listener.serve(stopped(self.stopping.clone()))
        });
        futures_util::future::try_join_all(listeners).await.map(drop)
    }
}

/// Ready when the gateway stops; says how.
async fn stopped(mut stopping: watch::Receiver<Option<Farewell>>) -> Farewell {
    let farewell = stopping.wait_for(Option::is_some).await.map(|farewell| *farewell);
    farewell.ok().flatten().unwrap_or_default()
}

/// A listener's requests go to the proxy.
struct Serving {
    proxy: Arc<Proxy>,
    entrance: Arc<ArcSwap<Entrance>>,
}

impl Handler for Serving {
    fn handle(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send {
        let (entrance, tls) = (self.entrance.load_full(), connection.tls.clone());
        self.proxy.serve(request, entrance, connection.peer, tls)
    }

    fn refuse(&self, trouble: Trouble, connection: &Connection) -> Response<Body> {
        self.proxy.refuse(trouble, connection.peer, connection.tls.clone())
    }
}
