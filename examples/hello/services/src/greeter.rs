//! Greets, and shows the headers that came with the request: what the gateway made of it.
//!
//! `GET /hello/{name}`

use std::collections::BTreeMap;

use serde_json::json;
use services_kit::{HeaderMap, Reply, Request, reply};

pub(crate) fn answer(request: &Request) -> Reply {
    let Some(name) = request.uri().path().strip_prefix("/hello/") else {
        return reply::status(404);
    };
    if request.method() != "GET" && request.method() != "HEAD" {
        return reply::status(405);
    }
    reply::json(200, &json!({ "hello": name, "headers": by_name(request.headers()) }))
}

/// In the order of their names, so that the same request gets the same answer.
fn by_name(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut sorted = BTreeMap::<_, String>::new();
    for (name, value) in headers {
        let values = sorted.entry(name.as_str()).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(&String::from_utf8_lossy(value.as_bytes()));
    }
    sorted
}
