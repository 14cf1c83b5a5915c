//! From what the service answers to a yes, a no, or neither.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use torana_plugin_sdk::{
    host::{FetchError, Incoming},
    prelude::*,
};

use crate::{
    fields::{Field, Fields},
    names::Pattern,
    opa::{self, Body, Decision},
    refusal,
    settings::{Settings, Speak},
};

/// What the service has decided, with what of its answer is passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Yes(Fields),
    No(No),
}

/// A no, as the client gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct No {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    #[serde(with = "text")]
    pub(crate) body: Vec<u8>,
    /// Whether the answer set a cookie, passed on or not: it was made for one client then.
    #[serde(skip)]
    pub(crate) set_cookie: bool,
}

/// Why there is neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// For the log.
    pub(crate) why: String,
    /// Whether the service is down or broken. All else could be of a client's making, who must not get by with it.
    pub(crate) is_outage: bool,
}

/// What describes a body goes with it.
const OF_BODY: [&str; 3] = ["content-type", "content-encoding", "content-language"];

/// What is a 5xx and yet about the question, for a client may have chosen its method, version or kind (RFC 9110, 15.6.2
/// and 15.6.6; RFC 2295, 8.1).
const OF_THE_REQUEST: [u16; 3] = [501, 505, 506];

impl Trouble {
    pub(crate) fn of_fetch(refused: &Refused<FetchError>) -> Self {
        let is_outage = matches!(
            refused.why,
            FetchError::Timeout | FetchError::Unreachable(_) | FetchError::Protocol(_)
        );
        Self { why: refused.to_string(), is_outage }
    }

    fn nonsense(to: &str, why: &str) -> Self {
        Self { why: format!("`{to}` answered with what is none: {why}"), is_outage: false }
    }
}

impl Settings {
    /// Judges an answer.
    pub(crate) fn judge(&self, answer: Incoming) -> Result<Verdict, Trouble> {
        let status = answer.status;
        if (500..600).contains(&status) {
            return Err(Trouble {
                why: format!("`{}` answered {status}", self.to),
                is_outage: !OF_THE_REQUEST.contains(&status),
            });
        }
        let verdict = match self.speak {
            Speak::Http => self.judge_status(answer),
            Speak::Opa => self.judge_result(&answer),
        };
        verdict.map_err(|why| Trouble::nonsense(&self.to, &why))
    }

    fn judge_status(&self, answer: Incoming) -> Result<Verdict, String> {
        let Incoming { status, headers, body } = answer;
        let fields = headers.into_iter().map(|Header { mut name, value }| {
            name.make_ascii_lowercase();
            (name, value)
        });
        if (200..300).contains(&status) {
            return self.yes(fields);
        }
        if !self.denied.statuses.contains(&status) {
            return Err(format!("its status is {status}, which `denied.statuses` does not have"));
        }
        let body = self.within_bounds(body)?;
        self.no(status, fields, body)
    }

    fn judge_result(&self, answer: &Incoming) -> Result<Verdict, String> {
        if answer.status != 200 {
            return Err(format!("its status is {}, for a policy 200", answer.status));
        }
        let body = answer.body.as_bytes();
        if body.len() > self.max_body.bytes() {
            return Err(too_large(body.len()));
        }
        match opa::decision(body)? {
            Decision::Yes(fields) => self.yes(fields),
            Decision::No { status, mut fields, body } => {
                if body.is_none() {
                    fields.retain(|(name, _)| !OF_BODY.contains(&name.as_str()));
                }
                let (media, body) = told(status, body);
                if !fields.iter().any(|(name, _)| name == "content-type") {
                    fields.push(("content-type".to_owned(), media.to_owned()));
                }
                self.no(status, fields, body)
            }
        }
    }

    fn yes(&self, fields: impl IntoIterator<Item = Field>) -> Result<Verdict, String> {
        let is_attribute = |name: &str| self.attributes.values().any(|of| **of == *name);
        let fields = Fields::of(fields, |name| {
            covers(&self.request, name) || covers(&self.response, name) || is_attribute(name)
        })?;
        for (attribute, name) in &self.attributes {
            let value = fields.only(name)?.filter(|value| !value.is_empty());
            let is_fit = |value| serde_json::from_str::<Map<String, Value>>(value).is_ok();
            if attribute == "auth.claims" && !value.is_none_or(is_fit) {
                return Err(format!("its header `{name}` is no JSON object, as claims are"));
            }
        }
        Ok(Verdict::Yes(fields))
    }

    fn no(
        &self,
        status: u16,
        fields: impl IntoIterator<Item = Field>,
        body: Vec<u8>,
    ) -> Result<Verdict, String> {
        let has_body = !body.is_empty();
        let fields: Vec<_> = fields.into_iter().collect();
        let set_cookie = fields.iter().any(|(name, _)| name == "set-cookie");
        let mut fields = Fields::of(fields, |name| {
            covers(&self.denied.headers, name) || has_body && OF_BODY.contains(&name)
        })?;
        // It is about this request, and some statuses (301, 308) are for caches to keep.
        if !fields.has("cache-control") {
            fields.0.push(("cache-control".to_owned(), "no-store".to_owned()));
        }
        Ok(Verdict::No(No { status, fields, body, set_cookie }))
    }

    fn within_bounds(&self, body: Content) -> Result<Vec<u8>, String> {
        let body = match body {
            Content::Empty => Vec::new(),
            Content::Text(text) => text.into_bytes(),
            Content::Bytes(bytes) => bytes,
        };
        if body.len() > self.max_body.bytes() { Err(too_large(body.len())) } else { Ok(body) }
    }
}

impl No {
    /// The answer for the client.
    pub(crate) fn reply(self) -> Reply {
        let reply = Reply { body: content(self.body), ..Reply::empty(self.status) };
        self.fields.0.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }
}

fn content(body: Vec<u8>) -> Content {
    if body.is_empty() { Content::Empty } else { Content::Bytes(body) }
}

fn covers(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.covers(name))
}

fn too_large(bytes: usize) -> String {
    format!("its body has {bytes} bytes, which is more than `max_body`")
}

/// A body in the store: as text. What is none is not stored.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(body: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(std::str::from_utf8(body).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(from).map(String::into_bytes)
    }
}

/// The body of a policy's no, and of what kind it is.
fn told(status: u16, body: Option<Body>) -> (&'static str, Vec<u8>) {
    match body {
        Some(Body::Text(text)) => ("text/plain; charset=utf-8", text.into_bytes()),
        Some(Body::Json(json)) => ("application/json", json.into_bytes()),
        None => ("application/problem+json", refusal::denied(status).body.as_bytes().to_vec()),
    }
}
