//! The service `talk.Talk`, written without protoc: tonic's own codec and calls on a connection of
//! hyper's.

use std::{convert::Infallible, net::SocketAddr};

use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;
use tonic::{Code, Request, Response, Status, Streaming, body::Body, server::Grpc};
use tonic_prost::ProstCodec;
use torana_tests::within;

/// Both the requests and the replies of every method.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Text {
    #[prost(string, tag = "1")]
    pub(super) text: String,
    #[prost(uint32, tag = "2")]
    pub(super) count: u32,
}

pub(super) fn text(text: &str) -> Text {
    Text { text: text.to_owned(), count: 0 }
}

/// Such a service. It is gone, with its connections, when this is dropped.
pub(super) struct Talk {
    address: SocketAddr,
    seen: watch::Receiver<Seen>,
    serving: JoinHandle<()>,
}

/// What has happened at the service.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// The heads of its calls.
    pub(super) heads: Vec<HeaderMap>,
    /// How many calls were given up before they were answered.
    pub(super) cancelled: usize,
}

impl Talk {
    /// Over HTTP/2 by prior knowledge, or over TLS.
    pub(super) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, seen) = watch::channel(Seen::default());
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.expect("accepting");
                let (sender, tls) = (sender.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => serve(tls.accept(tcp).await.expect("TLS"), sender).await,
                        None => serve(tcp, sender).await,
                    }
                });
            }
        });
        Self { address, seen, serving }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of the calls so far.
    pub(super) fn heads(&self) -> Vec<HeaderMap> {
        self.seen.borrow().heads.clone()
    }

    /// Waits for something to happen at the service.
    pub(super) async fn wait(&self, what: &str, happened: impl Fn(&Seen) -> bool) {
        let mut seen = self.seen.clone();
        within(what, seen.wait_for(|seen| happened(seen))).await.expect("it runs");
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve<S>(stream: S, seen: watch::Sender<Seen>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request: http::Request<Incoming>| {
        let seen = seen.clone();
        async move {
            seen.send_modify(|seen| seen.heads.push(request.headers().clone()));
            Ok::<_, Infallible>(answer(request, seen).await)
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new());
    // Peers go away on purpose.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: http::Request<Incoming>,
    seen: watch::Sender<Seen>,
) -> http::Response<Body> {
    let mut grpc = Grpc::new(ProstCodec::<Text, Text>::default());
    match request.uri().path() {
        "/talk.Talk/Say" => grpc.unary(tower::service_fn(say), request).await,
        "/talk.Talk/Count" => grpc.server_streaming(tower::service_fn(count), request).await,
        "/talk.Talk/Join" => grpc.client_streaming(tower::service_fn(join), request).await,
        "/talk.Talk/Chat" => grpc.streaming(tower::service_fn(chat), request).await,
        "/talk.Talk/Hang" => {
            let hang = move |_: Request<Text>| hang(Leaving(seen.clone()));
            grpc.unary(tower::service_fn(hang), request).await
        }
        other => Status::unimplemented(other.to_owned()).into_http(),
    }
}

/// Says it again, with a piece of metadata; refuses what is empty, with details.
async fn say(request: Request<Text>) -> Result<Response<Text>, Status> {
    let asked = request.into_inner();
    if asked.text.is_empty() {
        let details = bytes::Bytes::from_static(b"\x00\xffdetails");
        return Err(Status::with_details(Code::InvalidArgument, "say: 100 % nothing, é", details));
    }
    let mut response = Response::new(asked);
    response.metadata_mut().insert("x-said-by", "talk".parse().expect("a value"));
    Ok(response)
}

/// Counts, and fails behind the last number if the text says so.
async fn count(
    request: Request<Text>,
) -> Result<Response<impl Stream<Item = Result<Text, Status>> + Send + 'static>, Status> {
    let Text { text, count } = request.into_inner();
    let numbers = (0..count).map(move |count| Ok(Text { text: String::new(), count }));
    let end = (text == "fail").then(|| Err(Status::data_loss("no more numbers")));
    Ok(Response::new(stream::iter(numbers.chain(end))))
}

/// All that was said, in one piece.
async fn join(request: Request<Streaming<Text>>) -> Result<Response<Text>, Status> {
    let mut said = request.into_inner();
    let (mut all, mut count) = (String::new(), 0);
    while let Some(Text { text, .. }) = said.message().await? {
        all += &text;
        count += 1;
    }
    Ok(Response::new(Text { text: all, count }))
}

/// Answers each message with itself, as it comes.
async fn chat(
    request: Request<Streaming<Text>>,
) -> Result<Response<impl Stream<Item = Result<Text, Status>> + Send + 'static>, Status> {
    Ok(Response::new(request.into_inner().map(|said| said)))
}

/// Never answers.
async fn hang(leaving: Leaving) -> Result<Response<Text>, Status> {
    let _leaving = leaving;
    std::future::pending().await
}

/// Notes that a call was given up: its future was dropped.
struct Leaving(watch::Sender<Seen>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.send_modify(|seen| seen.cancelled += 1);
    }
}
