//! SIGUSR2: another process takes the place of the one that runs, and no client notices.

use std::{
    fs,
    net::SocketAddr,
    os::unix::net::UnixDatagram,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::Signal;
use tokio::{net::TcpStream, sync::watch, task::JoinSet};
use torana_tests::{
    Backend, Client, Gateway, PATIENCE, Raw, Setup, pause, raw, reply, toml, within,
};

use crate::guests::wait_for_metric;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// What clients have in common: when to stop, and how much each kind of them has done.
#[derive(Clone)]
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<watch::Sender<[usize; 3]>>,
}

impl Load {
    fn new() -> Self {
        Self { stop: Arc::default(), served: Arc::new(watch::channel([0; 3]).0) }
    }

    async fn run(self, kind: usize, mut ask: impl AsyncFnMut()) {
        while !self.stop.load(SeqCst) {
            ask().await;
            self.served.send_modify(|served| served[kind] += 1);
        }
    }

    fn served(&self) -> [usize; 3] {
        *self.served.borrow()
    }

    /// Waits until clients of every kind have been served.
    async fn goes_on(&self) {
        let (before, mut served) = (self.served(), self.served.subscribe());
        let more = served.wait_for(|served| served.iter().zip(before).all(|(n, b)| *n >= b + 5));
        within("requests of every kind of client", more).await.expect("the load is there");
    }
}

/// A client over HTTP/2, which opens another connection when it is told to.
struct Http2 {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Http2 {
    async fn get(&mut self) {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => {
                    let tcp = TcpStream::connect(self.address).await.expect("connecting");
                    let io = TokioIo::new(tcp);
                    let (client, driver) =
                        handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
                    tokio::spawn(driver);
                    client
                }
            };
            let request =
                http::Request::get("http://a/a").body(Full::default()).expect("a request");
            match connection.try_send_request(request).await {
                Ok(answer) => {
                    assert_eq!(answer.status(), 200);
                    let body = answer.into_body().collect().await.expect("a body").to_bytes();
                    assert_eq!(body, "ok");
                    self.connection = Some(connection);
                    return;
                }
                // RFC 9113, 6.8: what comes back was not sent; it goes over another connection.
                Err(mut error) => assert!(error.take_message().is_some(), "{:?}", error.error()),
            }
        }
    }
}

async fn new_connection(address: SocketAddr) {
    let answer = raw(address, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("ok"), "{answer:?}");
}

async fn stopped(gateway: &Gateway, count: usize) {
    gateway.log().wait_for(count, "the end of one before", |line| line.ends_with(" stopped")).await;
}

#[tokio::test]
async fn ten_hand_overs_under_load_lose_no_request() {
    let backend = Backend::start_async(|_| async {
        // Long enough that there are always some on their way.
        pause(Duration::from_millis(2)).await;
        reply(200, "ok")
    })
    .await;
    let mut gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let address = gateway.address("public");
    let load = Load::new();
    let mut clients = JoinSet::new();
    for _ in 0..3 {
        clients.spawn(load.clone().run(0, async move || new_connection(address).await));
        let client = Client::new(address);
        let keep = async move || assert_eq!(client.get("/a").await.text(), "ok");
        clients.spawn(load.clone().run(1, keep));
        let mut http2 = Http2 { address, connection: None };
        clients.spawn(load.clone().run(2, async move || http2.get().await));
    }
    for turn in 0..10 {
        load.goes_on().await;
        // Also from few workers to many, and back.
        let workers = format!("workers = {}", [3, 1, 2, 4][turn % 4]);
        gateway.write(&toml::proxy(backend.address()).replace("workers = 2", &workers));
        gateway.hand_over().await;
    }
    load.goes_on().await;
    load.stop.store(true, SeqCst);
    while let Some(client) = within("the clients' ends", clients.join_next()).await {
        client.expect("every request was answered");
    }
    let served: usize = load.served().iter().sum();
    assert_eq!(backend.received().len(), served, "each request once");
    stopped(&gateway, 10).await;
    assert_eq!(gateway.stop().await.code(), Some(0));
}

/// A service that answers when it is told to.
async fn waiting() -> (Backend, watch::Sender<bool>) {
    let (go_on, may_go_on) = watch::channel(false);
    let backend = Backend::start_async(move |received| {
        let mut may_go_on = may_go_on.clone();
        async move {
            if received.target == "/slow" {
                may_go_on.wait_for(|go| *go).await.expect("the test goes on");
            }
            reply(200, "ok")
        }
    })
    .await;
    (backend, go_on)
}

#[tokio::test]
async fn running_requests_end_and_kept_connections_are_told() {
    let (backend, go_on) = waiting().await;
    let mut gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let address = gateway.address("public");
    let mut kept = Raw::connect(address).await;
    kept.write(GET).await;
    assert!(!kept.read_head().await.contains("connection: close"));
    kept.read_exact(2).await;
    let mut slow = Raw::connect(address).await;
    slow.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    backend.wait_for(2).await;

    gateway.hand_over().await;
    // Each request of a kept connection is answered, and one of the answers is the last.
    let last = async {
        loop {
            kept.write(GET).await;
            let head = kept.read_head().await;
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            assert_eq!(kept.read_exact(2).await, "ok");
            if head.contains("\r\nconnection: close\r\n") {
                return kept.read_to_close().await;
            }
        }
    };
    assert_eq!(within("the last answer", last).await, "");
    // The numbers are those of the new process, while the old one still has a request.
    wait_for_metric(&gateway, "torana_requests_in_flight", &[], 0.0).await;
    wait_for_metric(&gateway, "torana_connections_accepted_total", &[], 0.0).await;
    go_on.send(true).expect("the service runs");
    let answer = slow.read_to_close().await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("ok"), "{answer}");
    stopped(&gateway, 1).await;
    assert_eq!(gateway.client().get("/a").await.text(), "ok");
}

#[tokio::test]
async fn a_file_that_is_wrong_by_now_leaves_the_old_process_serving() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let good = toml::proxy(backend.address());
    let mut gateway = Gateway::start(&good).await;
    let client = gateway.client();
    client.get("/a").await;
    for (from, to, why) in [
        ("upstream = \"service\"", "upstream = \"nowhere\"", "nowhere"),
        // That nobody may bind is found out last.
        ("[listen.public]", "[listen.more]\naddress = \"192.0.2.1:1\"\n[listen.public]", "192.0.2"),
    ] {
        let before = gateway.log().len();
        gateway.write(&good.replace(from, to));
        gateway.signal(Signal::SIGUSR2);
        let refused = |line: &str| line.contains("not handed over");
        gateway.log().wait_from(before, "that it failed", refused).await;
        gateway.log().wait_from(before, "the reason", |line| line.contains(why)).await;
        assert_eq!(client.get("/a").await.text(), "ok");
    }
    assert_eq!(client.connections(), 1, "the client does not notice");
    gateway.write(&good);
    gateway.hand_over().await;
    assert_eq!(gateway.client().get("/a").await.text(), "ok");
}

#[tokio::test]
async fn a_stop_in_a_hand_over_stops_both() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let good = toml::proxy(backend.address());
    let mut gateway = Gateway::start(&good).await;
    // The new process waits for somebody to write into this.
    let made = Command::new("mkfifo").arg(gateway.path("fifo")).status().expect("mkfifo");
    assert!(made.success());
    gateway.write(&good.replace("workers = 2", "workers = { file = \"fifo\" }"));
    gateway.signal(Signal::SIGUSR2);
    let starting = |line: &str| line.contains("starting another process");
    gateway.wait_for_log("the hand-over", starting).await;
    assert_eq!(gateway.client().get("/a").await.text(), "ok");
    gateway.signal(Signal::SIGTERM);
    // The log ends when nobody has it open any more.
    assert_eq!(gateway.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_listener_that_is_new_is_bound_and_one_that_is_gone_is_closed() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let one = toml::proxy(backend.address());
    let two =
        one.replace("[listen.public]", "[listen.more]\naddress = \"127.0.0.1:0\"\n[listen.public]");
    let mut gateway = Gateway::start(&one).await;
    gateway.write(&two);
    gateway.hand_over().await;
    let is_more = |line: &str| line.contains("listening") && line.contains("listener=\"more\"");
    let line = gateway.wait_for_log("the new listener", is_more).await;
    let more = line.split("address=").nth(1).and_then(|text| text.trim().parse().ok());
    let more: SocketAddr = more.expect("an address");
    new_connection(more).await;
    gateway.write(&one);
    gateway.hand_over().await;
    gateway.wait_for_log("that it is closed", |line| line.contains("no listener has")).await;
    let closed = async {
        while TcpStream::connect(more).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within("connections to be refused", closed).await;
    new_connection(gateway.address("public")).await;
}

#[tokio::test]
async fn what_a_process_had_open_of_its_own_is_not_open_in_the_next() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let mut gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for _ in 0..2 {
        gateway.hand_over().await;
        let own = format!("/proc/{}/", gateway.pid());
        for file in fs::read_dir(format!("{own}fd")).expect("its files") {
            // Some are closed meanwhile.
            let Ok(target) = fs::read_link(file.expect("a file").path()) else { continue };
            // wasmtime looks at the pages of its process, and would let others have the file.
            let is_own = target.starts_with(&own) || !target.starts_with("/proc");
            assert!(is_own, "{} is open in {own}", target.display());
        }
    }
}

#[tokio::test]
async fn the_supervisor_is_told_what_happens() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).expect("a socket");
    supervisor.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let told = || {
        let mut bytes = [0; 200];
        let length = supervisor.recv(&mut bytes).expect("a word of the gateway");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let setup = Setup::new(&toml::proxy(backend.address()));
    let mut gateway = setup.env("NOTIFY_SOCKET", path.to_str().expect("UTF-8")).start().await;
    assert_eq!(told(), "READY=1");
    gateway.signal_reload();
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1");
    gateway.hand_over().await;
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), format!("MAINPID={}\nREADY=1", gateway.pid()));
    // The new one speaks for itself from now on.
    gateway.signal_reload();
    assert!(told().starts_with("RELOADING=1"));
    assert_eq!(told(), "READY=1");
    assert_eq!(gateway.stop().await.code(), Some(0));
    assert_eq!(told(), "STOPPING=1");
}
