//! Request ids.

use std::sync::Arc;

use crate::fields::Fields;

use crate::random::random_digits;

/// A trusted proxy's request id if it is a plain one, else a new one.
pub(super) fn request_id(headers: &Fields, trusted: bool) -> Arc<str> {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let given = || headers.get("x-request-id")?.to_str().ok().filter(plain);
    match trusted.then(given).flatten() {
        Some(id) => id.into(),
        None => {
            let mut id = [0; 32];
            random_digits(&mut id);
            std::str::from_utf8(&id).unwrap_or_default().into()
        }
    }
}
