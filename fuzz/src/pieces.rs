//! What comes on a connection: a head, and a body in chunks. Whatever it is: it means the same however it comes in
//! pieces, and nothing of it is lost or made up.

use std::fmt::Debug;

use http::HeaderMap;

use crate::http1::{Chunks, Fault, Found, Inbox};

/// What was understood of a connection's bytes.
#[derive(Debug, PartialEq)]
struct Read<H> {
    head: Option<H>,
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
    ended: bool,
    failed: bool,
    rest: Vec<u8>,
}

/// Reads what follows the first byte: at once, and in pieces as long as that byte says. `take` reads a head, and says
/// whether chunks follow it.
pub(crate) fn check<H, E>(data: &[u8], take: impl Fn(&mut Inbox) -> Result<Option<(H, bool)>, E>)
where
    H: Debug + PartialEq,
    E: From<Fault>,
{
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1), &take);
    let pieces = read(bytes, usize::from(step).max(1), &take);
    assert_eq!(whole.failed, pieces.failed);
    if !whole.failed {
        assert_eq!(whole, pieces);
    }
    assert!(whole.data.len() + whole.rest.len() <= bytes.len());
}

fn read<H, E: From<Fault>>(
    bytes: &[u8],
    step: usize,
    take: &impl Fn(&mut Inbox) -> Result<Option<(H, bool)>, E>,
) -> Read<H> {
    let mut read = Read {
        head: None,
        data: Vec::new(),
        trailers: None,
        ended: false,
        failed: false,
        rest: Vec::new(),
    };
    let (mut inbox, mut chunks) = (Inbox::default(), Chunks::default());
    for piece in bytes.chunks(step) {
        inbox.bytes().extend_from_slice(piece);
        if !read.failed && !read.ended {
            read.failed = advance(&mut read, &mut inbox, &mut chunks, take).is_err();
        }
    }
    read.rest = inbox.take_all().to_vec();
    read
}

fn advance<H, E: From<Fault>>(
    read: &mut Read<H>,
    inbox: &mut Inbox,
    chunks: &mut Chunks,
    take: &impl Fn(&mut Inbox) -> Result<Option<(H, bool)>, E>,
) -> Result<(), E> {
    if read.head.is_none() {
        let Some((head, is_chunked)) = take(inbox)? else { return Ok(()) };
        (read.head, read.ended) = (Some(head), !is_chunked);
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
