//! Settings on their way from TOML to a plugin.

use serde::{Serialize, Serializer};

/// A table as JSON, as the host makes it: in its order, which a `serde_json::Value` may not keep.
pub(super) struct Entries<'a>(pub(super) &'a toml::Table);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, AsJson(value))))
    }
}

/// A date becomes its text.
struct AsJson<'a>(&'a toml::Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            toml::Value::Datetime(date) => serializer.collect_str(date),
            toml::Value::Array(items) => serializer.collect_seq(items.iter().map(AsJson)),
            toml::Value::Table(table) => Entries(table).serialize(serializer),
            plain => plain.serialize(serializer),
        }
    }
}
