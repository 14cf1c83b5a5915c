//! `xml-json`: documents of records, both ways; beside them a native library that reads the same.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use quick_xml::{Reader, XmlVersion, events::Event};
use serde_json::Value;
use torana::{body::Body, chain::Chain, message::Exchange, plugin::PluginFilter};

use super::{BATCH, documents, exchange, route, set};
use crate::{cpu::CpuTime, room::Room};

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("xml-to-json");
    for (name, size) in documents::SIZES {
        let text = documents::orders_xml(size);
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (what, keep) in kept(size) {
            let id = BenchmarkId::new(what, name);
            translate(&mut group, id, &room, Way { service: "json", sent: "xml", keep }, &text);
        }
        group.bench_function(BenchmarkId::new("quick-xml", name), |b| b.iter(|| read(&text)));
    }
    group.finish();

    let mut group = c.benchmark_group("json-to-xml");
    for (name, size) in documents::SIZES {
        let text = documents::orders_json(size);
        group.throughput(Throughput::Bytes(text.len() as u64));
        for (what, keep) in kept(size) {
            let id = BenchmarkId::new(what, name);
            translate(&mut group, id, &room, Way { service: "xml", sent: "json", keep }, &text);
        }
        group.bench_function(BenchmarkId::new("serde_json", name), |b| {
            b.iter(|| serde_json::from_str::<Value>(&text).expect("JSON"));
        });
    }
    group.finish();
}

/// An instance that grew by more than `limits.keep` is not used again. Where documents are large
/// that is seen, so they are measured with more of it too.
pub(super) fn kept(size: usize) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![("plugin", "1MiB")];
    if size >= 1_000_000 {
        all.push(("plugin-kept", "64MiB"));
    }
    all
}

struct Way {
    service: &'static str,
    sent: &'static str,
    keep: &'static str,
}

/// `on-request-body` over a document.
fn translate(group: &mut super::Group<'_>, id: BenchmarkId, room: &Room, way: Way, text: &str) {
    let Way { service, sent, keep } = way;
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    group.bench_function(id, |b| {
        let chain = room.chain(&route(&plugin(service, keep), "\"partners\""));
        let setup = || {
            let mut exchange = exchange();
            set(&mut exchange, "content-type", &format!("application/{sent}"));
            set(&mut exchange, "content-length", &bytes.len().to_string());
            room.runtime.block_on(chain.request_heads(&mut exchange)).expect("next");
            exchange
        };
        check(room, &chain, &mut setup(), &bytes, service);
        let run = |exchange: &mut Box<Exchange>| {
            let body = Body::from(bytes.clone());
            room.runtime.block_on(chain.request_body(exchange, body)).expect("next")
        };
        b.iter_batched_ref(setup, run, BATCH);
    });
}

fn plugin(service: &str, keep: &str) -> String {
    format!(
        r#"
[plugins.partners]
component = "xml-json"
limits = {{ cpu = "2s", keep = "{keep}" }}
[plugins.partners.grants]
request-edit = true
response-edit = true
request-body = "read-write"
response-body = "read-write"
[plugins.partners.config]
service = "{service}"
arrays = ["orders.order", "orders.order.line"]
types = {{ "orders.order.line.sum" = "number", "orders.order.@paid" = "boolean" }}
"#
    )
}

/// That the work which is measured is done.
fn check(
    room: &Room,
    chain: &Chain<PluginFilter>,
    exchange: &mut Box<Exchange>,
    bytes: &Bytes,
    service: &str,
) {
    let body = Body::from(bytes.clone());
    let body = room.runtime.block_on(chain.request_body(exchange, body)).expect("next");
    let body = room.runtime.block_on(body.collect(64 << 20)).expect("a body");
    match service {
        "json" => {
            let value: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(value["orders"]["order"][0]["line"][1]["code"], "B-00000");
        }
        _ => {
            let body = std::str::from_utf8(&body).expect("UTF-8");
            assert!(body.contains("<code>B-00000</code>"), "{}", &body[..200]);
            read(body);
        }
    }
}

/// Reads a document to its end, with attributes and references; makes nothing of it.
fn read(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut sum = 0;
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) | Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("an attribute");
                    let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                    sum += value.expect("a value").len();
                }
            }
            Event::Text(text) => sum += text.xml10_content().len(),
            Event::GeneralRef(name) => sum += name.xml10_content().len(),
            Event::Eof => return sum,
            _ => {}
        }
    }
}
