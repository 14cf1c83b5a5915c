//! How the TOML says names: lists that are not empty, methods, claims, and texts that are parsed.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{
            Error, MapAccess, SeqAccess, Visitor,
            value::{MapAccessDeserializer, SeqAccessDeserializer},
        },
    },
};

use crate::{
    expression::{Expression, NO_HEAD},
    network::Network,
    paths::PathPattern,
    wanted::Wanted,
};

/// One of these. An empty list would fit nothing, or everything: nobody should have to know which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOf<T>(pub(crate) Vec<T>);

/// A method, as it stands in requests.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Method(String);

/// Where in the claims something is: names from the outside in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath(pub(crate) Vec<String>);

const EMPTY: &str = "an empty list fits nothing: list something, or leave the setting out";

impl Default for ClaimPath {
    fn default() -> Self {
        Self(vec!["roles".into()])
    }
}

impl Method {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    /// RFC 9110, 9.1: methods are tokens, and upper and lower case are apart.
    fn try_from(method: String) -> Result<Self, String> {
        let upper = method.to_ascii_uppercase();
        if HeaderName::try_from(method.clone()).is_err() {
            return Err(format!("`{method}` is no method: write a word like \"GET\""));
        }
        if upper == "HEAD" {
            return Err(NO_HEAD.into());
        }
        if upper != method {
            return Err(format!("methods are in upper case: write \"{upper}\""));
        }
        Ok(Self(method))
    }
}

impl TryFrom<Vec<String>> for ClaimPath {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, &'static str> {
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err("write a claim's name, like \"roles\" or \"realm_access.roles\"");
        }
        Ok(Self(names))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<T>::deserialize(deserializer)?;
        if items.is_empty() { Err(D::Error::custom(EMPTY)) } else { Ok(Self(items)) }
    }
}

impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrList)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct TextOrList;

impl<'de> Visitor<'de> for TextOrList {
    type Value = ClaimPath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claim's name, or a list of names from the outside in")
    }

    fn visit_str<E: Error>(self, path: &str) -> Result<ClaimPath, E> {
        let names: Vec<_> = path.split('.').map(str::to_owned).collect();
        ClaimPath::try_from(names).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ClaimPath, A::Error> {
        let names = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        ClaimPath::try_from(names).map_err(A::Error::custom)
    }
}

#[settings]
#[derive(Default)]
#[serde(default)]
struct WantedTable {
    /// At least one of these.
    any: Vec<String>,
    /// Each of these.
    all: Vec<String>,
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = deserializer.deserialize_any(ListOrTable)?;
        if wanted.any.is_empty() && wanted.all.is_empty() {
            return Err(D::Error::custom(EMPTY));
        }
        Ok(wanted)
    }
}

struct ListOrTable;

impl<'de> Visitor<'de> for ListOrTable {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list (any of them), or a table with `any` and `all`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Wanted, A::Error> {
        let any = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Wanted { any, all: Vec::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Wanted, A::Error> {
        let WantedTable { any, all } = WantedTable::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Wanted { any, all })
    }
}

/// Texts that say something when they are parsed.
macro_rules! parsed {
    ($($type:ident: $description:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description })
            }
        }
    )*};
}

parsed! {
    Expression: "A question with true or false for an answer, like claims.department == \"ops\".";
    Network: "A network like 10.0.0.0/8, or one address.";
    PathPattern: "A path, decoded. {name} and * are one segment; * at the end is the rest.";
}

impl<T: JsonSchema> JsonSchema for OneOf<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": 1 })
    }
}

impl JsonSchema for ClaimPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ClaimPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}

impl JsonSchema for Wanted {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = WantedTable::json_schema(generator);
        let list = OneOf::<String>::json_schema(generator);
        json_schema!({ "anyOf": [list, table] })
    }
}
