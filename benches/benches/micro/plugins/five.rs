//! The chain of an ordinary API, and each of its plugins alone over the same exchange.

use criterion::Criterion;
use http::StatusCode;

use super::{
    browser::{CORS, HEADERS, of_page},
    heads, known, named, policy, route, tokens,
};
use crate::{cpu::CpuTime, room::Room};

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let signer = tokens::Signer::rs256();
    let token = signer.token();
    let plugins = [
        CORS.to_owned(),
        tokens::plugin(&signer.pem, 500),
        policy::quota(r#""100000000/1s""#),
        policy::authz(r#"roles = ["clerk", "admin"]"#),
        HEADERS.to_owned(),
    ]
    .concat();
    let room = Room::new();
    // The attributes are there from the start, so that each alone finds what it finds in the chain.
    let exchange = || tokens::bearer(of_page(known()), &token);
    let mut group = c.benchmark_group("five");
    for (what, chain) in [
        ("cors", r#""cors""#),
        ("jwt-auth", r#""jwt""#),
        ("quota", r#""quota""#),
        ("authz", r#""policy""#),
        ("headers", r#""headers""#),
        ("all", r#""cors", "jwt", "quota", "policy", "headers""#),
    ] {
        let text = route(&plugins, chain);
        heads(&mut group, named(what), &room, &text, StatusCode::OK, exchange);
    }
    group.finish();
}
