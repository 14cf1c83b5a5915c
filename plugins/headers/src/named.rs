//! Settings by the names of headers, of which none is lost.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};
use template::Template;
use torana_plugin_sdk::prelude::*;

/// What stands under each name. TOML has `X-A` and `x-a` as two keys, HTTP as one header: that is refused, for one of
/// them would be forgotten.
pub(crate) struct Named<V>(BTreeMap<EditableName, V>);

/// What may stand under a name.
pub(crate) trait Entry: for<'de> Deserialize<'de> {
    /// Why it may not stand under this one.
    fn misfit(&self, name: &EditableName) -> Option<String>;
}

/// What values make of a template is seen with each of them.
impl Entry for Template {
    fn misfit(&self, name: &EditableName) -> Option<String> {
        let is_control = |c: char| c.is_ascii_control() && c != '\t';
        let text = format!("`{name}` cannot have this value: it has control characters");
        self.fixed()?.contains(is_control).then_some(text)
    }
}

/// The new name, under the old one.
impl Entry for EditableName {
    fn misfit(&self, name: &EditableName) -> Option<String> {
        let text = format!("it is `{self}` already: capitals make no other name");
        (self == name).then_some(text)
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Deref for Named<V> {
    type Target = BTreeMap<EditableName, V>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, V: Entry> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<V>(PhantomData<V>);

impl<'de, V: Entry> Visitor<'de> for Entries<V> {
    type Value = Named<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<V>, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = map.next_key::<EditableName>()? {
            let is_known = entries.contains_key(&name);
            let value = map.next_value_seed(Under { name: &name, is_known, value: PhantomData })?;
            entries.insert(name, value);
        }
        Ok(Named(entries))
    }
}

/// Reads what stands under a name. An error in it is one at the name's place.
struct Under<'a, V> {
    name: &'a EditableName,
    is_known: bool,
    value: PhantomData<V>,
}

impl<'de, V: Entry> DeserializeSeed<'de> for Under<'_, V> {
    type Value = V;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V, D::Error> {
        let Self { name, is_known, .. } = self;
        if is_known {
            let text = format!("`{name}` stands here twice: capitals make no other name");
            return Err(D::Error::custom(text));
        }
        let value = V::deserialize(deserializer)?;
        value.misfit(name).map_or(Ok(value), |text| Err(D::Error::custom(text)))
    }
}

impl<V: JsonSchema> JsonSchema for Named<V> {
    fn inline_schema() -> bool {
        BTreeMap::<EditableName, V>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<EditableName, V>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<EditableName, V>::json_schema(generator)
    }
}
