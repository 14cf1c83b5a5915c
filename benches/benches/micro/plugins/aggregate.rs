//! `aggregate`: a reply of four parts. The services are in this process, on a thread of their own.
//! What the parts weigh is measured in CPU time; beside it the same four calls without the plugin, and
//! serde_json, which reads four documents and writes one of them.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use torana::{
    body::Body,
    chain::Chain,
    dispatch::{Destination, Dispatch as _, Outgoing},
    fields::Fields,
    message::Reply,
    plugin::PluginFilter,
};

use super::{documents, known, translate::kept};
use crate::{cpu::CpuTime, room::Room};

const NAMES: [&str; 4] = ["catalog", "inventory", "reviews", "related"];

/// What the slowest of four takes in its service, where one is slow.
const SLOW: Duration = Duration::from_millis(5);

pub(crate) fn benches(c: &mut Criterion) {
    let room = Room::new();
    let mut group = c.benchmark_group("aggregate");
    for (name, slowest) in [("at-once", Duration::ZERO), ("5ms", SLOW)] {
        let takes = [Duration::ZERO, Duration::ZERO, Duration::ZERO, slowest];
        group.bench_function(BenchmarkId::new("plugin", name), |b| {
            let chain = room.chain(&configuration(&services(takes, SMALL), ""));
            check(&room, &chain);
            b.iter(|| handle(&room, &chain));
        });
        group.bench_function(BenchmarkId::new("four-calls", name), |b| {
            room.chain(&configuration(&services(takes, SMALL), ""));
            b.iter(|| calls(&room, &NAMES));
        });
        group.bench_function(BenchmarkId::new("slowest-alone", name), |b| {
            room.chain(&configuration(&services(takes, SMALL), ""));
            b.iter(|| calls(&room, &NAMES[3..]));
        });
    }
    group.finish();
}

/// Documents of so many bytes in all, a quarter from each service.
pub(super) fn weights(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("aggregate-documents");
    for (name, size) in documents::SIZES {
        let part = documents::products(size / NAMES.len());
        let services = services([Duration::ZERO; 4], &part);
        group.throughput(Throughput::Bytes((part.len() * NAMES.len()) as u64));
        for (what, keep) in kept(size) {
            group.bench_function(BenchmarkId::new(what, name), |b| {
                let limits = format!("limits = {{ cpu = \"2s\", keep = \"{keep}\" }}");
                let chain = room.chain(&configuration(&services, &limits));
                check(&room, &chain);
                b.iter(|| handle(&room, &chain));
            });
        }
        group.bench_function(BenchmarkId::new("four-calls", name), |b| {
            room.chain(&configuration(&services, ""));
            b.iter(|| calls(&room, &NAMES));
        });
        group.bench_function(BenchmarkId::new("serde_json", name), |b| b.iter(|| merged(&part)));
    }
    group.finish();
}

/// What the plugin makes of four answers, by trees.
fn merged(part: &str) -> Vec<u8> {
    let read = |name: &&str| {
        let value: Value = serde_json::from_str(part).expect("JSON");
        ((*name).to_owned(), if *name == "related" { value["items"].clone() } else { value })
    };
    let reply: Map<String, Value> = NAMES.iter().map(read).collect();
    serde_json::to_vec(&reply).expect("a document")
}

/// `limits`: of the plugin.
fn configuration(services: &[SocketAddr], limits: &str) -> String {
    let mut text = String::from("[listen.public]\naddress = \"127.0.0.1:8080\"\n");
    for (name, address) in NAMES.iter().zip(services) {
        let _ = writeln!(text, "[upstreams.{name}]\ntargets = [\"{address}\"]");
    }
    text + "\n[plugins.details]\n"
        + limits
        + r#"
component = "aggregate"
grants = { fetch = ["catalog", "inventory", "reviews", "related"] }
config.parts.product = { to = "catalog", path = "/p/{params.id}", not_found = "pass" }
config.parts.stock = { to = "inventory", path = "/p/{params.id}", on_error = "omit" }
config.parts.reviews = { to = "reviews", path = "/p", query = { limit = "{request.query.limit:-3}" }, on_error = { default = [] } }
config.parts.related = { to = "related", path = "/p/{params.id}", pick = "items", on_error = "omit" }
[[routes]]
name = "r"
match = { path = "/orders/{id}" }
chain = ["details"]
"#
}

fn handle(room: &Room, chain: &Chain<PluginFilter>) -> Reply {
    room.runtime.block_on(chain.handle(&mut known(), Body::Empty)).expect("a reply")
}

fn check(room: &Room, chain: &Chain<PluginFilter>) {
    let reply = handle(room, chain);
    assert_eq!(reply.status, StatusCode::OK);
    let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let parts: Vec<_> = body.as_object().expect("an object").keys().collect();
    assert_eq!(parts, ["product", "stock", "reviews", "related"]);
}

/// The same calls, without the plugin.
fn calls(room: &Room, names: &[&'static str]) {
    let outgoing = |name: &&'static str| Outgoing {
        to: Destination::Upstream((*name).into()),
        method: Method::GET,
        path: "/p/7".into(),
        headers: Fields::new(),
        body: bytes::Bytes::new(),
        timeout: Duration::from_secs(5),
        max_body: 1 << 20,
        calls: None,
    };
    for answer in
        room.runtime.block_on(join_all(names.iter().map(|n| room.fetch.send(outgoing(n)))))
    {
        assert_eq!(answer.expect("an answer").status, StatusCode::OK);
    }
}

/// An answer that weighs nothing.
const SMALL: &str =
    r#"{"id":7,"name":"Desk lamp","price":12.90,"items":[{"id":1},{"id":2},{"id":3}]}"#;

/// Starts a service for each time that one takes; they run until the process ends.
fn services(takes: [Duration; 4], body: &str) -> Vec<SocketAddr> {
    let (tell, told) = mpsc::channel();
    let reply: Arc<str> = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut running = Vec::new();
            for takes in takes {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                running.push(serve(listener, takes, reply.clone()));
            }
            join_all(running).await;
        });
    });
    told.iter().take(takes.len()).collect()
}

async fn serve(listener: TcpListener, takes: Duration, reply: Arc<str>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, takes, reply.clone()));
    }
}

/// Answers each request of a connection, none of which has a body.
async fn answer(mut stream: TcpStream, takes: Duration, reply: Arc<str>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        head.clear();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        stream.write_all(reply.as_bytes()).await?;
    }
}
