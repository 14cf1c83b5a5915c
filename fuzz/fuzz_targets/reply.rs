//! What a service answers, in pieces.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/fields/mod.rs"]
mod fields;
#[path = "../../host/src/heads.rs"]
mod heads;
#[path = "../../host/src/http1/mod.rs"]
mod http1;
#[path = "../src/pieces.rs"]
mod pieces;
#[path = "../../host/src/upstream/http1/response.rs"]
mod response;

use http::Method;
use http1::Fault;
use libfuzzer_sys::fuzz_target;
use response::Framing;

fuzz_target!(|data: &[u8]| {
    pieces::check(data, |inbox| -> Result<_, Fault> {
        let head = response::take(inbox, &Method::GET)?;
        Ok(head.map(|head| {
            let is_chunked = head.framing == Framing::Chunked;
            ((head.parts.status, head.parts.headers, head.framing, head.closes), is_chunked)
        }))
    });
});
