//! Reads heads. What cannot be read is not guessed.

use std::collections::BTreeMap;

use torana_plugin_sdk::{
    host::{HeaderError, ReadHeaders},
    prelude::*,
};

use crate::{fields::Fields, key::digest, vary::normalised};

/// Every field that may be read. None where one is no text: it could not be given back.
pub(crate) fn fields(head: &impl ReadHeaders) -> Option<Fields> {
    let mut fields = Fields::default();
    for name in head.header_names() {
        for value in head.header_values(&name).ok()? {
            fields.push(name.clone(), value);
        }
    }
    Some(fields)
}

/// The lines of a field. What is no text is one line that nobody sends: it matches nothing.
pub(crate) fn lines(head: &impl ReadHeaders, name: &str) -> Vec<String> {
    head.header_values(name).unwrap_or_else(|_| vec!["\u{fffd}".to_owned()])
}

/// Whether a field is there, or may be there: what is hidden may.
pub(crate) fn may_have(head: &impl ReadHeaders, name: &str) -> bool {
    match head.header_bytes(name) {
        Ok(found) => found.is_some(),
        Err(Refused { why: HeaderError::InvalidName, .. }) => false,
        Err(_) => true,
    }
}

/// Fields that the gateway hides from plugins without a grant.
const HIDDEN: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "set-cookie"];
/// What stands in the place of a digest for those: it is none, and so matches nothing.
const IS_THERE: &str = "hidden";

/// The digests of all fields, each in its normal form. Every plugin can read them, so of hidden ones it is only said that
/// they are there: a digest would let others try passwords on it.
pub(crate) fn digests(head: &impl ReadHeaders) -> BTreeMap<String, String> {
    let digest = |name: &str| match HIDDEN.contains(&name) {
        true => Some(IS_THERE.to_owned()),
        false => value(head, name).map(|value| short(&value)),
    };
    let names = head.header_names().into_iter();
    names.filter_map(|name| digest(&name).map(|digest| (name, digest))).collect()
}

/// The normal form of a field. None where it is hidden or no text.
pub(crate) fn value(head: &impl ReadHeaders, name: &str) -> Option<String> {
    head.header_values(name).ok().map(|lines| normalised(name, &lines))
}

/// Whether a field has the normal form that it had when the digests were made. One that is not there is like an empty
/// one.
pub(crate) fn is_as_seen(seen: &BTreeMap<String, String>, name: &str, value: &str) -> bool {
    match seen.get(name) {
        Some(digest) => *digest == short(value),
        None => value.is_empty(),
    }
}

/// Enough to tell an accident: who sends a field chooses its value, and has nothing of two with one digest.
pub(crate) fn short(value: &str) -> String {
    let mut digest = digest([value]);
    digest.truncate(16);
    digest
}
