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

    fn shape(&self, name: &str) -> Shape {
        let shape = self.shapes.iter().find(|(known, _)| known == name);
        shape.map_or_else(Shape::default, |(_, shape)| *shape)
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
        Self { is_array, is_literal: !names.is_empty() && !names.contains(&"string") }
    }

    fn value(self, text: Cow<'_, str>) -> Value<'_> {
        let read = if self.is_literal { crate::json::read(&text, 0).ok() } else { None };
        match read.map(Value::into_owned) {
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
            _ => Value::String(text),
        }
    }
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
        assert_eq!(object("n=%2020&n2=%22a%22"), json(r#"{"n":20,"n2":"\"a\""}"#));
    }

    #[test]
    fn one_that_stands_there_twice_is_refused() {
        assert_eq!(object("n=1&n=1"), Err("n".to_owned()));
        assert_eq!(object("n=1&%6e=1"), Err("n".to_owned()));
    }
}
