//! Who calls, and in which tier: what the settings ask for, read from the exchange.

use std::cell::OnceCell;

use serde_json::{Map, Value};
use torana_plugin_sdk::{
    claims,
    host::{Attributes, HeaderError, Request},
    prelude::*,
};

use crate::{key::Parts, network::Prefixes, source::Source};

/// The exchange at hand, to be asked for sources.
pub(crate) struct Caller<R, A> {
    request: R,
    attributes: A,
    prefixes: Prefixes,
    /// Parsed once, if anything asks for a claim.
    claims: OnceCell<Map<String, Value>>,
}

impl<R: Request, A: Attributes> Caller<R, A> {
    pub(crate) fn new(request: R, attributes: A, prefixes: Prefixes) -> Self {
        Self { request, attributes, prefixes, claims: OnceCell::new() }
    }

    /// The parts of a key, or the first source that has no value.
    pub(crate) fn parts<'s>(
        &self,
        sources: &'s [Source],
    ) -> Result<Result<Parts, &'s Source>, Failure> {
        let mut parts = Parts::new();
        for source in sources {
            let value = match source {
                Source::Header(name) => self.header(name)?,
                _ => self.text(source)?.map(String::into_bytes),
            };
            if !parts.add(source, &value.unwrap_or_default()) {
                return Ok(Err(source));
            }
        }
        Ok(Ok(parts))
    }

    /// The value of a source, as text.
    pub(crate) fn text(&self, source: &Source) -> Result<Option<String>, Failure> {
        Ok(match source {
            Source::Attribute(name) => self.attributes.get(name),
            Source::Claim(path) => self.claim(path)?,
            Source::ClientAddress => Some(self.address()),
            Source::Header(name) => self.header(name)?.map(lossy),
            Source::Param(name) => self.request.param(name),
            Source::Query(name) => one(self.request.query_values(name)),
        })
    }

    /// A field that stands there twice names nobody: which of the two would be counted?
    fn header(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        match self.request.header_bytes(name) {
            Err(Refused { why: HeaderError::Repeated, .. }) => Ok(None),
            value => Ok(value?),
        }
    }

    fn address(&self) -> String {
        let address = self.request.client_address();
        self.prefixes.network(&address).unwrap_or(address)
    }

    fn claim(&self, path: &str) -> Result<Option<String>, Failure> {
        if self.claims.get().is_none() {
            let Some(claims) = self.attributes.get("auth.claims") else { return Ok(None) };
            // (Nobody else can have set it meanwhile.)
            let _ = self.claims.set(serde_json::from_str(&claims)?);
        }
        let path: Vec<_> = path.split('.').collect();
        let found = self.claims.get().and_then(|claims| claims::find(claims, &path));
        Ok(found.and_then(as_text))
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn one(mut values: Vec<String>) -> Option<String> {
    let last = values.pop();
    last.filter(|_| values.is_empty())
}

/// Lists and tables name nobody.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
