//! A document as a tree, which borrows from its text.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::order::compare;

/// What no fragment of a URI may have as it is (RFC 3986, 3.5).
const NO_FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As it is written: `1.10` has three digits, and forty digits are forty.
    Number(Cow<'a, str>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// Members by name, each name once. Sorted, for a table of hashes could be flooded: a guest has no secret to
/// begin one with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The members, or the name that two of them have.
    pub(crate) fn new(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, String> {
        members.sort_by(|a, b| a.0.cmp(&b.0));
        match members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(pair[0].0.to_string()),
            None => Ok(Self(members)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the member of this name stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.position(name).map(|at| &self.0[at].1)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// All members, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<'a> Value<'a> {
    pub(crate) fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// What a step of a JSON Pointer leads to.
    pub(crate) fn step(&self, token: &str) -> Option<&Self> {
        match self {
            Self::Object(object) => object.get(token),
            Self::Array(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The same value, of its own text.
    pub(crate) fn into_owned(self) -> Value<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Value::Null,
            Self::Bool(is) => Value::Bool(is),
            Self::Number(text) => Value::Number(own(text)),
            Self::String(text) => Value::String(own(text)),
            Self::Array(items) => Value::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(Object(members)) => {
                let members = members.into_iter();
                Value::Object(Object(
                    members.map(|(name, value)| (own(name), value.into_owned())).collect(),
                ))
            }
        }
    }
}

/// Equal as JSON Schema has it: numbers by what they are, `1` and `1.0` too; objects whatever their order.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        compare(self, other).is_eq()
    }
}

/// A name as a step of a JSON Pointer (RFC 6901).
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    if !name.contains(['~', '/']) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
}

/// A JSON Pointer as the fragment of a URI (RFC 6901, 6).
pub(crate) fn fragment(pointer: &str) -> String {
    format!("#{}", utf8_percent_encode(pointer, NO_FRAGMENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of RFC 6901, 6.
    #[test]
    fn pointers_are_fragments() {
        for (pointer, is) in [
            ("", "#"),
            ("/foo/0", "#/foo/0"),
            ("/", "#/"),
            ("/a~1b", "#/a~1b"),
            ("/c%d", "#/c%25d"),
            ("/e^f", "#/e%5Ef"),
            ("/g|h", "#/g%7Ch"),
            ("/i\\j", "#/i%5Cj"),
            ("/k\"l", "#/k%22l"),
            ("/ ", "#/%20"),
            ("/m~0n", "#/m~0n"),
            ("/$defs/é", "#/$defs/%C3%A9"),
        ] {
            assert_eq!(fragment(pointer), is);
        }
    }
}
