//! What guests may import, one file an interface. Each call decides for itself whether it makes
//! sense now (there may be no exchange) and whether the grants cover it. What breaks the contract
//! traps with a text for the plugin's author; what can happen in a sound plugin is an error value.

mod ahead;
mod attributes;
mod basics;
mod body;
mod crypto;
pub(super) mod fetch;
mod headers;
mod hook_needs;
mod kv;
mod public_keys;
mod rate_limit;
mod request;
mod response;
mod secrets;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use wasmtime::bail;

use super::{
    bindings::types,
    state::{Phase, State},
};
use crate::{
    fields::Fields,
    message::{Exchange, Reply},
};

impl types::Host for State {}

impl State {
    /// What the audit log should have: a plugin has tried a field that it has no grant for.
    fn note_hidden<T, E>(
        &self,
        answer: Result<T, E>,
        is_hidden: impl FnOnce(&E) -> bool,
    ) -> Result<T, E> {
        answer.inspect_err(|error| {
            if is_hidden(error) {
                self.context.telemetry.incident(&self.context.name, "denied header");
            }
        })
    }

    /// The exchange, or a trap that says that there is none.
    fn exchange(&mut self, call: &str) -> wasmtime::Result<&mut Exchange> {
        match self.phase {
            Phase::Hook(_) => Ok(&mut self.exchange),
            Phase::Configure => bail!("{call} was called in configure, where there is no exchange"),
            Phase::Stream => bail!(
                "{call} was called in the middle of a body, whose exchange has gone on: \
                 take what is needed in `start`"
            ),
            Phase::Tick => bail!("{call} was called in on-tick, where there is no exchange"),
        }
    }

    /// A trap where a plugin may not reach the outside world yet.
    fn outside_configure(&self, call: &str) -> wasmtime::Result<()> {
        match self.phase {
            Phase::Configure => {
                bail!("{call} was called in configure, which may only look at the settings")
            }
            _ => Ok(()),
        }
    }
}

/// A guest's reply, checked: what it answers goes out under the host's name. Cookies are set by who may write them.
pub(super) fn reply(
    reply: types::Reply,
    max_body: u64,
    writable: &[String],
) -> Result<Reply, String> {
    let status = StatusCode::from_u16(reply.status)
        .ok()
        .filter(|s| (200..600).contains(&s.as_u16()))
        .ok_or_else(|| format!("a reply of status {} (200 to 599)", reply.status))?;
    let body = content(reply.body);
    if body.len() as u64 > max_body {
        return Err(format!("a reply of {} bytes (limits.body is {max_body})", body.len()));
    }
    let headers = header_map(reply.headers)?;
    match headers::ungranted(&headers, writable) {
        Some(name) => Err(format!(
            "a reply with `{name}`, which needs the grant headers = {{ write = [\"{name}\"] }}"
        )),
        None => Ok(Reply { status, headers, body }),
    }
}

/// A guest's body.
fn content(content: types::Content) -> Bytes {
    match content {
        types::Content::Empty => Bytes::new(),
        types::Content::Text(text) => text.into(),
        types::Content::Bytes(bytes) => bytes.into(),
    }
}

/// A guest's header list, without the fields that the host keeps for itself.
fn header_map(list: Vec<types::Header>) -> Result<Fields, String> {
    if list.len() > headers::MAX_FIELDS {
        return Err(format!("{} header fields (at most {})", list.len(), headers::MAX_FIELDS));
    }
    let mut map = Fields::with_capacity(list.len());
    for types::Header { name, value } in list {
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{}` is no header name", name.escape_debug()))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            format!("the value of `{field}` has characters that no header may have")
        })?;
        if field == header::CONTENT_LENGTH || headers::is_reserved(&field) {
            continue;
        }
        map.append(field, value);
    }
    Ok(map)
}
