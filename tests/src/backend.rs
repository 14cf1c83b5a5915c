//! A service made of a closure.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    tape::{Tape, Taped},
    within,
};

/// The body of a reply. An error breaks the connection off.
pub type Body = UnsyncBoxBody<Bytes, String>;

type Script = Arc<dyn Fn(Received) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A port that the system chooses.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

type Keeper = Arc<watch::Sender<Vec<Received>>>;

/// An HTTP/1.1 service on a port of its own. It is gone, with its connections, when this is
/// dropped.
pub struct Backend {
    address: SocketAddr,
    received: watch::Receiver<Vec<Received>>,
    serving: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query as they were written.
    pub target: String,
    /// The head as it was written, line by line, the request line first.
    pub head: String,
    /// Its headers, parsed.
    pub headers: HeaderMap,
    /// What came of its body.
    pub body: Bytes,
    /// Its trailers, if there were any.
    pub trailers: Option<HeaderMap>,
    /// Whether the body came to its end.
    pub complete: bool,
    /// The number of the connection that it came on, from 0.
    pub connection: usize,
}

impl Backend {
    /// A service that answers at once.
    pub async fn start(
        script: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::start_async(move |received| std::future::ready(script(&received))).await
    }

    /// The same, on an address and port that a test chooses.
    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::begin(address, true, move |received| std::future::ready(script(&received))).await
    }

    /// A service that answers at once, and keeps nothing of what it has received: for loads that
    /// last, which would fill the memory of the machine.
    pub async fn start_forgetful(
        script: impl Fn(&Received) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::begin(ANY, false, move |received| std::future::ready(script(&received))).await
    }

    /// A service that may take its time. A request is among the [`received`](Self::received)
    /// before it is answered.
    pub async fn start_async<F, A>(script: F) -> Self
    where
        F: Fn(Received) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::begin(ANY, true, script).await
    }

    async fn begin<F, A>(address: SocketAddr, keeps: bool, script: F) -> Self
    where
        F: Fn(Received) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, received) = watch::channel(Vec::new());
        let script: Script = Arc::new(move |received| script(received).boxed());
        let serving = tokio::spawn(serve(listener, keeps.then(|| Arc::new(sender)), script));
        Self { address, received, serving }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// The one request that has arrived.
    #[track_caller]
    pub fn only(&self) -> Received {
        let received = self.received();
        let [only] = received.as_slice() else { panic!("not one request: {received:#?}") };
        only.clone()
    }

    /// Waits until this many requests have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let enough = received.wait_for(|received| received.len() >= count);
        within(&format!("request {count} at the service"), enough).await.expect("it runs").clone()
    }

    /// Stops listening and breaks every connection off.
    pub async fn stop(mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Received {
    /// The one value of a header; fails where there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() < 2, "{name} stands there more than once: {values:?}");
        values.first().map(|value| value.to_str().expect("text"))
    }

    /// Name and value of every header line, as they were written, in order.
    pub fn header_lines(&self) -> Vec<(&str, &str)> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim())).collect()
    }
}

/// A reply with this body.
pub fn reply(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never: Infallible| match never {});
    let mut reply = Response::new(body.boxed_unsync());
    *reply.status_mut() = status.try_into().expect("a status");
    reply
}

/// A body that comes in pieces, chunked. An error breaks it off.
pub fn stream(pieces: impl Stream<Item = Result<Bytes, String>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

async fn serve(listener: TcpListener, sender: Option<Keeper>, script: Script) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (stream, _) = listener.accept().await.expect("accepting");
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, number, sender.clone(), script.clone()));
    }
}

async fn connection(stream: TcpStream, number: usize, sender: Option<Keeper>, script: Script) {
    let tape = Tape::default();
    let io = TokioIo::new(Taped { stream, tape: tape.clone() });
    let service = service_fn(async |request| {
        let received = receive(request, &tape, number).await;
        if let Some(sender) = &sender {
            sender.send_modify(|all| all.push(received.clone()));
        }
        Ok::<_, Infallible>(script(received).await)
    });
    // Peers go away, and bodies break off, on purpose.
    let _ = http1::Builder::new().serve_connection(io, service).await;
}

async fn receive(request: Request<Incoming>, tape: &Tape, connection: usize) -> Received {
    let head = tape.head();
    let (parts, mut body) = request.into_parts();
    let (mut bytes, mut trailers, mut complete) = (BytesMut::new(), None, true);
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            Ok(Err(other)) => trailers = other.into_trailers().ok(),
            Err(_) => {
                complete = false;
                break;
            }
        }
    }
    // The next head begins with the next byte: nobody sends one before this one is answered.
    tape.clear();
    Received {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        head,
        headers: parts.headers,
        body: bytes.freeze(),
        trailers,
        complete,
        connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Raw, request};

    #[tokio::test]
    async fn a_request_is_recorded_as_it_was_written() {
        let backend = Backend::start(|_| reply(200, "ok")).await;
        let mut raw = Raw::connect(backend.address()).await;
        for head in [
            "POST /a?b HTTP/1.1\r\nX-B: 2\r\nhost: x\r\nx-A:1\r\nContent-Length: 4\r\n",
            "GET /second HTTP/1.1\r\nHOST: y\r\n",
        ] {
            let body = if head.starts_with("POST") { "body" } else { "" };
            raw.write(format!("{head}\r\n{body}")).await;
            raw.read_head().await;
            assert_eq!(raw.read_exact(2).await, "ok");
            assert_eq!(backend.received().pop().unwrap().head, head);
        }
        let first = &backend.received()[0];
        assert_eq!((first.target.as_str(), &first.body[..]), ("/a?b", &b"body"[..]));
        let lines = [("X-B", "2"), ("host", "x"), ("x-A", "1"), ("Content-Length", "4")];
        assert_eq!(first.header_lines(), lines);
        assert!(first.complete && first.connection == 0);
    }

    #[tokio::test]
    async fn half_a_body_is_not_complete() {
        let backend = Backend::start(|_| reply(200, "ok")).await;
        let mut raw = Raw::connect(backend.address()).await;
        raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").await;
        drop(raw);
        let received = &backend.wait_for(1).await[0];
        assert!(!received.complete && received.body == "half");
    }

    #[tokio::test]
    async fn a_client_keeps_its_connection_until_it_is_closed() {
        let backend = Backend::start(|received| {
            let mut answer = reply(200, received.connection.to_string());
            if received.target == "/close" {
                answer.headers_mut().insert("connection", "close".parse().unwrap());
            }
            answer
        })
        .await;
        let client = Client::new(backend.address());
        for (target, connection) in [("/", "0"), ("/", "0"), ("/close", "0"), ("/", "1")] {
            assert_eq!(client.get(target).await.text(), connection);
        }
        assert_eq!(client.connections(), 2);
        backend.stop().await;
        let body = reply(200, "").into_body();
        client.try_send(request("GET", "/"), body).await.expect_err("nobody is there");
    }

    #[tokio::test]
    async fn a_broken_body_is_an_error_to_the_client() {
        let pieces = || [Ok("half".into()), Err("on purpose".to_owned())];
        let backend =
            Backend::start(move |_| Response::new(stream(futures_util::stream::iter(pieces()))))
                .await;
        let body = reply(200, "").into_body();
        let client = Client::new(backend.address());
        client.try_send(request("GET", "/"), body).await.expect_err("half of a body");
    }
}
