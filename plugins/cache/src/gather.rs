//! A body that is kept when it has passed.

use std::rc::Rc;

use torana_plugin_sdk::prelude::*;

use crate::{
    entry::{Entry, Head, Index},
    store::{Store, Trouble},
};

/// Where a response is kept.
pub(crate) enum Place {
    /// It is the only one of its target.
    Only(String),
    /// It is one of several.
    Variant { base: String, index: Index, key: String },
}

/// All that it takes to keep a response, but its body.
pub(crate) struct Keeping<H> {
    pub(crate) head: Head,
    pub(crate) place: Place,
    /// Where it says when the target was changed.
    pub(crate) changed: String,
    pub(crate) flight: Option<String>,
    pub(crate) host: H,
    pub(crate) trouble: Rc<Trouble>,
}

/// What the store takes as one value.
const LARGEST: usize = 1 << 20;

impl<H: Host> Keeping<H> {
    /// Keeps the response with this body. Whether the store took it.
    pub(crate) fn keep(&self, body: &[u8]) -> bool {
        let is_kept = self.is_current() && self.put(body);
        self.host.metrics().count(if is_kept { "stored" } else { "not-stored" }, 1);
        if let Some(flight) = &self.flight {
            if is_kept { self.store().lands(flight) } else { self.store().lands_empty(flight) }
        }
        is_kept
    }

    /// Nothing is kept after all.
    fn give_up(&self) {
        self.host.metrics().count("too-large", 1);
        if let Some(flight) = &self.flight {
            self.store().lands_empty(flight);
        }
    }

    /// A target that was changed while the response was on its way may have it from before.
    fn is_current(&self) -> bool {
        self.store().moment(&self.changed).is_none_or(|changed| changed < self.head.asked)
    }

    fn put(&self, body: &[u8]) -> bool {
        let bytes = Entry::write(&self.head, body);
        if bytes.len() > LARGEST {
            return false;
        }
        let store = self.store();
        match &self.place {
            Place::Only(key) => store.set(key, &bytes, self.head.until),
            // The response first: whoever finds the index finds it.
            Place::Variant { base, index, key } => {
                store.set(key, &bytes, self.head.until) && store.set_long(base, &index.write())
            }
        }
    }

    fn store(&self) -> Store<'_, H> {
        Store::new(&self.host, &self.trouble)
    }
}

/// A body on its way.
pub(crate) struct Gathering<H> {
    keeping: Keeping<H>,
    /// None: there is too much of it.
    body: Option<Vec<u8>>,
    most: usize,
}

impl<H: Host> Gathering<H> {
    pub(crate) fn new(keeping: Keeping<H>, most: usize) -> Self {
        Self { keeping, body: Some(Vec::new()), most }
    }

    /// Takes a part of the body. Whether more is wanted.
    pub(crate) fn take(&mut self, data: &[u8]) -> bool {
        let Some(body) = &mut self.body else { return false };
        if body.len() + data.len() > self.most {
            self.body = None;
            self.keeping.give_up();
            return false;
        }
        body.extend_from_slice(data);
        true
    }

    /// The body was whole.
    pub(crate) fn end(&mut self) {
        if let Some(body) = self.body.take() {
            self.keeping.keep(&body);
        }
    }
}

impl<H: Host> Transform for Gathering<H> {
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.take(&data);
        Ok(data)
    }

    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        self.end();
        Ok(Vec::new())
    }
}
