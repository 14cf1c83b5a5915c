//! Answers from what is stored.

use torana_plugin_sdk::{Content, Header, Reply};

use crate::{
    entry::Entry,
    exchange::Range,
    range::{asked, is_of},
    validators::Conditions,
};

/// What a client wants of a stored response.
pub(crate) struct Wanted<'a> {
    pub(crate) is_head: bool,
    pub(crate) conditions: &'a Conditions,
    pub(crate) range: Option<&'a Range>,
}

/// Fields of a stored response that a 304 has (RFC 9110, 15.4.5), and what tells its age.
const OF_304: [&str; 8] = [
    "cache-control",
    "cache-status",
    "content-location",
    "date",
    "etag",
    "expires",
    "last-modified",
    "vary",
];

/// A stored response as this client gets it.
pub(crate) fn reply(entry: Entry, now: u64, wanted: &Wanted<'_>) -> Reply {
    let Entry { head, body } = entry;
    let age = Header { name: "age".into(), value: (head.age_at(now) / 1000).to_string() };
    let is_known =
        head.status == 200 && wanted.conditions.are_met_by(&head.fields, head.received / 1000);
    let fields = head.fields.iter().filter(|(name, _)| !is_known || OF_304.contains(name));
    let headers = fields.map(|(name, value)| Header { name: name.into(), value: value.into() });
    let headers = headers.chain([age]).collect();
    if is_known {
        return Reply { status: 304, headers, body: Content::Empty };
    }
    if wanted.is_head || body.is_empty() {
        return Reply { status: head.status, headers, body: Content::Empty };
    }
    let length = body.len() as u64;
    let range = wanted.range.filter(|_| head.status == 200 && !head.fields.has("content-range"));
    let range =
        range.filter(|range| range.if_range.as_deref().is_none_or(|tag| is_of(&head.fields, tag)));
    match range.and_then(|range| asked(&range.range, length)) {
        Some((first, last)) => {
            let part = body[first as usize..=last as usize].to_vec();
            let reply = Reply { status: 206, headers, body: Content::Bytes(part) };
            reply.header("content-range", format!("bytes {first}-{last}/{length}"))
        }
        None => Reply { status: head.status, headers, body: Content::Bytes(body) },
    }
}
