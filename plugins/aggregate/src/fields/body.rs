use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use torana_plugin_sdk::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::values::parsed;
use crate::{body::Body, json};

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Body, E> {
        Ok(Body::Fixed(bool.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Body, E> {
        Ok(Body::Fixed(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Body, E> {
        Ok(Body::Fixed(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Body, E> {
        Ok(Body::Fixed(serde_json::Value::from(number).to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Body, E> {
        parsed(text).map(Body::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Body, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Body::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Body, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = table.next_entry::<String, Body>()? {
            members.push((json::quoted(&key), value));
        }
        Ok(Body::Object(members))
    }
}

shaped!(Body, BodyVisitor, json_schema!(true));
