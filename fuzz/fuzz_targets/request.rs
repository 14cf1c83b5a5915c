//! What a client asks, in pieces.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/fields/mod.rs"]
mod fields;
#[path = "../../host/src/listener/http1/head.rs"]
mod head;
#[path = "../../host/src/heads.rs"]
mod heads;
#[path = "../../host/src/http1/mod.rs"]
mod http1;
#[path = "../src/pieces.rs"]
mod pieces;

use head::{Framing, Refusal, Room};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    pieces::check(data, |inbox| -> Result<_, Refusal> {
        let head = head::take(inbox, Room { bytes: 1 << 10, fields: 10 })?;
        Ok(head.map(|head| {
            let is_chunked = head.framing == Framing::Chunked;
            let parts = head.parts;
            let read = (parts.method, parts.uri, parts.headers, head.framing, head.is_kept);
            (read, is_chunked)
        }))
    });
});
