//! What a client asks: a head, and a body in chunks.
//!
//! Whatever it is: it means the same however it comes in pieces, and nothing of it is lost or made up.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../host/src/fields.rs"]
mod fields;
#[path = "../../host/src/listener/http1/head.rs"]
mod head;
#[path = "../../host/src/http1/mod.rs"]
mod http1;

use head::{Framing, Refusal, Room};
use http::{HeaderMap, Method, Uri};
use http1::{Chunks, Fault, Found, Inbox};
use libfuzzer_sys::fuzz_target;

/// What was understood of a connection's bytes.
#[derive(Debug, Default, PartialEq)]
struct Read {
    head: Option<(Method, Uri, HeaderMap, Framing, bool)>,
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    ended: bool,
    failed: bool,
    rest: Vec<u8>,
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    let pieces = read(bytes, usize::from(step).max(1));
    assert_eq!(whole.failed, pieces.failed);
    if !whole.failed {
        assert_eq!(whole, pieces);
    }
    assert!(whole.data.len() + whole.rest.len() <= bytes.len());
});

fn read(bytes: &[u8], step: usize) -> Read {
    let mut read = Read::default();
    let (mut inbox, mut chunks) = (Inbox::default(), Chunks::default());
    for piece in bytes.chunks(step) {
        inbox.bytes().extend_from_slice(piece);
        if !read.failed && !read.ended {
            read.failed = advance(&mut read, &mut inbox, &mut chunks).is_err();
        }
    }
    read.rest = inbox.take_all().to_vec();
    read
}

fn advance(read: &mut Read, inbox: &mut Inbox, chunks: &mut Chunks) -> Result<(), Refusal> {
    if read.head.is_none() {
        let room = Room { bytes: 1 << 10, fields: 10 };
        let Some(head) = head::take(inbox, room)? else { return Ok(()) };
        read.ended = head.framing != Framing::Chunked;
        let parts = head.parts;
        read.head = Some((parts.method, parts.uri, parts.headers, head.framing, head.is_kept));
    }
    while !read.ended {
        match chunks.take(inbox.bytes())? {
            Found::More => break,
            Found::Data(data) => read.data.extend_from_slice(&data),
            Found::End(trailers) => (read.trailers, read.ended) = (trailers, true),
        }
    }
    Ok(())
}
