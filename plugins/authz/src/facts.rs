//! What is known of the exchange at hand.

use std::{borrow::Cow, cell::RefCell, rc::Rc};

use serde_json::Value as Json;
use torana_plugin_sdk::{claims, http, prelude::*};

use crate::{
    expression::{Facts, Name},
    paths,
};

/// The claims of a verified token: attribute `auth.claims`.
pub(crate) struct Claims(Rc<Json>);

/// The claims that an instance read last, and their text: a client sends many requests with one token.
#[derive(Default)]
pub(crate) struct LastClaims(RefCell<Option<(String, Rc<Json>)>>);

/// The exchange.
pub(crate) struct Exchange<'a, H> {
    host: &'a H,
    claims: Claims,
}

impl LastClaims {
    /// The claims at hand, read only if their text is another one.
    pub(crate) fn or_of(&self, host: &impl Host) -> Result<Claims, &'static str> {
        let Some(text) = host.attributes().get("auth.claims") else { return Ok(Claims::none()) };
        let mut last = self.0.borrow_mut();
        if let Some((_, claims)) = last.as_ref().filter(|(known, _)| is_same(known, &text)) {
            return Ok(Claims(claims.clone()));
        }
        // Two of them are never kept.
        *last = None;
        let claims = Claims::read(&text)?;
        *last = Some((text, claims.0.clone()));
        Ok(claims)
    }
}

/// `==`, eight bytes at a time: in WebAssembly it goes byte by byte, 2,500 instructions for the claims of each request.
fn is_same(one: &str, other: &str) -> bool {
    let (words, rest) = one.as_bytes().as_chunks::<8>();
    let (other_words, other_rest) = other.as_bytes().as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    rest == other_rest && words.iter().map(word).eq(other_words.iter().map(word))
}

impl Claims {
    /// What is no JSON object is no token of anybody: a policy must not look at half of it.
    fn read(text: &str) -> Result<Self, &'static str> {
        match serde_json::from_str(text) {
            Ok(claims @ Json::Object(_)) => Ok(Self(Rc::new(claims))),
            _ => Err("attribute `auth.claims` is no JSON object"),
        }
    }

    /// Those of a request without a token.
    pub(crate) fn none() -> Self {
        Self(Rc::new(Json::Null))
    }
}

impl<'a, H: Host> Exchange<'a, H> {
    pub(crate) fn new(host: &'a H, claims: Claims) -> Self {
        Self { host, claims }
    }

    /// The claim at a path; all of them at none.
    fn claim(&self, path: &[String]) -> &Json {
        match &*self.claims.0 {
            Json::Object(claims) if !path.is_empty() => {
                claims::find(claims, path).unwrap_or(&Json::Null)
            }
            all => all,
        }
    }

    /// The one value of a header, which has no twin that the service might take for it.
    fn header(&self, name: &str) -> Result<Option<String>, String> {
        let request = self.host.request();
        let may_have_twins = name.contains(['-', '_']);
        let names = if may_have_twins { request.header_names() } else { Vec::new() };
        if let Some(twin) = names.iter().find(|other| http::are_twins(other, name)) {
            return Err(format!("header `{name}` stands there as `{twin}` too"));
        }
        request.header(name).map_err(|refused| refused.to_string())
    }

    /// The one value of a query parameter.
    fn query(&self, name: &str) -> Result<Option<String>, String> {
        let mut values = self.host.request().query_values(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(format!("query parameter `{name}` stands there more than once")),
        }
    }

    /// RFC 6749, 3.3: separated by spaces.
    fn scopes(&self) -> Json {
        match self.host.attributes().get("auth.scopes") {
            Some(scopes) => scopes.split_ascii_whitespace().map(Json::from).collect(),
            None => Json::Null,
        }
    }
}

impl<H: Host> Facts for Exchange<'_, H> {
    fn value(&self, name: &Name) -> Result<Cow<'_, Json>, String> {
        let (request, attributes) = (self.host.request(), self.host.attributes());
        let text = match name {
            Name::Claims(path) => return Ok(Cow::Borrowed(self.claim(path))),
            Name::Scopes => return Ok(Cow::Owned(self.scopes())),
            Name::Attribute(name) => attributes.get(name),
            Name::ClientAddress => Some(request.client_address()),
            Name::ConsumerId => attributes.get("consumer.id"),
            Name::ConsumerTier => attributes.get("consumer.tier"),
            Name::Header(name) => self.header(name)?,
            Name::Host => Some(host_of(&request.authority())),
            Name::Method => Some(method_of(request.method())),
            Name::Param(name) => request.param(name),
            Name::Path => Some(paths::decoded(&request.path())?),
            Name::Query(name) => self.query(name)?,
            Name::Route => Some(request.route()),
            Name::Scheme => Some(request.scheme()),
        };
        Ok(Cow::Owned(text.map_or(Json::Null, Json::String)))
    }
}

/// RFC 9110, 9.3.2: HEAD is GET without the body, so what is true of one is of the other.
fn method_of(method: String) -> String {
    if method == "HEAD" { "GET".into() } else { method }
}

/// `Shop.Example:8080` -> `shop.example`: names of hosts have no case.
fn host_of(authority: &str) -> String {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    host.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_to_the_last_byte() {
        let text = "0123456789abcdefghijklmnopqrstuvwxyz";
        for (at, one) in (0..=text.len()).map(|at| (at, &text[..at])) {
            assert!(is_same(one, &[one].concat()));
            assert_eq!(is_same(one, text), one == text);
            let changed = |at: usize| [&one[..at], "!", &one[at + 1..]].concat();
            assert!((0..at).all(|at| !is_same(one, &changed(at))), "{one}");
        }
    }

    #[test]
    fn a_host_has_no_port_and_no_case() {
        for (authority, host) in [
            ("Example.COM", "example.com"),
            ("example.com:8080", "example.com"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(authority), host);
        }
    }
}
