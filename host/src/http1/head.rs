//! Where a head ends, and its fields.

use std::{cell::RefCell, sync::LazyLock};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
use memchr::memmem::Finder;

use super::Fault;

use crate::fields::Fields;

/// Fields that a request gets on its way, at most: where it goes on as it is they need no other list.
pub const ADDED_FIELDS: usize = 8;

/// The length of the head at the beginning of `read`, with the empty line that ends it; none where
/// that has not come yet. `seen` is how much of `read` was looked at before.
pub fn find_end(read: &mut BytesMut, seen: &mut usize) -> Option<usize> {
    // RFC 9112, 2.2: an empty line before a message is no part of it.
    while *seen == 0 && (read.starts_with(b"\r\n") || read.starts_with(b"\n")) {
        read.advance(if read[0] == b'\r' { 2 } else { 1 });
    }
    let text = &read[*seen..];
    if text.len() < 2 {
        // It is looked for before anything is read, too.
        return None;
    }
    let usual = ENDS[0].find(text);
    // As bare line feeds it may come before.
    let bare = ENDS[1].find(&text[..usual.map_or(text.len(), |at| at + 1)]);
    match (bare.map(|at| at + 2), usual.map(|at| at + 3)) {
        (Some(length), _) | (None, Some(length)) => Some(std::mem::take(seen) + length),
        (None, None) => {
            // The line's end that is there may turn out to be the last but one.
            *seen = read.len().saturating_sub(2);
            None
        }
    }
}

/// The end of a line and an empty line (RFC 9112, 2.2). Looking at each line's end for what follows it took 1,000
/// instructions for a request's two heads.
static ENDS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["\n\r\n", "\n\n"].map(Finder::new));

thread_local! {
    /// Emptied lists, for heads to come. Each head has one, which is a block of memory to take from the allocator and
    /// to give back later.
    static SPARE: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

/// How many lists are kept, and for how many fields the largest of them: 55 KiB for each thread, all in all.
const MOST_SPARE: usize = 32;
const MOST_SPARE_FIELDS: usize = 24;

/// Takes a head's list that nobody needs any more.
pub fn give_back(mut fields: Fields) {
    if (1..=MOST_SPARE_FIELDS).contains(&fields.capacity()) {
        fields.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST_SPARE {
                spare.push(fields);
            }
        });
    }
}

fn room_for(fields: usize) -> Fields {
    let spare = SPARE.with_borrow_mut(Vec::pop).filter(|spare| spare.capacity() >= fields);
    spare.unwrap_or_else(|| Fields::with_capacity(fields))
}

/// Those that `is_kept`, with room for a few more. The values are parts of the head as it was read.
pub fn fields_of(
    head: &Bytes,
    fields: &[httparse::Header<'_>],
    more: usize,
    mut is_kept: impl FnMut(&HeaderName, &HeaderValue) -> bool,
) -> Result<Fields, Fault> {
    let mut headers = room_for(fields.len() + more);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Fault::Malformed(httparse::Error::HeaderValue));
        };
        if is_kept(&name, &value) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spare_list_has_nothing_of_its_last_head() {
        let of = |name: &str| {
            let head = Bytes::from("a value");
            let field = httparse::Header { name, value: &head };
            fields_of(&head, &[field], 9, |_, _| true).unwrap()
        };
        let first = of("x-first");
        let room = first.capacity();
        give_back(first);
        let second = of("x-second");
        assert_eq!(second.capacity(), room, "it is the same one");
        assert!(second.names().eq(["x-second"]));
        give_back(Fields::with_capacity(MOST_SPARE_FIELDS + 1));
        let mut often = Fields::new();
        for _ in 0..=MOST_SPARE_FIELDS {
            often.append("x-a", HeaderValue::from_static("1"));
        }
        give_back(often);
        assert_eq!(SPARE.with_borrow(Vec::len), 0, "large ones are not kept");
    }

    #[test]
    fn an_end_is_found_however_it_comes() {
        for (text, expected) in [
            ("a: b\r\n\r\nrest", 8),
            ("a: b\n\nrest", 6),
            ("a: b\r\n\nrest", 7),
            ("\r\n\n\r\na: b\n\r\nrest", 7),
        ] {
            for step in 1..text.len() {
                let (mut read, mut seen, mut found) = (BytesMut::new(), 0, None);
                for piece in text.as_bytes().chunks(step) {
                    read.extend_from_slice(piece);
                    found = found.or_else(|| find_end(&mut read, &mut seen));
                }
                assert_eq!(found, Some(expected), "{text:?} by {step}");
            }
        }
        let (mut read, mut seen) = (BytesMut::from("a: b\r\nc: d\r\n\r"), 0);
        assert_eq!(find_end(&mut read, &mut seen), None);
    }
}
