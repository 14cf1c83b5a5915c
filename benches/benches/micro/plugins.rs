//! The bundled plugins, each with the settings of an ordinary route, called through the chain.
//! Where a library does the same work natively, it is measured beside it. All in CPU time, but for how
//! long a reply of `aggregate` takes, whose services run on another thread.

use criterion::{BatchSize, BenchmarkId, Criterion};
use http::{HeaderName, HeaderValue, StatusCode};
use torana::message::Exchange;

use crate::{
    cpu::CpuTime,
    room::{self, Heads, Room},
};

mod aggregate;
mod browser;
mod documents;
mod five;
mod keys;
mod policy;
mod shape;
mod tokens;
mod translate;

type Group<'a> = criterion::BenchmarkGroup<'a, CpuTime>;

pub(crate) use aggregate::benches as waits;

pub(crate) fn benches(c: &mut Criterion<CpuTime>) {
    tokens::benches(c);
    keys::benches(c);
    policy::benches(c);
    browser::benches(c);
    five::benches(c);
    translate::benches(c);
    shape::benches(c);
    aggregate::weights(c);
}

/// Few enough that they stay in the CPU's cache, as the exchange of one connection does.
const BATCH: BatchSize = BatchSize::NumIterations(8);

/// A configuration with these plugins in the chain of one route.
fn route(plugins: &str, chain: &str) -> String {
    format!(
        r#"
[listen.public]
address = "127.0.0.1:8080"
[upstreams.a]
targets = ["127.0.0.1:9001"]
{plugins}
[[routes]]
name = "r"
match = {{ path = "/orders/{{id}}" }}
chain = [{chain}]
upstream = "a"
"#
    )
}

/// `GET /orders/7?format=csv` of a known client.
fn exchange() -> Box<Exchange> {
    let mut exchange = room::exchange();
    exchange.id = "0190c3f8-4e8a-7cc2-9d3a-0f2b8d1c7a55".into();
    exchange.route = "r".into();
    exchange.request.uri = http::Uri::from_static("/orders/7?format=csv");
    exchange.params = vec![("id".into(), "7".into())];
    exchange.upstreams = ["a".into()].into();
    exchange.client.address = [192, 0, 2, 1].into();
    exchange
}

/// The same, after the plugins that say who it is.
fn known() -> Box<Exchange> {
    let mut exchange = exchange();
    for (name, value) in [
        ("consumer.id", "u-1842"),
        ("consumer.tier", "gold"),
        ("auth.scopes", "orders:read orders:write profile"),
        ("auth.claims", tokens::CLAIMS),
    ] {
        assert!(exchange.attributes.set(name.into(), value.into()), "there is room");
    }
    exchange
}

fn set(exchange: &mut Exchange, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).expect("a header's value");
    exchange.request.headers.insert(HeaderName::from_static(name), value);
}

/// All head hooks of a chain, over an exchange that is new each time.
fn heads(
    group: &mut Group<'_>,
    id: BenchmarkId,
    room: &Room,
    text: &str,
    status: StatusCode,
    exchange: impl Fn() -> Box<Exchange>,
) {
    group.bench_function(id, |b| {
        let chain = room.chain(text);
        let setup = || Heads::from(exchange());
        // The first one makes room: what is remembered is remembered, what runs out has run out.
        room.heads(&chain, &mut setup());
        assert_eq!(room.heads(&chain, &mut setup()), status, "what the plugins answer");
        b.iter_batched_ref(setup, |held| room.heads(&chain, held), BATCH);
    });
}

fn named(name: &str) -> BenchmarkId {
    BenchmarkId::from_parameter(name)
}
