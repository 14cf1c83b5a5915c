//! `api-key`: keys that somebody has, and one that nobody has.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use criterion::{BenchmarkId, Criterion};
use http::StatusCode;

use super::{exchange, heads, route, set};
use crate::{cpu::CpuTime, room::Room};

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("api-key");
    for consumers in [1, 1_000] {
        let text = route(&plugin(consumers), "\"keys\"");
        for (what, number, status) in [
            ("known", consumers - 1, StatusCode::OK),
            ("unknown", consumers, StatusCode::UNAUTHORIZED),
        ] {
            let key = key(number);
            let id = BenchmarkId::new(what, consumers);
            heads(&mut group, id, &room, &text, status, || {
                let mut exchange = exchange();
                set(&mut exchange, "x-api-key", &key);
                exchange
            });
        }
    }
    group.finish();
}

fn plugin(consumers: usize) -> String {
    let mut text = String::from(
        r#"
[plugins.keys]
component = "api-key"
grants = { request-edit = true, attributes = ["consumer.id", "consumer.tier"] }
[plugins.keys.config]
headers = { x-consumer = "{attributes.consumer.id}" }
"#,
    );
    for number in 0..consumers {
        let hash = hash(number);
        let _ = write!(
            text,
            "[[plugins.keys.config.consumers]]\n\
             id = \"c-{number}\"\ntier = \"gold\"\nkeys = [\"{hash}\"]\n"
        );
    }
    text
}

fn key(number: usize) -> String {
    format!("demo_{number:08}_{:0>43}", number * 7919)
}

/// As `torana secret hash` writes it.
fn hash(number: usize) -> String {
    let salt = (number as u128).to_be_bytes();
    let mut digest = Context::new(&SHA256);
    digest.update(&salt);
    digest.update(key(number).as_bytes());
    let (salt, digest) = (BASE64URL.encode(salt), BASE64URL.encode(digest.finish()));
    format!("sha256:{number:08}:{salt}:{digest}")
}
