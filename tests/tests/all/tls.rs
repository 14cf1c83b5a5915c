//! TLS in front of the gateway and behind it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    client::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        pki_types::{CertificateDer, ServerName},
        version,
    },
};
use torana_tests::{
    Authority, Backend, Gateway, Identity, Setup, command::torana, reply, toml, within,
};

use crate::guests::{handled, plugin, plugin_with};

type Connected = TlsStream<TcpStream>;

const TLS: &str = "tls = [{ cert = \"a.pem\", key = \"a.key\" }, \
                   { cert = \"b.pem\", key = \"b.key\" }]\n";

/// A gateway with certificates for a.example and b.example.
fn setup(authority: &Authority, more: &str, rest: &str) -> Setup {
    let toml = format!("{}{TLS}{more}{rest}", toml::LISTEN);
    let mut setup = Setup::new(&toml);
    for name in ["a", "b"] {
        let identity = authority.issue(&[&format!("{name}.example")]);
        setup = setup.file(&format!("{name}.pem"), identity.cert);
        setup = setup.file(&format!("{name}.key"), identity.key);
    }
    setup
}

fn to(backend: &Backend) -> String {
    toml::upstream("service", backend.address()) + &toml::route("all", toml::ALL)
}

async fn connect(
    connector: &TlsConnector,
    address: SocketAddr,
    name: &'static str,
) -> std::io::Result<Connected> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name).expect("a name");
    within("a TLS handshake", connector.connect(name, tcp)).await
}

fn shown(connected: &Connected) -> CertificateDer<'static> {
    connected.get_ref().1.peer_certificates().expect("a certificate")[0].clone().into_owned()
}

async fn get(connected: Connected, host: &str) -> Response<Bytes> {
    let request = Request::builder().uri("/a").header("host", host).body(Full::<Bytes>::default());
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(connected)).await.expect("a connection");
    tokio::spawn(connection);
    whole(sender.send_request(request.expect("a request")).await.expect("a reply")).await
}

async fn whole(reply: Response<hyper::body::Incoming>) -> Response<Bytes> {
    let (head, body) = reply.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Response::from_parts(head, body)
}

#[tokio::test]
async fn both_versions_of_http_are_negotiated() {
    let backend = Backend::start(|received| {
        reply(200, received.header("x-forwarded-proto").unwrap_or("none").to_owned())
    })
    .await;
    let authority = Authority::new();
    let gateway = setup(&authority, "", &to(&backend)).start().await;
    let address = gateway.address("public");
    let connector = authority.connector(&["http/1.1"], None);
    let connected = connect(&connector, address, "a.example").await.expect("a handshake");
    assert_eq!(get(connected, "a.example").await.body(), "https");

    let connector = authority.connector(&["h2", "http/1.1"], None);
    let connected = connect(&connector, address, "a.example").await.expect("a handshake");
    assert_eq!(connected.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(connected)).await.expect("h2");
    tokio::spawn(connection);
    let request = Request::get("https://a.example/a").body(Full::<Bytes>::default()).unwrap();
    let answer = whole(sender.send_request(request).await.expect("a reply")).await;
    assert_eq!((answer.version(), &answer.body()[..]), (Version::HTTP_2, &b"https"[..]));
}

#[tokio::test]
async fn the_certificate_is_that_of_the_name_and_a_reload_changes_it() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let authority = Authority::new();
    let gateway = setup(&authority, "", &to(&backend)).start().await;
    let address = gateway.address("public");
    let connector = authority.connector(&["http/1.1"], None);
    let a = connect(&connector, address, "a.example").await.expect("a handshake");
    let b = connect(&connector, address, "b.example").await.expect("a handshake");
    assert_ne!(shown(&a), shown(&b));
    assert!(connect(&connector, address, "c.example").await.is_err(), "nobody is called that");

    let renewed = authority.issue(&["b.example"]);
    std::fs::write(gateway.path("b.pem"), &renewed.cert).expect("writing");
    std::fs::write(gateway.path("b.key"), &renewed.key).expect("writing");
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    let new = connect(&connector, address, "b.example").await.expect("a handshake");
    assert_eq!(shown(&new), renewed.der());
    assert_eq!(get(b, "b.example").await.body(), "fine", "an open connection stays");
}

/// With a.example's certificate expired, and b.example's about to.
fn worn(authority: &Authority) -> (String, Vec<(&'static str, String)>) {
    let now = SystemTime::now();
    let old = authority.issue_until(&["a.example"], now - 30 * DAY);
    let soon = authority.issue_until(&["b.example"], now + 10 * DAY + DAY / 2);
    let files =
        vec![("a.pem", old.cert), ("a.key", old.key), ("b.pem", soon.cert), ("b.key", soon.key)];
    let route = toml::route("all", &format!("{}\nreply = {{ status = 204 }}", MATCH_ALL));
    (format!("{}{TLS}{route}", toml::LISTEN), files)
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const MATCH_ALL: &str = "match = { path = \"/{*path}\" }";

#[tokio::test]
async fn a_certificate_that_has_expired_keeps_nothing_down() {
    let authority = Authority::new();
    let (toml, files) = worn(&authority);
    let mut setup = Setup::new(&toml);
    for (name, content) in &files {
        setup = setup.file(name, content);
    }
    let gateway = setup.start().await;
    let is_old = |line: &str| line.contains("warning") && line.contains("a.pem` expired on 20");
    gateway.wait_for_log("a warning", is_old).await;
    let connector = authority.connector(&["http/1.1"], None);
    let address = gateway.address("public");
    let b = connect(&connector, address, "b.example").await.expect("a handshake");
    assert_eq!(get(b, "b.example").await.status(), 204);
    assert!(connect(&connector, address, "a.example").await.is_err(), "its clients refuse it");

    let from = gateway.log().len();
    gateway.signal_reload();
    gateway.log().wait_from(from, "the reload", |line| line.contains("reloaded")).await;
    gateway.log().wait_from(from, "the same warning", is_old).await;
    let renewed = authority.issue(&["a.example"]);
    std::fs::write(gateway.path("a.key"), &renewed.key).expect("writing");
    std::fs::write(gateway.path("a.pem"), &renewed.cert).expect("writing");
    gateway.signal_reload();
    within("the renewed one", async {
        while connect(&connector, address, "a.example").await.is_err() {}
    })
    .await;
}

#[tokio::test]
async fn when_certificates_expire_is_told_before() {
    let authority = Authority::new();
    let (toml, files) = worn(&authority);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("gateway.toml"), &toml).expect("writing");
    let mut setup = Setup::new(&toml);
    for (name, content) in &files {
        std::fs::write(folder.path().join(name), content).expect("writing");
        setup = setup.file(name, content);
    }
    let said = torana(folder.path(), &["check", "gateway.toml"]).expect(0).stderr;
    let line = toml.lines().position(|line| line.starts_with("tls = ")).expect("it") + 1;
    assert!(
        said.contains(&format!("gateway.toml:{line}:17: warning: the certificate in `")),
        "{said}"
    );
    assert!(said.contains("a.pem` expired on 20"), "{said}");
    assert!(said.contains("b.pem` expires in 10 days, on 20"), "{said}");

    let gateway = setup.start().await;
    let page = gateway.admin().get("/metrics").await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    for (name, from_now) in [("a.pem", -30.0), ("b.pem", 10.5)] {
        let begin =
            "torana_certificate_not_after_timestamp_seconds{listener=\"public\",certificate=\"";
        let is_it = |line: &&str| line.starts_with(begin) && line.contains(name);
        let line = page.text().lines().find(is_it).unwrap_or_else(|| panic!("{}", page.text()));
        let end: f64 = line.rsplit(' ').next().unwrap().parse().expect("a number");
        let days = (end - now.as_secs_f64()) / DAY.as_secs_f64();
        assert!((days - from_now).abs() < 0.1, "{line}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_where_it_is_named() {
    let authority = Authority::new();
    let identity = authority.issue(&["a.example"]);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).expect("writing");
    };
    write("a.pem", &identity.cert);
    write("a.key", &identity.key);
    let route = toml::route("all", &format!("{}\nreply = {{ status = 204 }}", MATCH_ALL));
    for (tls, column, text) in [
        ("tls = [{ cert = \"no.pem\", key = \"a.key\" }]", 17, "no.pem"),
        ("tls = [{ cert = \"a.pem\", key = \"no.key\" }]", 32, "no.key"),
        (
            "client_ca = \"a.key\"\ntls = [{ cert = \"a.pem\", key = \"a.key\" }]",
            13,
            "no certificate of a CA",
        ),
    ] {
        let toml = format!("[listen.public]\naddress = \"127.0.0.1:0\"\n{tls}\n{route}");
        write("gateway.toml", &toml);
        let said = torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr;
        let place = format!("gateway.toml:3:{column}: error: ");
        let line =
            said.lines().find(|line| line.contains(&place)).unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains(text), "{said}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_and_plugins_see_it() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let rest = plugin("echo", "echo", "") + &handled("[\"echo\"]");
    let setup = setup(&authority, "client_ca = \"clients.pem\"\n", &rest);
    let gateway = setup.file("clients.pem", clients.pem()).start().await;
    let address = gateway.address("public");
    let identity = clients.issue(&["partner.example"]);
    let connector = authority.connector(&["http/1.1"], Some(&identity));
    let connected = connect(&connector, address, "a.example").await.expect("a handshake");
    let answer = get(connected, "a.example").await;
    let seen: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
    assert_eq!(seen["tls"]["name"], "a.example", "{seen:#}");
    assert_eq!(seen["tls"]["certificate"], identity.der().len(), "{seen:#}");

    let stranger = Authority::new().issue(&["partner.example"]);
    for identity in [None, Some(&stranger)] {
        let connector = authority.connector(&["http/1.1"], identity);
        // In TLS 1.3 a client learns with its first read that it was refused.
        let refused = match connect(&connector, address, "a.example").await {
            Err(_) => true,
            Ok(mut connected) => connected.read_u8().await.is_err(),
        };
        assert!(refused);
    }
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_plugins_see_which() {
    let authority = Authority::new();
    let rest = plugin("echo", "echo", "") + &handled("[\"echo\"]");
    let gateway = setup(&authority, "", &rest).start().await;
    for (version, name) in [(&version::TLS12, "TLSv1.2"), (&version::TLS13, "TLSv1.3")] {
        let connector = authority.connector_of(version);
        let connected = connect(&connector, gateway.address("public"), "a.example").await;
        let answer = get(connected.expect("a handshake"), "a.example").await;
        let seen: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
        assert_eq!(seen["tls"]["version"], name);
    }
}

/// An HTTPS service that answers "safe".
async fn service(identity: &Identity) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let acceptor = Arc::new(identity.acceptor());
    let serving = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                let answer = service_fn(async |_| {
                    Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from_static(b"safe"))))
                });
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(tls), answer).await;
            });
        }
    });
    (address, serving)
}

#[tokio::test]
async fn an_upstream_is_verified() {
    let authority = Authority::new();
    let (address, _serving) = service(&authority.issue(&["service.example"])).await;
    let toml = |tls: &str| {
        [toml::LISTEN, &toml::upstream("service", address), tls, &toml::route("all", toml::ALL)]
            .concat()
    };
    let start = |tls: &str, ca: &Authority| Setup::new(&toml(tls)).file("ca.pem", ca.pem()).start();
    let good = "tls = { ca = \"ca.pem\", sni = \"service.example\" }\n";
    let answer = start(good, &authority).await.client().get("/a").await;
    assert_eq!((answer.status, answer.text()), (200, "safe"));
    let other_name = "tls = { ca = \"ca.pem\", sni = \"other.example\" }\n";
    for (tls, ca) in [(good, &Authority::new()), (other_name, &authority)] {
        let gateway = start(tls, ca).await;
        gateway.client().get("/a").await.problem(502);
        gateway.wait_for_log("the reason", |line| line.contains("certificate")).await;
    }
}

#[tokio::test]
async fn a_plugin_fetches_over_tls_and_the_peer_is_verified() {
    let authority = Authority::new();
    let (address, _serving) = service(&authority.issue(&["localhost"])).await;
    let origin = format!("https://localhost:{}", address.port());
    let grants = format!("{{ fetch = [\"{origin}\"] }}");
    let calls = format!("config.calls = [{{ to = \"{origin}\" }}]");
    let fetcher = plugin_with("f", "fetcher", &grants, &calls);
    let toml = [toml::LISTEN, &fetcher, &handled("[\"f\"]")].concat();
    let ask = async |roots: &Authority| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("roots.pem");
        std::fs::write(&file, roots.pem()).expect("writing");
        // The system's roots are those of this file.
        let setup = Setup::new(&toml).env("SSL_CERT_FILE", file.to_str().expect("UTF-8"));
        let gateway: Gateway = setup.start().await;
        gateway.client().get("/a").await.json()
    };
    assert_eq!(ask(&authority).await[0]["body"], "safe");
    let came = ask(&Authority::new()).await.to_string();
    assert!(came.contains("Unreachable"), "{came}");
}
