//! HTTP/1.1 as bytes (RFC 9112): what its two sides have in common. Clients' connections are served by the
//! listener, and those to services are driven by the upstream.
//!
//! ```text
//! inbox   what was read and belongs to what comes next
//! head    where a head ends, and its fields
//! length  what fields say of a body's length
//! chunks  a body in chunks, as it is read
//! outbox  what is written next | encode: fields and chunks on their way there
//! ```

mod chunks;
mod encode;
mod fault;
mod head;
mod inbox;
mod length;
mod outbox;

pub use self::{
    chunks::{Chunks, Found, LONGEST as LONGEST_TRAILERS},
    encode::{chunk, content_length, end_of_chunks, field, may_trail},
    fault::Fault,
    head::{ADDED_FIELDS, fields_of, find_end, give_back},
    inbox::Inbox,
    length::{Length, digits, ends_in_chunks},
    outbox::Outbox,
};

/// The most fields of a trailer section, and of a head where nobody says otherwise.
pub const MOST_FIELDS: usize = 100;
