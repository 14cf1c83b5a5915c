//! The threads that serve: each with a runtime, sockets, connections and instances of its own.

use std::{
    io,
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{runtime, sync::watch};
use tracing::{error, info};

use crate::{
    body::Body,
    config::{self, Config, Span},
    listener::{self, Connection, Connections, Handler, Listener},
    proxy::{Entrance, Proxy},
    worker,
};

/// All worker threads.
pub(super) struct Workers {
    threads: Vec<JoinHandle<()>>,
    doors: Vec<Door>,
    connections: Arc<Connections>,
    stop: watch::Sender<Option<Duration>>,
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
        proxy: &Arc<Proxy>,
    ) -> Result<Self, (Span, String)> {
        let (stop, stopping) = watch::channel(None);
        let doors: Vec<Door> =
            config.listeners.iter().zip(settings).map(|(l, s)| Door::new(l, s)).collect();
        let mut sockets = bind(config)?;
        let connections = Arc::new(Connections::default());
        let mut threads = Vec::new();
        for index in 1..=config.gateway.workers {
            let doors = doors.iter().cloned();
            let mine = sockets.iter_mut().filter_map(Vec::pop).zip(doors);
            let job = Job {
                index,
                sockets: mine.collect(),
                connections: connections.clone(),
                proxy: proxy.clone(),
                stopping: stopping.clone(),
            };
            let thread = thread::Builder::new().name(format!("worker-{index}"));
            let thread = thread.spawn(move || job.run()).map_err(|why| {
                (config.listeners[0].span, format!("no thread for a worker: {why}"))
            })?;
            threads.push(thread);
        }
        Ok(Self { threads, doors, connections, stop })
    }

    /// The clients' connections.
    pub(super) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Takes over what a new configuration says of its listeners; open connections keep theirs.
    pub(super) fn adopt(&self, config: &Config, settings: Vec<listener::Settings>) {
        for (listener, settings) in config.listeners.iter().zip(settings) {
            if let Some(door) = self.doors.iter().find(|door| door.name == listener.name) {
                door.settings.store(Arc::new(settings));
                door.entrance.store(Arc::new(entrance(listener)));
            }
        }
    }

    /// Stops accepting, and waits for running exchanges as long as `drain`.
    pub(super) async fn drain(self, drain: Duration) {
        let _ = self.stop.send(Some(drain));
        let joined = tokio::task::spawn_blocking(move || {
            self.threads.into_iter().for_each(|thread| drop(thread.join()));
        });
        let _ = joined.await;
    }
}

impl Door {
    fn new(listener: &config::Listener, settings: listener::Settings) -> Self {
        Self {
            name: listener.name.clone(),
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            entrance: Arc::new(ArcSwap::from_pointee(entrance(listener))),
        }
    }
}

fn entrance(listener: &config::Listener) -> Entrance {
    Entrance {
        listener: listener.name.clone(),
        limits: listener.limits.clone(),
        trusted_proxies: listener.trusted_proxies.clone(),
    }
}

/// One socket for each worker, for each listener.
fn bind(config: &Config) -> Result<Vec<Vec<TcpListener>>, (Span, String)> {
    config
        .listeners
        .iter()
        .map(|listener| {
            let sockets = listener::bind(listener.address, config.gateway.workers)
                .map_err(|error| (listener.address_span, error.to_string()))?;
            let address = sockets[0].local_addr().unwrap_or(listener.address);
            info!(listener = &*listener.name, %address, "listening");
            Ok(sockets)
        })
        .collect()
}

/// What one worker does.
struct Job {
    index: usize,
    sockets: Vec<(TcpListener, Door)>,
    connections: Arc<Connections>,
    proxy: Arc<Proxy>,
    stopping: watch::Receiver<Option<Duration>>,
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

/// Ready when the gateway stops; says how long running exchanges have.
async fn stopped(mut stopping: watch::Receiver<Option<Duration>>) -> Duration {
    let drain = stopping.wait_for(Option::is_some).await.map(|drain| *drain);
    drain.ok().flatten().unwrap_or_default()
}

/// A listener's requests go to the proxy.
struct Serving {
    proxy: Arc<Proxy>,
    entrance: Arc<ArcSwap<Entrance>>,
}

impl Handler for Serving {
    async fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Arc<Connection>,
    ) -> Response<Body> {
        let entrance = self.entrance.load_full();
        self.proxy.serve(request, &entrance, connection.peer, connection.tls.clone()).await
    }
}
