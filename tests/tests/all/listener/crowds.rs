//! More connections than there is room for, and many that do nothing.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    time::Instant,
};

use futures_util::{StreamExt as _, stream::iter};
use nix::{
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};
use torana_tests::{Backend, Gateway, Setup, reply, toml, within};

use crate::guests::{metric, wait_for_metric};

fn cannot_accept(line: &str) -> bool {
    line.contains("cannot accept connections")
}

#[tokio::test]
async fn without_file_descriptors_clients_wait_and_are_served_when_some_are_free() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let setup = Setup::new(&toml::proxy(backend.address())).shell("ulimit -n 120");
    let gateway = setup.start().await;
    assert_eq!(gateway.client().get("/a").await.text(), "ok");
    let started = Instant::now();
    let mut crowd = Vec::new();
    for _ in 0..300 {
        let one = TcpStream::connect(gateway.address("public")).await;
        crowd.push(one.expect("the kernel takes it"));
    }
    gateway.wait_for_log("that there is no room", cannot_accept).await;
    // Whoever asks now waits, and is served when others leave.
    let mut waiting = TcpStream::connect(gateway.address("public")).await.expect("connecting");
    waiting.write_all(b"GET /a HTTP/1.0\r\n\r\n").await.expect("writing");
    drop(crowd);
    let mut answer = String::new();
    let read = within("an answer", waiting.read_to_string(&mut answer)).await;
    read.expect("an answer");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    for _ in 0..20 {
        assert_eq!(gateway.client().get("/a").await.text(), "ok");
    }
    // It tried again now and then, not all the time: two workers, every 50 ms at most.
    let tries = metric(&gateway, "torana_connections_not_accepted_total", &[]).await;
    let most = 2.0 * (started.elapsed().as_secs_f64() / 0.05 + 1.0);
    assert!((1.0..=most).contains(&tries), "{tries} tries, {most} at most");
    let told = gateway.log().lines().iter().filter(|line| cannot_accept(line)).count() as f64;
    assert!(told <= 2.0 * (started.elapsed().as_secs_f64() / 10.0 + 1.0), "told {told} times");
}

#[tokio::test]
async fn too_few_file_descriptors_for_the_limits_are_told_of() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let few = |line: &str| line.contains("fewer files may be open");
    let toml = toml::proxy(backend.address());
    let gateway = Setup::new(&toml).shell("ulimit -n 1000").start().await;
    let line = gateway.wait_for_log("a warning", few).await;
    assert!(line.contains("allowed=1000"), "{line}");
    // The soft limit is raised: it is not what counts.
    let limits = "[listen.public]\nlimits = { connections = 400 }";
    let toml = toml.replace("[listen.public]", limits);
    let gateway = Setup::new(&toml).shell("ulimit -Sn 64; ulimit -Hn 1000").start().await;
    assert!(!gateway.log().lines().iter().any(|line| few(line)), "{}", gateway.log().quote());
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).expect("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert_eq!(files.split_whitespace().nth(3), Some("1000"), "{files}");
}

/// How many connections there can be from here, of as many as one would like.
fn room_for(wanted: u64) -> u64 {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("raising it");
    // Both sides need as many, and some for themselves.
    wanted.min(hard.saturating_sub(500))
}

/// Bytes of memory that a process holds.
fn resident(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kibibytes = line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    kibibytes.expect("a number") * 1024
}

/// A connection on which one request was answered. Each thousand has a source address of its own,
/// for there are not so many ports.
async fn idle(address: SocketAddr, number: u64) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let source = Ipv4Addr::new(127, 0, 1, (number / 1000) as u8);
    socket.bind((source, 0).into()).expect("a port");
    let mut stream = socket.connect(address).await.expect("connecting");
    stream.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("writing");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let read = within("an answer", stream.read_buf(&mut answer)).await.expect("an answer");
        assert!(read > 0, "closed after {answer:?}");
    }
    stream
}

#[tokio::test]
async fn ten_thousand_idle_connections_cost_little_and_slow_nobody() {
    let count = room_for(10_000);
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let listen = "[listen.public]\nlimits = { idle_timeout = \"10m\" }";
    let toml = toml::proxy(backend.address()).replace("[listen.public]", listen);
    let gateway = Gateway::start(&toml).await;
    let address = gateway.address("public");
    let client = gateway.client();
    // What grows with the first requests has grown.
    for number in 0..200 {
        idle(address, number).await;
    }
    wait_for_metric(&gateway, "torana_connections_open", &[], 0.0).await;
    let before = resident(gateway.pid());
    let crowd: Vec<_> =
        iter(0..count).map(|n| idle(address, n)).buffer_unordered(50).collect().await;
    let open = metric(&gateway, "torana_connections_open", &[]).await;
    assert_eq!(open, count as f64);
    let each = resident(gateway.pid()).saturating_sub(before) / count;
    println!("{count} idle connections: {each} bytes each");
    assert!(each < 64 << 10, "{each} bytes for each of {count} idle connections");
    for _ in 0..100 {
        assert_eq!(client.get("/a").await.text(), "ok");
    }
    drop(client);
    // Without an end, so that no port has to wait.
    crowd.into_iter().for_each(|one| one.set_zero_linger().expect("an open socket"));
    wait_for_metric(&gateway, "torana_connections_open", &[], 0.0).await;
    let given_back = async {
        while resident(gateway.pid()) > before + (count * each) / 2 {
            assert_eq!(gateway.client().get("/a").await.text(), "ok");
        }
    };
    within("the memory to be given back", given_back).await;
}
