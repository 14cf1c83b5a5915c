//! JSON without a doubt: an object that names a member twice is refused.
//!
//! Parsers disagree which of the two counts, so that one service would read another user from a
//! token than the next (RFC 7515, 4; RFC 7519, 4; RFC 8725, 2.4 is about their like). Nothing here
//! knows the gateway.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, map::Entry};

/// Reads a JSON text. The error is for the log.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Strict>(text).map(|Strict(value)| value).map_err(|e| e.to_string())
}

/// Reads a JSON text that must be an object.
pub(crate) fn parse_object(text: &[u8]) -> Result<Map<String, Value>, String> {
    match parse(text)? {
        Value::Object(object) => Ok(object),
        _ => Err("it is no JSON object".into()),
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number out of range"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, _>()? {
            match object.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(known) => {
                    let name = known.key();
                    let twice = format_args!("the member {name:?} stands there twice");
                    return Err(A::Error::custom(twice));
                }
            };
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_as_it_was() {
        let text = r#"{"a":[1,-2,1.5,"x\u0041",true,null,{"b":{}}]}"#;
        let value = json!({ "a": [1, -2, 1.5, "xA", true, null, { "b": {} }] });
        assert_eq!(parse(text.as_bytes()), Ok(value));
    }

    #[test]
    fn a_member_may_not_stand_there_twice_at_any_depth() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"a":[{"sub":"a","x":1,"sub":"a"}]}"#,
            // The same name, written in another way.
            r#"{"sub":"a","s\u0075b":"b"}"#,
        ] {
            assert!(parse(text.as_bytes()).unwrap_err().contains("\"sub\" stands there twice"));
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{}{}", "{} x", "1e999", "\u{feff}{}", "{\"a\":1,}", "nan"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(&[b'"', 0xff, b'"']).is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err(), "no stack overflow");
        assert!(parse_object(b"[]").is_err());
    }
}
