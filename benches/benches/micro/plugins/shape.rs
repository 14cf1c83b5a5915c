//! `bff-shape`: a list of products for a phone; beside it serde_json, which reads and writes it.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::Value;
use torana::{body::Body, chain::Chain, message::Exchange, plugin::PluginFilter};

use super::{BATCH, documents, exchange, route, set, translate::kept};
use crate::{
    cpu::CpuTime,
    room::{Heads, Room},
};

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("bff-shape");
    for (name, size) in documents::SIZES {
        let text = documents::products(size);
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (what, keep) in kept(size) {
            group.bench_function(BenchmarkId::new(what, name), |b| {
                let chain = room.chain(&route(&plugin(keep), "\"shape\""));
                check(&room, &chain, &bytes);
                let setup = || prepared(&room, &chain);
                let run = |exchange: &mut Box<Exchange>| shape(&room, &chain, exchange, &bytes);
                b.iter_batched_ref(setup, run, BATCH);
            });
        }
        group.bench_function(BenchmarkId::new("serde_json", name), |b| {
            b.iter(|| {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                serde_json::to_vec(&value).expect("a document")
            });
        });
    }
    group.finish();
}

fn plugin(keep: &str) -> String {
    format!(
        r#"
[plugins.shape]
component = "bff-shape"
grants = {{ request-edit = true, response-edit = true, response-body = "read-write" }}
limits = {{ cpu = "2s", keep = "{keep}" }}
[plugins.shape.config]
default = "desktop"
sources = [{{ header = "x-client", values = {{ ios = "phone", android = "phone" }} }}]
[plugins.shape.config.profiles.phone]
include = ["total", "items[*].id", "items[*].name", "items[*].price.amount"]
move = {{ "items[*].images[0].url" = "thumb" }}
rename = {{ "items[*].name" = "title" }}
filter = {{ items = [{{ field = "stock", above = 0 }}] }}
[plugins.shape.config.profiles.desktop]
"#
    )
}

/// An exchange whose response has a head, and a body to come.
fn prepared(room: &Room, chain: &Chain<PluginFilter>) -> Box<Exchange> {
    let mut exchange = exchange();
    set(&mut exchange, "x-client", "ios");
    let mut held = Heads::from(exchange);
    room.heads(chain, &mut held);
    held.exchange
}

fn shape(
    room: &Room,
    chain: &Chain<PluginFilter>,
    exchange: &mut Box<Exchange>,
    bytes: &Bytes,
) -> Body {
    let body = Body::from(bytes.clone());
    room.runtime.block_on(chain.response_body(exchange, body, chain.all())).expect("next")
}

/// That the work which is measured is done.
fn check(room: &Room, chain: &Chain<PluginFilter>, bytes: &Bytes) {
    let body = shape(room, chain, &mut prepared(room, chain), bytes);
    let body = room.runtime.block_on(body.collect(64 << 20)).expect("a body");
    let value: Value = serde_json::from_slice(&body).expect("JSON");
    let expected =
        r#"{"id":1,"title":"Desk lamp 1","price":{"amount":11.90},"thumb":"/i/1-1.jpg"}"#;
    assert_eq!(value["items"][0], serde_json::from_str::<Value>(expected).expect("JSON"));
}
