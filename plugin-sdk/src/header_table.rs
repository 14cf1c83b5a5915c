//! Tables of the settings by headers' names, of which none is lost.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, Visitor},
};

/// What stands under each header's name. TOML has `X-A` and `x-a` as two keys, HTTP as one header: that is refused, for
/// one of them would be forgotten.
///
/// `K` is the kind of name ([`HeaderName`](crate::HeaderName), or [`EditableName`](crate::EditableName) for headers that
/// are to be changed), `V` what stands under one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTable<K, V>(BTreeMap<K, V>);

/// What may stand under a header's name.
pub trait HeaderEntry<K>: for<'de> Deserialize<'de> {
    /// Why it may not stand under this one. The text says what to write instead.
    fn misfit(&self, name: &K) -> Option<String> {
        let _ = name;
        None
    }
}

impl<K, V> HeaderTable<K, V> {
    /// The table, by name.
    pub fn into_inner(self) -> BTreeMap<K, V> {
        self.0
    }
}

impl<K, V> Default for HeaderTable<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K, V> Deref for HeaderTable<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'de, K, V> Deserialize<'de> for HeaderTable<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: HeaderEntry<K>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Entries<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: HeaderEntry<K>,
{
    type Value = HeaderTable<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = map.next_key::<K>()? {
            let is_known = entries.contains_key(&name);
            let value = map.next_value_seed(Under { name: &name, is_known, value: PhantomData })?;
            entries.insert(name, value);
        }
        Ok(HeaderTable(entries))
    }
}

/// Reads what stands under a name. An error in it is one at the name's place.
struct Under<'a, K, V> {
    name: &'a K,
    is_known: bool,
    value: PhantomData<V>,
}

impl<'de, K: fmt::Display, V: HeaderEntry<K>> DeserializeSeed<'de> for Under<'_, K, V> {
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

impl<K: JsonSchema, V: JsonSchema> JsonSchema for HeaderTable<K, V> {
    fn inline_schema() -> bool {
        BTreeMap::<K, V>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<K, V>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<K, V>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeaderName, settings::parse};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Small(u8);

    impl HeaderEntry<HeaderName> for Small {
        fn misfit(&self, name: &HeaderName) -> Option<String> {
            (self.0 > 9).then(|| format!("`{name}` takes 9 at most"))
        }
    }

    fn read(json: &str) -> Result<Vec<(String, u8)>, (String, String)> {
        match parse::<HeaderTable<HeaderName, Small>>(json) {
            Ok(table) => {
                Ok(table.iter().map(|(name, Small(value))| (name.to_string(), *value)).collect())
            }
            Err(errors) => {
                let error = errors.into_vec().remove(0);
                Err((error.path.join("."), error.message))
            }
        }
    }

    #[test]
    fn what_would_be_lost_is_refused_at_its_place() {
        assert_eq!(read(r#"{"X-A":1,"b":2}"#), Ok(vec![("b".into(), 2), ("x-a".into(), 1)]));
        let twice = "`x-a` stands here twice: capitals make no other name".to_owned();
        assert_eq!(read(r#"{"x-a":1,"X-A":2}"#), Err(("X-A".into(), twice)));
        assert_eq!(read(r#"{"x-a":10}"#), Err(("x-a".into(), "`x-a` takes 9 at most".into())));
    }
}
