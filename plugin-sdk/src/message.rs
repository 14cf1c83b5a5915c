//! Replies, and what is sent to other services: shorthands for making them.

use serde::{Serialize, de::DeserializeOwned};

pub use crate::bindings::capabilities::types::{Action, Content, Header, Reply};
use crate::{
    Failure,
    host::{Incoming, Outgoing, SecretHeader},
};

impl From<Reply> for Action {
    fn from(reply: Reply) -> Self {
        Self::Respond(reply)
    }
}

impl Reply {
    /// A reply without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Content::Empty }
    }

    /// A reply in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::typed(status, "text/plain; charset=utf-8", text.into())
    }

    /// A reply in JSON. What serde cannot write (a map whose keys are no text) is a failure.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self, Failure> {
        Ok(Self::typed(status, "application/json", serde_json::to_string(value)?))
    }

    /// A refusal as clients and tools understand it, and as the host itself makes them: problem+json
    /// (RFC 9457). `kind` is a short name for programs (`missing-header` makes
    /// `urn:torana:problem:missing-header`), `detail` a sentence for people.
    pub fn problem(status: u16, kind: &str, detail: &str) -> Self {
        let r#type = format!("urn:torana:problem:{kind}");
        let problem = Problem { r#type, title: title(kind), status, detail };
        let body = serde_json::to_string(&problem).expect("texts and a number are JSON");
        // A refusal is about this request only.
        Self::typed(status, "application/problem+json", body).header("cache-control", "no-store")
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    fn typed(status: u16, content_type: &str, body: String) -> Self {
        Self { status, headers: Vec::new(), body: Content::Text(body) }
            .header("content-type", content_type)
    }
}

/// A type of its own, and no `json!`: a tree of JSON is code that most plugins have no other use for.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
}

/// `missing-header` -> `Missing header`.
fn title(kind: &str) -> String {
    let mut title = kind.replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl Content {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl Outgoing {
    /// A request to an upstream, by name, or to an origin (`https://idp.example`).
    pub fn new(method: &str, to: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            body: Content::Empty,
            timeout_ms: None,
            text: false,
        }
    }

    /// A GET.
    pub fn get(to: impl Into<String>, path: impl Into<String>) -> Self {
        Self::new("GET", to, path)
    }

    /// A POST with a body.
    pub fn post(to: impl Into<String>, path: impl Into<String>, body: impl Into<Content>) -> Self {
        Self { body: body.into(), ..Self::new("POST", to, path) }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// The same request with a header whose value is a secret that the guest never sees. `prefix`
    /// stands before it, like "Bearer ".
    #[must_use]
    pub fn secret_header(mut self, name: &str, prefix: &str, secret: &str) -> Self {
        let (name, prefix, secret) = (name.into(), prefix.into(), secret.into());
        self.secret_headers.push(SecretHeader { name, prefix, secret });
        self
    }

    /// The same request with a time that its reply may take.
    #[must_use]
    pub fn timeout_ms(self, timeout_ms: u32) -> Self {
        Self { timeout_ms: Some(timeout_ms), ..self }
    }
}

impl Incoming {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.as_str())
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.body.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_is_problem_json() {
        let reply = Reply::problem(401, "missing-header", "`x-tenant` is missing");
        assert_eq!(reply.headers[0].value, "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(reply.body.as_bytes()).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "urn:torana:problem:missing-header",
                "title": "Missing header",
                "status": 401,
                "detail": "`x-tenant` is missing",
            })
        );
    }

    #[test]
    fn a_header_is_found_in_any_case() {
        let headers = vec![Header { name: "ETag".into(), value: "\"1\"".into() }];
        let incoming = Incoming { status: 200, headers, body: Content::Text("[1]".into()) };
        assert_eq!(incoming.header("etag"), Some("\"1\""));
        assert_eq!(incoming.json::<Vec<u8>>().unwrap(), [1]);
    }
}
