//! JSON that keeps its spelling: values are slices of the text that they came in, and only what is
//! looked into is read. So numbers keep every digit, and objects their order.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep arrays and objects may lie in each other: what most readers of JSON take.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotJson {
    Syntax(String),
    TooDeep,
}

/// The value that a text is, without the space around it, and without a byte order mark (RFC 8259, 8.1).
pub(crate) fn value(text: &str) -> Result<&str, NotJson> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| NotJson::Syntax(error.to_string()))?;
    if depth(value.get()) > MAX_DEPTH { Err(NotJson::TooDeep) } else { Ok(value.get()) }
}

/// What lies at a path of keys and indices. `*` stands for every element of an array: what they
/// have there is given as an array. None where there is nothing.
pub(crate) fn select<'a>(value: &'a str, path: &[String]) -> Option<Cow<'a, str>> {
    let Some((key, rest)) = path.split_first() else { return Some(Cow::Borrowed(value)) };
    match value.as_bytes().first()? {
        b'{' => select(member(value, key)?, rest),
        b'[' if key == "*" => {
            let found = elements(value)?.into_iter().filter_map(|element| select(element, rest));
            Some(Cow::Owned(list(found)))
        }
        b'[' => select(elements(value)?.get(index(key)?)?, rest),
        _ => None,
    }
}

/// An array of values.
pub(crate) fn list(values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(value.as_ref());
    }
    text.push(']');
    text
}

/// The elements of an array; None of anything else.
pub(crate) fn elements(value: &str) -> Option<Vec<&str>> {
    reader(value).deserialize_seq(Elements).ok()
}

/// The members of an object, in order and as often as they stand there: the key as it is spelled,
/// with its quotes, and the value. None of anything else.
pub(crate) fn members(value: &str) -> Option<Vec<(&str, &str)>> {
    reader(value).deserialize_map(Members).ok()
}

/// The text of a string; None of anything else, and of a string that is no Unicode (half of a
/// surrogate pair).
pub(crate) fn text(value: &str) -> Option<Cow<'_, str>> {
    let inside = value.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(value).ok().map(Cow::Owned)
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn reader(value: &str) -> serde_json::Deserializer<serde_json::de::StrRead<'_>> {
    serde_json::Deserializer::from_str(value)
}

/// Whoever asks for element `+1` or `01` means a key.
fn index(key: &str) -> Option<usize> {
    let is_plain = key == "0" || !key.starts_with(['0', '+']);
    key.parse().ok().filter(|_| is_plain)
}

/// Of several members with this key the last one counts, as nearly all readers have it.
pub(crate) fn member<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    reader(value).deserialize_map(Member(key)).ok().flatten()
}

/// How deep arrays and objects lie in each other in a valid text.
fn depth(value: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element::<&RawValue>()? {
            elements.push(element.get());
        }
        Ok(elements)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de str, &'de str)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = object.next_entry::<&RawValue, &RawValue>()? {
            members.push((key.get(), value.get()));
        }
        Ok(members)
    }
}

struct Member<'k>(&'k str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = object.next_key_seed(Is(self.0))? {
            if is_it {
                found = Some(object.next_value::<&RawValue>()?.get());
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a key is this one. It is read as bytes: a key that is no Unicode is another one, and no
/// error.
struct Is<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<bool, E> {
        Ok(key == self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(value: &str, path: &str) -> Option<String> {
        let path: Vec<_> = path.split('.').map(str::to_owned).collect();
        select(value, &path).map(Cow::into_owned)
    }

    #[test]
    fn values_keep_their_spelling() {
        let text = " {\"a\" : [1.10, 12345678901234567890123 , 1E2], \"b\":\"\\u0041\"}\n";
        let text = value(text).unwrap();
        assert_eq!(selected(text, "a.0").unwrap(), "1.10");
        assert_eq!(selected(text, "a.1").unwrap(), "12345678901234567890123");
        assert_eq!(selected(text, "a.2").unwrap(), "1E2");
        assert_eq!(selected(text, "b").unwrap(), "\"\\u0041\"");
        assert_eq!(super::text("\"\\u0041\"").unwrap(), "A");
        for path in ["c", "a.3", "a.b", "a.+1", "a.01", "a.-1", "b.0", "a.0.b"] {
            assert_eq!(selected(text, path), None, "{path}");
        }
    }

    #[test]
    fn a_star_gathers() {
        let text = r#"{"lines":[{"id":1},{"no":2},{"id":"x"}],"*":{"a":5}}"#;
        assert_eq!(selected(text, "lines.*.id").unwrap(), r#"[1,"x"]"#);
        assert_eq!(selected(text, "lines.*.a.b").unwrap(), "[]");
        assert_eq!(selected(text, "*.a").unwrap(), "5", "of an object it is a key like others");
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let text = r#"{"a":1,"\u0061":{"b":2},"a\ud800":3}"#;
        assert_eq!(selected(text, "a.b").unwrap(), "2");
        let all = members(text).unwrap();
        assert_eq!(all[..2], [("\"a\"", "1"), ("\"\\u0061\"", "{\"b\":2}")]);
        assert_eq!(all[2], ("\"a\\ud800\"", "3"), "even what is no Unicode passes as it is");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for wrong in ["", "nul", "{\"a\":}", "[1,]", "1 2", "{'a':1}", "01", "\"\u{1}\"", "[NaN]"] {
            assert!(matches!(value(wrong), Err(NotJson::Syntax(_))), "{wrong}");
        }
        assert_eq!(members("[1]"), None);
        assert_eq!(elements("{}"), None);
        assert_eq!(super::text("1"), None);
        assert_eq!(super::text("\"\\ud800\""), None);
    }

    #[test]
    fn depth_is_capped_and_takes_no_stack() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(value(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(value(&nested(MAX_DEPTH + 1)), Err(NotJson::TooDeep));
        assert_eq!(value(&nested(1_000_000)), Err(NotJson::TooDeep));
        assert_eq!(depth(r#"{"[[\"[":"\\"}"#), 1);
    }
}
