//! Real sockets, and the client's side played by hand.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

mod endings;
mod http1;
mod limits;
mod protocols;

use super::{Connection, Connections, Farewell, Handler, Listener, Settings, bind};
use crate::{
    body::{Body, BodyError},
    config::{ListenLimits, Protocol, UpstreamTls},
    heads::{Request, Response},
    message::Handover,
    rescue::{Trouble, rescue},
    tls::{client_config, server_config, testing::Authority},
};

/// A running listener.
struct Running {
    address: SocketAddr,
    settings: Arc<ArcSwap<Settings>>,
    connections: Arc<Connections>,
    shutdown: oneshot::Sender<Farewell>,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    fn start(handler: impl Handler, limits: ListenLimits) -> Self {
        Self::start_with(handler, settings(limits))
    }

    fn start_with(handler: impl Handler, settings: Settings) -> Self {
        let socket = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = socket.local_addr().unwrap();
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let connections = Arc::new(Connections::default());
        let listener = Listener {
            socket,
            settings: settings.clone(),
            connections: connections.clone(),
            handler: Arc::new(handler),
        };
        let (shutdown, told) = oneshot::channel();
        let task = tokio::spawn(listener.serve(async { told.await.unwrap_or_default() }));
        Self { address, settings, connections, shutdown, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection on which a request was sent.
    async fn asked(&self) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(GET).await.unwrap();
        client
    }

    /// Stops it, and waits for that.
    async fn stop(self, drain: Duration) {
        self.end(Farewell::stop(drain)).await;
    }

    async fn end(self, farewell: Farewell) {
        self.shutdown.send(farewell).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Says what it sees.
struct Mirror;

impl Handler for Mirror {
    fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
        refused(trouble)
    }

    async fn handle(&self, request: Request<Body>, connection: &Arc<Connection>) -> Response<Body> {
        let tls = connection.tls.as_ref().map(|tls| {
            let client = tls.client_certificate.is_some();
            format!("{} {} client={client}", tls.version, tls.server_name.as_deref().unwrap_or("-"))
        });
        let (head, body) = request.into_parts();
        let body = body.collect(u64::MAX).await.unwrap();
        let text = format!(
            "{} {:?} {} {} {} {}",
            connection.listener,
            head.version,
            head.method,
            head.uri.path(),
            tls.unwrap_or_default(),
            String::from_utf8_lossy(&body),
        );
        Response::new(Body::from(Bytes::from(text)))
    }
}

/// Answers with whatever body the test gives next.
struct Script(Mutex<Vec<Body>>);

impl Script {
    fn one(body: Body) -> Self {
        Self(Mutex::new(vec![body]))
    }
}

impl Handler for Script {
    fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
        refused(trouble)
    }

    async fn handle(&self, _: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
        Response::new(self.0.lock().unwrap().pop().unwrap())
    }
}

/// Tells when a request has begun and when its future is dropped, and ends when it is told.
struct Gate {
    begun: Mutex<Option<oneshot::Sender<()>>>,
    release: Mutex<Option<oneshot::Receiver<()>>>,
    dropped: Mutex<Option<oneshot::Sender<()>>>,
}

/// The test's ends of a [`Gate`].
struct Keeper {
    begun: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
    dropped: oneshot::Receiver<()>,
}

fn gate() -> (Gate, Keeper) {
    let (begin, begun) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let (drop, dropped) = oneshot::channel();
    let some = |sender| Mutex::new(Some(sender));
    let gate =
        Gate { begun: some(begin), release: Mutex::new(Some(released)), dropped: some(drop) };
    (gate, Keeper { begun, release, dropped })
}

impl Handler for Gate {
    fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
        refused(trouble)
    }

    async fn handle(&self, _: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
        let _on_drop = self.dropped.lock().unwrap().take();
        let release = self.release.lock().unwrap().take().unwrap();
        self.begun.lock().unwrap().take().unwrap().send(()).unwrap();
        let _ = release.await;
        Response::new(Body::from(Bytes::from("late")))
    }
}

/// What handlers say to what is no request.
fn refused(trouble: Trouble) -> Response<Body> {
    let reply = rescue(trouble, "id").reply;
    let mut response = Response::new(Body::from(reply.body));
    (response.head.status, response.head.headers) = (reply.status, reply.headers);
    response
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// What comes until the server closes; a reset counts as that.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

/// One response with a `content-length`.
async fn response(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    while !all.ends_with(b"\r\n\r\n") {
        all.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(all).unwrap();
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

fn limits() -> ListenLimits {
    ListenLimits::default()
}

fn settings(limits: ListenLimits) -> Settings {
    Settings { name: "public".into(), limits, proxy_protocol: vec![], tls: None }
}

fn short() -> Duration {
    Duration::from_millis(20)
}

/// Three bytes, and a failure once they are on their way.
fn broken() -> Body {
    let first = stream::once(async { Ok(Frame::data(Bytes::from("abc"))) });
    let second = stream::once(async {
        tokio::task::yield_now().await;
        Err(BodyError::Timeout)
    });
    Body::boxed(StreamBody::new(Box::pin(first.chain(second))))
}
