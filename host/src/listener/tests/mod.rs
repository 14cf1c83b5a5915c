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
use http::{Request, Response};
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

mod http1;

use super::{Connection, Connections, Farewell, Handler, Listener, Settings, bind};
use crate::{
    body::{Body, BodyError},
    config::{ListenLimits, Protocol, UpstreamTls},
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
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
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

#[tokio::test]
async fn http1_requests_follow_each_other() {
    let running = Running::start(Mirror, limits());
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 GET /  "));
    // In pieces, and two at once.
    for piece in [
        "POST /a HTTP/1.1\r\nho",
        "st: a\r\ncontent-length: 2\r\n\r\nh",
        "iGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        client.write_all(piece.as_bytes()).await.unwrap();
    }
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 POST /a  hi"));
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 GET /b  "));
    assert_eq!((running.connections.open(), running.connections.accepted()), (1, 1));
}

#[tokio::test]
async fn http2_needs_no_tls() {
    let running = Running::start(Mirror, limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::post("http://a/x").body(Full::new(Bytes::from("hi"))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "public HTTP/2.0 POST /x  hi");
    // GOAWAY, and a clean end.
    running.stop(Duration::from_secs(5)).await;
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_preface_may_come_in_pieces_and_may_be_none() {
    let running = Running::start(Mirror, limits());
    let mut client = running.connect().await;
    for piece in ["P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n", "\0\0\0\x04\0\0\0\0\0"] {
        client.write_all(piece.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut settings = [0; 9];
    client.read_exact(&mut settings).await.unwrap();
    assert_eq!(settings[3], 4, "a SETTINGS frame");

    let mut client = running.connect().await;
    client.write_all(b"PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(response(&mut client).await.ends_with("HTTP/1.1 PROPFIND /  "));
}

#[tokio::test]
async fn tls_chooses_the_protocol_and_tells_the_session() {
    let authority = Authority::new();
    let certificates = [authority.issue(&["a.example"])];
    let tls = server_config(&certificates, Some(&authority.path())).unwrap();
    let settings = Settings { name: "tls".into(), tls: Some(tls), ..settings(limits()) };
    let running = Running::start_with(Mirror, settings);
    let connect = async |protocol| {
        let identity = authority.issue(&["client.example"]);
        let tls = UpstreamTls {
            ca: Some(authority.path()),
            identity: Some((identity.cert, identity.key)),
            sni: None,
        };
        let config = client_config(&tls, protocol).unwrap();
        let name = "a.example".try_into().unwrap();
        TlsConnector::from(config).connect(name, running.connect().await).await.unwrap()
    };
    let mut client = connect(Protocol::Http1).await;
    client.write_all(GET).await.unwrap();
    let answer = response(&mut client).await;
    assert!(answer.ends_with("tls HTTP/1.1 GET / TLSv1.3 a.example client=true "), "{answer}");

    let io = TokioIo::new(connect(Protocol::Auto).await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://a.example/").body(Empty::<Bytes>::new()).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(body, "tls HTTP/2.0 GET / TLSv1.3 a.example client=true ");
}

#[tokio::test]
async fn a_handshake_that_hangs_is_given_up() {
    let authority = Authority::new();
    let tls = server_config(&[authority.issue(&["a.example"])], None).unwrap();
    let limits = ListenLimits { head_timeout: short(), ..limits() };
    let settings = Settings { name: "tls".into(), tls: Some(tls), ..settings(limits) };
    let running = Running::start_with(Mirror, settings);
    assert_eq!(rest(&mut running.connect().await).await, "");
    assert_eq!((running.connections.failed(), running.connections.open()), (1, 0));
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let running = Running::start(Mirror, ListenLimits { connections: 1, ..limits() });
    let mut first = running.connect().await;
    first.write_all(GET).await.unwrap();
    response(&mut first).await;
    assert_eq!(rest(&mut running.connect().await).await, "");
    assert_eq!((running.connections.refused(), running.connections.open()), (1, 1));
    // It counts what is open, and a change of the settings holds for the next connection.
    let mut settings = Settings::clone(&running.settings.load());
    settings.limits.connections = 2;
    running.settings.store(Arc::new(settings));
    let mut second = running.connect().await;
    second.write_all(GET).await.unwrap();
    response(&mut second).await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let running = Running::start(Mirror, ListenLimits { idle_timeout: short(), ..limits() });
    assert_eq!(rest(&mut running.connect().await).await, "");
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.write_all(GET).await.unwrap();
        response(&mut client).await;
    }
    assert_eq!(rest(&mut client).await, "");

    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap();
    connection.await.unwrap().unwrap();
    let connections = running.connections.clone();
    running.stop(Duration::from_secs(5)).await;
    assert_eq!(connections.open(), 0);
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let running = Running::start(Mirror, ListenLimits { head_timeout: short(), ..limits() });
    for beginning in ["GET / HTT", "P", "\r\n"] {
        let mut client = running.connect().await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut client).await, "");
    }
    // The second head of a connection too, while the wait for it was none of its time.
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    response(&mut client).await;
    tokio::time::sleep(3 * short()).await;
    client.write_all(GET).await.unwrap();
    response(&mut client).await;
    client.write_all(&GET[..9]).await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_request_may_take_longer_than_the_idle_timeout() {
    let (gate, keeper) = gate();
    let limits = ListenLimits { idle_timeout: short(), head_timeout: short(), ..limits() };
    let running = Running::start(gate, limits);
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    keeper.begun.await.unwrap();
    tokio::time::sleep(3 * short()).await;
    keeper.release.send(()).unwrap();
    assert!(response(&mut client).await.ends_with("late"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    /// Drops the sender when it is dropped itself.
    struct Endless(#[expect(dead_code)] oneshot::Sender<()>);
    impl futures_util::Stream for Endless {
        type Item = Result<Frame<Bytes>, BodyError>;
        fn poll_next(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 << 10])))))
        }
    }
    let (alive, gone) = oneshot::channel();
    let body = Body::boxed(StreamBody::new(Endless(alive)));
    let running =
        Running::start(Script::one(body), ListenLimits { idle_timeout: short(), ..limits() });
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    assert!(gone.await.is_err());
    drop(client);
}

#[tokio::test]
async fn heads_have_limits() {
    let small = ListenLimits { headers: 4, head_bytes: 1024, ..limits() };
    let running = Running::start(Mirror, small);
    let ask = async |headers: String| {
        let mut client = running.connect().await;
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        String::from_utf8(status.to_vec()).unwrap()
    };
    assert_eq!(ask("x: y\r\n".repeat(3)).await, "HTTP/1.1 200");
    assert_eq!(ask("x: y\r\n".repeat(4)).await, "HTTP/1.1 431");
    assert_eq!(ask(format!("x: {}\r\n", "y".repeat(1024))).await, "HTTP/1.1 431");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to() {
    let running = Running::start(Script::one(broken()), limits());
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    let answer = rest(&mut client).await;
    // RFC 9112, 8: without the last chunk the message is incomplete.
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n"), "{answer}");

    let running = Running::start(Script::one(broken()), limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    let end = match sender.send_request(request).await {
        Ok(response) => response.into_body().collect().await.map(|_| ()),
        Err(why) => Err(why),
    };
    let why = end.unwrap_err();
    let source = std::error::Error::source(&why).unwrap().downcast_ref::<h2::Error>().unwrap();
    assert!(source.is_reset() && source.is_remote(), "{source}");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    keeper.begun.await.unwrap();
    drop(client);
    assert!(keeper.dropped.await.is_err());

    let (gate, keeper) = self::gate();
    let running = Running::start(gate, limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    let sent = tokio::spawn(sender.send_request(request));
    keeper.begun.await.unwrap();
    sent.abort();
    assert!(keeper.dropped.await.is_err());
}

#[tokio::test]
async fn a_drain_lets_running_requests_end() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let address = running.address;
    let mut idle = running.connect().await;
    let mut busy = running.connect().await;
    busy.write_all(GET).await.unwrap();
    keeper.begun.await.unwrap();
    let stopped = tokio::spawn(running.stop(Duration::from_secs(30)));
    // The idle one is closed, and nobody listens.
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
    keeper.release.send(()).unwrap();
    let answer = rest(&mut busy).await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("late"), "{answer}");
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_connection_is_told_with_its_next_answer_that_it_ends() {
    let running = Running::start(Mirror, limits());
    let address = running.address;
    let mut client = running.connect().await;
    client.write_all(GET).await.unwrap();
    assert!(!response(&mut client).await.contains("connection: close"));
    // A head has begun, and comes to its end later.
    let mut slow = running.connect().await;
    slow.write_all(&GET[..9]).await.unwrap();
    let farewell = Farewell::hand_over(Duration::from_secs(60));
    let stopped = tokio::spawn(running.end(farewell));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(GET).await.unwrap();
    slow.write_all(&GET[9..]).await.unwrap();
    for client in [&mut client, &mut slow] {
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\r\nconnection: close\r\n"));
    }
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let mut busy = running.connect().await;
    busy.write_all(GET).await.unwrap();
    keeper.begun.await.unwrap();
    running.stop(short()).await;
    assert!(keeper.dropped.await.is_err());
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn what_the_kernel_had_accepted_is_served_before_the_end() {
    let socket = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = socket.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(GET).await.unwrap();
    let listener = Listener {
        socket,
        settings: Arc::new(ArcSwap::from_pointee(settings(limits()))),
        connections: Arc::default(),
        handler: Arc::new(Mirror),
    };
    listener.serve(std::future::ready(Farewell::stop(Duration::from_secs(5)))).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_upgraded_connection_is_still_counted() {
    struct Upgrade;
    impl Handler for Upgrade {
        fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
            refused(trouble)
        }

        async fn handle(&self, mut request: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
            let handover = request.extensions_mut().remove::<Handover>().unwrap();
            tokio::spawn(async move {
                let mut tunnel = handover.take().await.unwrap();
                let mut two = [0; 2];
                tunnel.read_exact(&mut two).await.unwrap();
                tunnel.write_all(&two).await.unwrap();
            });
            Response::builder()
                .status(101)
                .header("connection", "upgrade")
                .header("upgrade", "x")
                .body(Body::Empty)
                .unwrap()
        }
    }
    let running = Running::start(Upgrade, limits());
    let mut client = running.connect().await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    assert_eq!(running.connections.open(), 1);
    client.write_all(b"yo").await.unwrap();
    assert_eq!(rest(&mut client).await, "yo");
    assert_eq!(running.connections.open(), 0);
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let running = Running::start(Mirror, limits());
    let tcp = running.connect().await;
    let (client, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client;
    let flood = async {
        for _ in 0..10_000 {
            let Ok(ready) = client.clone().ready().await else { return };
            client = ready;
            let request = Request::get("http://a/").body(()).unwrap();
            let Ok((_, mut stream)) = client.send_request(request, false) else { return };
            stream.send_reset(h2::Reason::CANCEL);
        }
    };
    flood.await;
    let end = timeout(Duration::from_secs(10), connection).await.unwrap().unwrap();
    let why = end.unwrap_err();
    // The socket may be closed before we have read why.
    let calm = why.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
    assert!(calm || why.is_io(), "{why}");
    assert_eq!(running.connections.open(), 0);
}

#[tokio::test]
async fn streams_are_limited() {
    let running = Running::start(Mirror, ListenLimits { h2_streams: 3, ..limits() });
    let (client, connection) = h2::client::handshake(running.connect().await).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::get("http://a/").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    response.await.unwrap();
    assert_eq!(client.current_max_send_streams(), 3);
}
