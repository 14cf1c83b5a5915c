//! Parameters of the query or of the path, as an object that a schema can be held against. They are texts; where the
//! schema of a member asks for a number, a boolean or an array, they are read as one.

use std::borrow::Cow;

use crate::{
    json::{Object, Value},
    schema::NodeId,
};

/// Parameters of one kind.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) node: NodeId,
    shapes: Vec<(String, Shape)>,
}

/// What a member's schema says of its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    is_array: bool,
    /// Whether what is a number, true, false or null as JSON has it is that, and no text.
    is_literal: bool,
    /// Whether, of numbers, only whole ones are meant.
    is_whole: bool,
}

/// Something in a schema of parameters that cannot be meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pointless {
    /// The keyword, or none for all of the schema.
    pub(crate) keyword: Option<&'static str>,
    pub(crate) message: String,
}

impl Parameters {
    pub(crate) fn new(node: NodeId, schema: &Value<'_>) -> Self {
        let properties = schema.step("properties").and_then(Value::as_object);
        let shapes = properties.into_iter().flat_map(Object::iter);
        Self {
            node,
            shapes: shapes.map(|(name, schema)| (name.to_owned(), Shape::of(schema))).collect(),
        }
    }

    /// The names that the schema knows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.shapes.iter().map(|(name, _)| name.as_str())
    }

    /// The object of these parameters, or the name of one that stands there twice and is no array: services would
    /// take the first, or the last.
    pub(crate) fn object<'t>(
        &self,
        pairs: impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)>,
    ) -> Result<Value<'t>, String> {
        let mut members: Vec<(Cow<'t, str>, Value<'t>)> = Vec::new();
        let mut arrays: Vec<(Cow<'t, str>, Vec<Value<'t>>)> = Vec::new();
        for (name, text) in pairs {
            let shape = self.shape(&name);
            let value = shape.value(text);
            if !shape.is_array {
                members.push((name, value));
            } else if let Some((_, items)) = arrays.iter_mut().find(|(known, _)| *known == name) {
                items.push(value);
            } else {
                arrays.push((name, vec![value]));
            }
        }
        members.extend(arrays.into_iter().map(|(name, items)| (name, Value::Array(items))));
        Object::new(members).map(Value::Object)
    }

    /// Of the path: only those in `properties` are known to be asked for.
    pub(crate) fn pointless_in_path(schema: &Value<'_>) -> Option<Pointless> {
        let names = schema.step("properties").and_then(Value::as_object);
        if names.is_none_or(|names| names.len() == 0) {
            let message = "no parameter is looked at: name each right in `properties`".to_owned();
            return Some(Pointless { keyword: None, message });
        }
        Pointless::required(schema, "is looked at")
    }

    /// Of the query: all that come are there, and `additionalProperties = false` lets none pass but those in
    /// `properties`.
    pub(crate) fn pointless_in_query(schema: &Value<'_>) -> Option<Pointless> {
        let others = schema.step("additionalProperties");
        let is_closed = matches!(others, Some(Value::Bool(false)))
            && schema.step("patternProperties").is_none();
        if is_closed { Pointless::required(schema, "may be there") } else { None }
    }

    fn shape(&self, name: &str) -> Shape {
        let shape = self.shapes.iter().find(|(known, _)| known == name);
        shape.map_or_else(Shape::default, |(_, shape)| *shape)
    }
}

impl Pointless {
    /// Names in `required` that are not in `properties`: each request would be refused.
    fn required(schema: &Value<'_>, only: &str) -> Option<Self> {
        let known = schema.step("properties").and_then(Value::as_object);
        let names = schema.step("required")?.as_array()?.iter().filter_map(Value::as_str);
        let is_known = |name: &str| known.is_some_and(|known| known.has(name));
        let unknown: Vec<_> =
            names.filter(|name| !is_known(name)).map(|name| format!("`{name}`")).collect();
        let message = format!(
            "no request would pass: only what stands right in `properties` {only}; add {} there",
            unknown.join(", ")
        );
        (!unknown.is_empty()).then_some(Self { keyword: Some("required"), message })
    }
}

impl Shape {
    fn of(schema: &Value<'_>) -> Self {
        let is_array = schema.step("type").and_then(Value::as_str) == Some("array");
        let schema = if is_array { schema.step("items") } else { Some(schema) };
        let types = schema.and_then(|schema| schema.step("type"));
        let names: Vec<_> = match types {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            other => other.and_then(Value::as_str).into_iter().collect(),
        };
        Self {
            is_array,
            is_literal: !names.is_empty() && !names.contains(&"string"),
            is_whole: !names.contains(&"number"),
        }
    }

    fn value(self, text: Cow<'_, str>) -> Value<'_> {
        // JSON has white space around its values, and `1e2` is a whole number to it. Services differ over both.
        let is_plain = text.trim() == text;
        let read =
            if self.is_literal && is_plain { crate::json::read(&text, 0).ok() } else { None };
        match read.map(Value::into_owned) {
            Some(Value::Number(number)) if self.is_whole && !is_whole(&number) => {
                Value::String(text)
            }
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
            _ => Value::String(text),
        }
    }
}

/// Whether a number of JSON has digits alone, and no fraction or exponent.
fn is_whole(number: &str) -> bool {
    number.strip_prefix('-').unwrap_or(number).bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(query: &'static str) -> Result<Value<'static>, String> {
        let schema = r#"{"properties":{"n":{"type":"integer"},"s":{"type":["string","null"]},
            "ids":{"type":"array","items":{"type":"number"}}}}"#;
        let parameters = Parameters::new(0, &crate::json::read(schema, 8).unwrap());
        parameters.object(form_urlencoded::parse(query.as_bytes()))
    }

    fn json(text: &'static str) -> Result<Value<'static>, String> {
        Ok(crate::json::read(text, 8).unwrap())
    }

    #[test]
    fn texts_become_what_the_schema_asks_for() {
        assert_eq!(object("n=20&s=20&x=1"), json(r#"{"n":20,"s":"20","x":"1"}"#));
        assert_eq!(object("n=twenty&s=null"), json(r#"{"n":"twenty","s":"null"}"#));
        assert_eq!(object("ids=1&ids=2.5&ids=a"), json(r#"{"ids":[1,2.5,"a"]}"#));
        assert_eq!(object("n=-7&n2=%22a%22"), json(r#"{"n":-7,"n2":"\"a\""}"#));
    }

    #[test]
    fn what_services_read_in_several_ways_stays_text() {
        for (query, text) in [
            ("n=%2020", " 20"),
            ("n=20+", "20 "),
            ("n=%0920", "\t20"),
            ("n=20%0A", "20\n"),
            ("n=1e2", "1e2"),
            ("n=2.0", "2.0"),
            ("n=020", "020"),
            ("n=%2B20", "+20"),
        ] {
            let text = Value::String(text.into());
            assert_eq!(object(query).unwrap().step("n"), Some(&text), "{query}");
        }
        assert_eq!(object("ids=1e2&ids=%202"), json(r#"{"ids":[1e2," 2"]}"#));
    }

    #[test]
    fn one_that_stands_there_twice_is_refused() {
        assert_eq!(object("n=1&n=1"), Err("n".to_owned()));
        assert_eq!(object("n=1&%6e=1"), Err("n".to_owned()));
    }
}
