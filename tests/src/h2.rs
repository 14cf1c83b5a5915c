//! A client of HTTP/2 by prior knowledge.

use std::net::SocketAddr;

use http::{Uri, request};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::{
    Body, Gateway, Reply,
    client::{chain, collect},
    reply, within,
};

/// One HTTP/2 connection. Requests may share it.
#[derive(Clone)]
pub struct H2 {
    address: SocketAddr,
    sender: SendRequest<Body>,
}

impl Gateway {
    /// An HTTP/2 connection to the listener `public`.
    pub async fn h2(&self) -> H2 {
        H2::connect(self.address("public")).await
    }
}

impl H2 {
    /// Opens it.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        let io = TokioIo::new(stream.expect("connecting"));
        let shaken = within("HTTP/2's handshake", handshake(TokioExecutor::new(), io)).await;
        let (sender, connection) = shaken.expect("HTTP/2");
        tokio::spawn(connection);
        Self { address, sender }
    }

    /// GET.
    pub async fn get(&self, target: &str) -> Reply {
        let sent = self.try_send(crate::request("GET", target), reply(200, "").into_body()).await;
        sent.unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    /// Any request, where there may be no whole reply. Its target is a path.
    pub async fn try_send(&self, request: request::Builder, body: Body) -> Result<Reply, String> {
        let mut request = request.body(body).expect("a request");
        let target = format!("http://{}{}", self.address, request.uri());
        *request.uri_mut() = target.parse::<Uri>().expect("a target");
        *request.version_mut() = http::Version::HTTP_2;
        let asked = format!("a reply to {} {}", request.method(), request.uri());
        let mut sender = self.sender.clone();
        let exchange = async { collect(sender.send_request(request).await.map_err(chain)?).await };
        within(&asked, exchange).await
    }
}
