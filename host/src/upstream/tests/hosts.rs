//! Which Host a service gets.

use std::{sync::Arc, time::Duration};

use http::Response;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    join,
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    OK, Service, build, get,
    http2::{h2, serve_h2, told},
    settings, soon, text,
};
use crate::{
    body::Body,
    config::{self, HostField, Protocol, Retries, RetryOn, UpstreamTls},
    heads::Request,
    tls::{self, Stream, testing::Authority},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn fixed(name: &str) -> Option<HostField> {
    Some(HostField::Name(name.parse().unwrap()))
}

/// A request that says nothing, as plugins make them.
fn nameless() -> Request<Body> {
    http::Request::get("/").body(Body::Empty).unwrap().into()
}

fn host(head: &str) -> &str {
    let mut hosts = head.lines().filter_map(|line| line.strip_prefix("host: "));
    let (Some(host), None) = (hosts.next(), hosts.next()) else { panic!("one Host: {head}") };
    host
}

/// What a service at `own` is told by each setting, where the client asks for `service.example`, and
/// where nobody has said anything.
fn expected(own: &str) -> [(Option<HostField>, [String; 2]); 4] {
    let fixed_name = "api.partner.example:8443".to_owned();
    [
        (None, ["service.example".to_owned(), own.to_owned()]),
        (Some(HostField::Client), ["service.example".to_owned(), own.to_owned()]),
        (Some(HostField::Target), [own.to_owned(), own.to_owned()]),
        (fixed("api.partner.example:8443"), [fixed_name.clone(), fixed_name]),
    ]
}

#[tokio::test]
async fn by_http1_it_is_the_field() {
    let service = Service::start().await;
    for (host_field, expected) in expected(&service.address().to_string()) {
        let upstream =
            build(config::Upstream { host: host_field.clone(), ..settings(&[service.address()]) });
        let serve = async {
            let mut peer = service.accept().await;
            (peer.answer(OK).await, peer.answer(OK).await)
        };
        let client = async {
            text(upstream.send(get("/"), soon()).await).await;
            text(upstream.send(nameless(), soon()).await).await;
        };
        let ((first, second), ()) = join!(serve, client);
        assert_eq!([host(&first), host(&second)], expected, "{host_field:?}");
    }
}

#[tokio::test]
async fn by_http2_it_is_the_authority() {
    let service = Service::start().await;
    for (host, expected) in expected(&service.address().to_string()) {
        let upstream = build(config::Upstream { host: host.clone(), ..h2(&[service.address()]) });
        let serve = async { serve_h2(Stream::Plain(service.accept().await.0)) };
        let client = async {
            let first = told(upstream.send(get("/"), soon()).await).await;
            (first, told(upstream.send(nameless(), soon()).await).await)
        };
        let (_serving, (first, second)) = join!(serve, client);
        let [one, two] = expected.map(|host| format!("HTTP/2.0 GET http://{host}/ host=None "));
        assert_eq!((first, second), (one, two), "{host:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_names_the_target_that_it_is_sent_to() {
    let (one, two) = (Service::start().await, Service::start().await);
    let (on, backoff) = (vec![RetryOn::Status(503)], Duration::ZERO);
    let retries = Retries { attempts: 2, on, budget: 20, backoff, body: 8, hedge: None };
    let upstream = build(config::Upstream {
        host: Some(HostField::Target),
        retries: Some(retries),
        ..settings(&[one.address(), two.address()])
    });
    let (first, second) = (async { one.accept().await.answer(BUSY).await }, async {
        two.accept().await.answer(OK).await
    });
    let (first, second, answer) = join!(first, second, upstream.send(get("/"), soon()));
    assert_eq!(text(answer).await.0, 200);
    assert_eq!(host(&first), one.address().to_string());
    assert_eq!(host(&second), two.address().to_string());
}

/// A service behind TLS that speaks this protocol and no other.
struct Secure(Service, TlsAcceptor);

impl Secure {
    async fn start(authority: &Authority, protocol: &str) -> Self {
        let config = tls::server_config(&[authority.issue(&["127.0.0.1"])], None).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Self(Service::start().await, Arc::new(config).into())
    }

    async fn accept(&self) -> TlsStream<TcpStream> {
        self.1.accept(self.0.accept().await.0).await.unwrap()
    }

    /// Answers one request over HTTP/2, and refuses the next one before anybody has looked at it.
    async fn refuse_the_second(&self) {
        let mut connection = h2::server::handshake(self.accept().await).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        respond.send_response(Response::new(()), true).unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        respond.send_reset(h2::Reason::REFUSED_STREAM);
        while connection.accept().await.is_some() {}
    }

    /// Answers each request over HTTP/1.1, on a connection of its own. Gives what they asked for.
    async fn hosts(&self, requests: usize) -> Vec<String> {
        let mut hosts = Vec::new();
        for _ in 0..requests {
            let (mut stream, mut head) = (self.accept().await, Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            hosts.push(host(&String::from_utf8(head).unwrap()).to_owned());
        }
        hosts
    }
}

/// What was made for one target over HTTP/2 goes to another one over HTTP/1.1.
#[tokio::test]
async fn and_so_does_one_that_changes_the_protocol() {
    let authority = Authority::new();
    let (one, two) =
        (Secure::start(&authority, "h2").await, Secure::start(&authority, "http/1.1").await);
    let (first, second) = (one.0.address(), two.0.address());
    let tls = UpstreamTls { ca: Some(authority.path()), ..UpstreamTls::default() };
    for (host, [named, nameless_one]) in expected(&second.to_string()) {
        for (request, expected) in [(get("/"), named), (nameless(), nameless_one)] {
            let upstream = build(config::Upstream {
                tls: Some(tls.clone()),
                protocol: Protocol::Auto,
                host: host.clone(),
                ..settings(&[first, second])
            });
            let client = async {
                text(upstream.send(get("/"), soon()).await).await;
                text(upstream.send(get("/"), soon()).await).await;
                text(upstream.send(request, soon()).await).await
            };
            let told = tokio::select! {
                () = one.refuse_the_second() => unreachable!("its connection is kept"),
                (hosts, _) = async { join!(two.hosts(2), client) } => hosts,
            };
            assert_eq!(told[1], expected, "{host:?}");
        }
    }
}

#[tokio::test]
async fn a_name_of_ones_own_is_as_clients_write_it() {
    for (target, port, https, written) in [
        ("api.partner.example", 443, true, "api.partner.example"),
        ("api.partner.example", 80, true, "api.partner.example:80"),
        ("api.partner.example", 80, false, "api.partner.example"),
        ("api.partner.example.", 443, true, "api.partner.example"),
        ("api.partner.example.", 8443, true, "api.partner.example:8443"),
        ("::1", 443, false, "[::1]:443"),
        ("::1", 443, true, "[::1]"),
    ] {
        let mut settings = settings(&[([127, 0, 0, 1], 1).into()]);
        (settings.targets[0].host, settings.targets[0].port) = (target.to_owned(), port);
        settings.tls = https.then(UpstreamTls::default);
        let upstream = build(settings);
        assert_eq!(upstream.targets[0].authority, written);
        assert_eq!(upstream.targets[0].host_header, written);
    }
}
