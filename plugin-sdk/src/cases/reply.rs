//! What a plugin answers goes out under the host's name, so it is looked at.

use crate::{
    Failure, Reply,
    fake::{is_hidden, sound_headers},
};

/// A plugin's reply as the host lets it out, or the failure that it is. `writable` are the hidden headers that it may
/// write.
pub(super) fn sound(reply: Reply, writable: &[String]) -> Result<Reply, Failure> {
    let broken = |why| Failure::new(format!("broke the contract: {why}"));
    if !(200..600).contains(&reply.status) {
        return Err(broken(format!("a reply of status {} (200 to 599)", reply.status)));
    }
    let headers = sound_headers(&reply.headers).map_err(broken)?;
    let is_granted = |name: &str| writable.iter().any(|granted| granted.eq_ignore_ascii_case(name));
    let mut names = headers.iter().map(|header| header.name.as_str());
    match names.find(|name| is_hidden(name) && !is_granted(name)) {
        Some(name) => Err(broken(format!(
            "a reply with `{name}`, which needs the grant headers = {{ write = [\"{name}\"] }}"
        ))),
        None => Ok(Reply { headers, ..reply }),
    }
}
