//! What a policy of the Open Policy Agent answers: `{"result": true}`, or an object with more to say.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value};

use crate::{fields::Field, refusal};

/// What a policy has decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Yes(Vec<Field>),
    No { status: u16, fields: Vec<Field>, body: Option<Body> },
}

/// What a policy says to the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Text(String),
    /// As it was written.
    Json(String),
}

#[derive(Deserialize)]
struct Answer {
    /// Without it the policy is undefined: nothing was said of this request.
    result: Option<Ruled>,
}

/// What a rule is.
enum Ruled {
    Plainly(bool),
    Object(Decided),
}

#[derive(Deserialize)]
struct Decided {
    /// Undefined where no rule holds.
    #[serde(default)]
    allow: bool,
    #[serde(default)]
    headers: Map<String, Value>,
    status: Option<u16>,
    body: Option<Value>,
}

/// Reads an answer. The error is for the log.
pub(crate) fn decision(body: &[u8]) -> Result<Decision, String> {
    let no_policy = |why: serde_json::Error| format!("its answer is none of a policy: {why}");
    let Object(answer) = serde_json::from_slice::<Object<Answer>>(body).map_err(no_policy)?;
    match answer.result {
        None | Some(Ruled::Plainly(false)) => Ok(plain_no()),
        Some(Ruled::Plainly(true)) => Ok(Decision::Yes(Vec::new())),
        Some(Ruled::Object(decided)) => of_object(decided),
    }
}

fn plain_no() -> Decision {
    Decision::No { status: 403, fields: Vec::new(), body: None }
}

fn of_object(result: Decided) -> Result<Decision, String> {
    let fields = fields(result.headers)?;
    if result.allow {
        return Ok(Decision::Yes(fields));
    }
    let status = result.status.unwrap_or(403);
    if !refusal::may_have(status) {
        return Err(format!("its `status` is {status}, which is no refusal: 300 to 499, but 304"));
    }
    let body = result.body.map(|body| match body {
        Value::String(text) => Body::Text(text),
        other => Body::Json(other.to_string()),
    });
    Ok(Decision::No { status, fields, body })
}

/// A text for one line, a list for several.
fn fields(headers: Map<String, Value>) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let text = as_text(value).ok_or_else(|| format!("its header `{name}` is no text"))?;
            fields.push((name.clone(), text));
        }
    }
    Ok(fields)
}

fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// An object by its members' names. (Derived code takes a list as well, by position: `[true]` would be a yes.) A member
/// that it knows may not stand there twice, for services disagree on which of them counts.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

impl<'de> Deserialize<'de> for Ruled {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RuledVisitor)
    }
}

struct RuledVisitor;

impl<'de> Visitor<'de> for RuledVisitor {
    type Value = Ruled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a `result` that is a boolean or an object")
    }

    fn visit_bool<E: Error>(self, is: bool) -> Result<Ruled, E> {
        Ok(Ruled::Plainly(is))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Ruled, A::Error> {
        Decided::deserialize(MapAccessDeserializer::new(members)).map(Ruled::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(body: &str) -> Result<Decision, String> {
        decision(body.as_bytes())
    }

    #[test]
    fn only_a_true_is_a_yes() {
        assert_eq!(decided(r#"{"result":true}"#), Ok(Decision::Yes(Vec::new())));
        assert_eq!(decided(r#"{"result":{"allow":true}}"#), Ok(Decision::Yes(Vec::new())));
        for no in [
            "{}",
            r#"{"result":null}"#,
            r#"{"result":false}"#,
            r#"{"result":{}}"#,
            r#"{"result":{"allow":false}}"#,
            r#"{"decision_id":"1"}"#,
        ] {
            assert_eq!(decided(no), Ok(plain_no()), "{no}");
        }
        for nonsense in [
            "",
            "true",
            "null",
            "[]",
            "[true]",
            r#"[{"allow":true}]"#,
            r#"{"result":[true]}"#,
            r#"{"result":"true"}"#,
            r#"{"result":1}"#,
            r#"{"result":["allow"]}"#,
            r#"{"result":{"allow":"true"}}"#,
            r#"{"result":{"allow":1}}"#,
            r#"{"result":{"allow":null}}"#,
            r#"{"result":true,"result":false}"#,
            r#"{"result":false,"result":true}"#,
            r#"{"result":{"allow":false,"allow":true}}"#,
        ] {
            assert!(decided(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn an_object_says_what_the_client_gets() {
        let decision = decided(
            r#"{"result":{"allow":false,"status":401,"body":{"why":1.50},
                "headers":{"WWW-Authenticate":["Bearer","Basic"],"x-n":2}}}"#,
        );
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![
            field("www-authenticate", "Bearer"),
            field("www-authenticate", "Basic"),
            field("x-n", "2"),
        ];
        let body = Some(Body::Json(r#"{"why":1.5}"#.into()));
        assert_eq!(decision, Ok(Decision::No { status: 401, fields, body }));
    }

    #[test]
    fn what_makes_no_refusal_is_nonsense() {
        for status in [200, 204, 100, 304, 500, 0] {
            let text = format!(r#"{{"result":{{"allow":false,"status":{status}}}}}"#);
            assert!(decided(&text).unwrap_err().contains("is no refusal"), "{status}");
        }
        let nested = decided(r#"{"result":{"allow":true,"headers":{"x-a":{"b":1}}}}"#);
        assert_eq!(nested, Err("its header `x-a` is no text".into()));
    }
}
