//! `cors` and `headers`: both sides of an exchange.

use criterion::Criterion;
use http::{Method, StatusCode};
use torana::message::Exchange;

use super::{exchange, heads, known, named, route, set};
use crate::{cpu::CpuTime, room::Room};

pub(super) const CORS: &str = r#"
[plugins.cors]
component = "cors"
grants = { response-edit = true }
[plugins.cors.config]
origins = ["https://app.example.com", "https://*.preview.example.com"]
methods = ["GET", "PUT", "DELETE"]
headers = ["authorization", "content-type"]
expose = ["ratelimit", "retry-after"]
max_age = 600
"#;

pub(super) const HEADERS: &str = r#"
[plugins.headers]
component = "headers"
grants = { request-edit = true, response-edit = true }
[plugins.headers.config.request]
remove = ["x-debug"]
set = { x-user = "{params.id}", x-consumer = "{attributes.consumer.id}" }
[plugins.headers.config.response]
remove = ["server"]
add = { vary = "accept" }
"#;

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("cors");
    let text = route(CORS, "\"cors\"");
    heads(&mut group, named("simple"), &room, &text, StatusCode::OK, || of_page(exchange()));
    heads(&mut group, named("preflight"), &room, &text, StatusCode::NO_CONTENT, preflight);
    group.finish();

    let mut group = c.benchmark_group("headers");
    let text = route(HEADERS, "\"headers\"");
    heads(&mut group, named("both-sides"), &room, &text, StatusCode::OK, known);
    group.finish();
}

/// A request that a page of another origin makes.
pub(super) fn of_page(mut exchange: Box<Exchange>) -> Box<Exchange> {
    set(&mut exchange, "origin", "https://app.example.com");
    exchange
}

fn preflight() -> Box<Exchange> {
    let mut exchange = of_page(exchange());
    exchange.request.method = Method::OPTIONS;
    set(&mut exchange, "access-control-request-method", "PUT");
    set(&mut exchange, "access-control-request-headers", "authorization,content-type");
    exchange
}
