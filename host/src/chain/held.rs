//! A body on its way through a chain.

use bytes::Bytes;
use http::header;

use super::mend_head;
use crate::{body::Body, fields::Fields};

/// A body between two plugins.
pub(super) enum Held {
    /// As it comes.
    Flowing(Body),
    /// All of it, for a plugin wanted it so.
    Whole(Bytes),
}

impl Held {
    /// Makes the head true for the next plugin: others before it have changed the body.
    pub(super) fn describe(&self, headers: &mut Fields) {
        mend_head(headers);
        if let Self::Whole(bytes) = self {
            headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Flowing(body) => http_body::Body::is_end_stream(body),
            Self::Whole(bytes) => bytes.is_empty(),
        }
    }
}

impl From<Held> for Body {
    fn from(held: Held) -> Self {
        match held {
            Held::Flowing(body) => body,
            Held::Whole(bytes) => bytes.into(),
        }
    }
}

/// Whether a plugin has left a body as it was: what it writes lies elsewhere.
pub(super) fn is_same(before: &Bytes, after: &Bytes) -> bool {
    before.as_ptr() == after.as_ptr() && before.len() == after.len()
}
