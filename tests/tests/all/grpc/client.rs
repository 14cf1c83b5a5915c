//! A client of `talk.Talk`, on tonic's own channel.

use std::net::SocketAddr;

use futures_util::Stream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint, Uri},
};
use tonic_prost::ProstCodec;
use torana_tests::within;

use super::service::Text;

type Answer<T> = Result<Response<T>, Status>;

#[derive(Clone)]
pub(super) struct Client(Grpc<Channel>);

impl Client {
    /// Over HTTP/2 by prior knowledge.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URI");
        Self(Grpc::new(within("a channel", endpoint.connect()).await.expect("a channel")))
    }

    /// Over TLS, to a gateway that calls itself `name`.
    pub(super) async fn connect_tls(
        address: SocketAddr,
        name: &'static str,
        connector: TlsConnector,
    ) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{name}")).expect("a URI");
        let endpoint = endpoint.origin(format!("https://{name}").parse().expect("an origin"));
        let connect = tower::service_fn(move |_: Uri| {
            let connector = connector.clone();
            async move {
                let tcp = TcpStream::connect(address).await?;
                let name = ServerName::try_from(name).expect("a name");
                Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, tcp).await?))
            }
        });
        let channel = within("a channel", endpoint.connect_with_connector(connect)).await;
        Self(Grpc::new(channel.expect("a channel")))
    }

    pub(super) async fn unary(&mut self, method: &str, request: Request<Text>) -> Answer<Text> {
        self.ready().await;
        let call = self.0.unary(request, path(method), ProstCodec::<Text, Text>::default());
        within(method, call).await
    }

    pub(super) async fn server_streaming(
        &mut self,
        method: &str,
        request: Text,
    ) -> Answer<Streaming<Text>> {
        self.ready().await;
        let codec = ProstCodec::<Text, Text>::default();
        within(method, self.0.server_streaming(Request::new(request), path(method), codec)).await
    }

    pub(super) async fn client_streaming(
        &mut self,
        method: &str,
        messages: impl Stream<Item = Text> + Send + 'static,
    ) -> Answer<Text> {
        self.ready().await;
        let codec = ProstCodec::<Text, Text>::default();
        within(method, self.0.client_streaming(Request::new(messages), path(method), codec)).await
    }

    pub(super) async fn streaming(
        &mut self,
        method: &str,
        messages: impl Stream<Item = Text> + Send + 'static,
    ) -> Answer<Streaming<Text>> {
        self.ready().await;
        let codec = ProstCodec::<Text, Text>::default();
        within(method, self.0.streaming(Request::new(messages), path(method), codec)).await
    }

    async fn ready(&mut self) {
        within("the channel", self.0.ready()).await.expect("the channel is open");
    }
}

fn path(method: &str) -> http::uri::PathAndQuery {
    format!("/talk.Talk/{method}").parse().expect("a path")
}
