//! The JSON Schema of the file, made of the declarations of its keys.

use serde_json::{Map, Value, json};

use super::{
    keys::{Key, Kind, Shape},
    load::ROOT,
};

/// Name of the definition of `{ env = "..." }` and `{ file = "..." }`.
const OUTSIDE: &str = "outside";

/// A JSON Schema (draft-07) of the whole file, for editors.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    definitions.insert(OUTSIDE.into(), outside());
    for shape in ROOT.tree().into_iter().skip(1) {
        definitions.insert(shape.id.into(), table(shape));
    }
    let Value::Object(root) = table(&ROOT) else { unreachable!("a table is an object") };
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".into(), json!("Torana"));
    schema.extend(root);
    schema.insert("definitions".into(), Value::Object(definitions));
    Value::Object(schema)
}

fn outside() -> Value {
    let one = |key: &str, about: &str| {
        json!({
            "type": "object",
            "properties": { key: { "type": "string", "description": about } },
            "required": [key],
            "additionalProperties": false,
        })
    };
    json!({
        "description": "A value that stands outside the file.",
        "oneOf": [
            one("env", "The environment variable that holds the value."),
            one("file", "The file that holds the value; a newline at its end is not part of it."),
        ],
    })
}

fn table(shape: &Shape) -> Value {
    let properties = shape.keys.iter().map(|key| (key.name.to_owned(), property(key)));
    let required: Vec<_> =
        shape.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut table = json!({
        "description": shape.about,
        "type": "object",
        "properties": properties.collect::<Map<_, _>>(),
        "additionalProperties": false,
    });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn property(key: &Key) -> Value {
    let mut property = Map::new();
    property.insert("description".into(), json!(key.about));
    if let Some(default) = key.default {
        property.insert("default".into(), default_value(&key.kind, default));
    }
    match value(&key.kind) {
        // Draft 7 ignores what stands beside `$ref`.
        reference @ Value::Object(_) if reference.get("$ref").is_some() => {
            property.insert("allOf".into(), json!([reference]));
        }
        Value::Object(rules) => property.extend(rules),
        _ => {}
    }
    Value::Object(property)
}

fn default_value(kind: &Kind, default: &str) -> Value {
    match (kind, default.parse::<u64>()) {
        (_, Ok(number)) => json!(number),
        _ if default == "true" || default == "false" => json!(default == "true"),
        _ => json!(default),
    }
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::List(item) => json!({ "type": "array", "items": value(item) }),
        Kind::Map(_, item) => json!({ "type": "object", "additionalProperties": value(item) }),
        Kind::Table(shape) => json!({ "$ref": format!("#/definitions/{}", shape.id) }),
        Kind::Free => json!({ "type": "object" }),
        Kind::OneOf(kinds) => {
            let mut any: Vec<Value> = kinds.iter().flat_map(alternatives).collect();
            any.dedup();
            json!({ "anyOf": any })
        }
        scalar => json!({ "anyOf": alternatives(scalar) }),
    }
}

/// What may stand for a kind: for a scalar also a reference to the outside.
fn alternatives(kind: &Kind) -> Vec<Value> {
    let outside = json!({ "$ref": format!("#/definitions/{OUTSIDE}") });
    match kind {
        Kind::Bool => vec![json!({ "type": "boolean" }), outside],
        Kind::Text(_) => vec![json!({ "type": "string" }), outside],
        Kind::Integer(min, max) => vec![integer(*min, *max), outside],
        Kind::Duration(..) => {
            vec![json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }), outside]
        }
        Kind::Size(min, max) => vec![
            json!({ "type": "string", "pattern": "^[0-9]+([kMG]?B|[KMG]iB)$" }),
            integer(*min, *max),
            outside,
        ],
        Kind::Choice(words) => vec![json!({ "enum": words }), outside],
        compound => vec![value(compound)],
    }
}

fn integer(min: u64, max: u64) -> Value {
    json!({ "type": "integer", "minimum": min, "maximum": max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_described() {
        let schema = schema();
        for shape in ROOT.tree() {
            let table =
                if shape.id == ROOT.id { &schema } else { &schema["definitions"][shape.id] };
            for key in shape.keys {
                let description = &table["properties"][key.name]["description"];
                assert_eq!(description, key.about, "{} {}", shape.place, key.name);
                assert!(!key.about.is_empty(), "{} {}", shape.place, key.name);
            }
        }
    }

    #[test]
    fn every_reference_has_its_definition() {
        let schema = schema();
        let text = schema.to_string();
        for reference in text.split("#/definitions/").skip(1) {
            let id = reference.split('"').next().unwrap();
            assert!(schema["definitions"][id].is_object(), "{id}");
        }
    }
}
