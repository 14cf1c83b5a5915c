//! One plugin call, pooled and fresh; chains of one, three and five; a whole body of 64 KiB.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use torana::{body::Body, chain::Chain, message::Exchange, plugin::PluginFilter};

use crate::room::{Room, exchange};

/// Checks one header and adds one: the work of the other gateways' benchmarks.
const HEADERS: &str = r#"
[listen.public]
address = "127.0.0.1:8080"
[upstreams.a]
targets = ["127.0.0.1:9001"]
[plugins.headers]
component = "headers"
isolation = "ISOLATION"
grants = { request-edit = true, response-edit = true }
config = { request = { set = { x-from = "{request.header.x-tenant}" } } }
[[routes]]
name = "r"
match = { path = "/" }
chain = [CHAIN]
upstream = "a"
"#;

const BODY: &str = r#"
[listen.public]
address = "127.0.0.1:8080"
[upstreams.a]
targets = ["127.0.0.1:9001"]
[plugins.upper]
component = { path = "test-guests/body-upper.wasm" }
grants = { request-body = "read-write", response-body = "read-write" }
[[routes]]
name = "r"
match = { path = "/" }
chain = ["upper"]
upstream = "a"
"#;

pub(crate) fn benches(c: &mut Criterion) {
    calls(c);
    body(c);
}

fn calls(c: &mut Criterion) {
    let room = Room::new();
    let mut group = c.benchmark_group("head");
    for isolation in ["pooled", "request"] {
        for length in [1, 3, 5] {
            group.bench_function(BenchmarkId::new(isolation, length), |b| {
                let plugins = vec!["\"headers\""; length].join(", ");
                let text = HEADERS.replace("ISOLATION", isolation).replace("CHAIN", &plugins);
                let chain = room.chain(&text);
                let mut exchange = exchange();
                b.iter(|| pass(&room, &chain, &mut exchange));
            });
        }
    }
    group.finish();
}

fn pass(room: &Room, chain: &Chain<PluginFilter>, exchange: &mut Box<Exchange>) {
    exchange.trail.clear();
    room.runtime.block_on(chain.request_heads(exchange)).expect("every plugin says next");
}

fn body(c: &mut Criterion) {
    let room = Room::new();
    let bytes = Bytes::from(vec![b'a'; 64 << 10]);
    let mut group = c.benchmark_group("body");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("64KiB", |b| {
        let chain = room.chain(BODY);
        let mut exchange = exchange();
        b.iter(|| {
            exchange.trail.clear();
            let body = Body::from(bytes.clone());
            room.runtime.block_on(chain.request_body(&mut exchange, body)).expect("next")
        });
    });
    group.finish();
}
