//! The drafts of JSON Schema.

use torana_plugin_sdk::prelude::*;

/// A draft, oldest first.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draft {
    #[serde(rename = "draft-04")]
    Four,
    #[serde(rename = "draft-06")]
    Six,
    #[serde(rename = "draft-07")]
    Seven,
    #[serde(rename = "2019-09")]
    Of2019,
    #[default]
    #[serde(rename = "2020-12")]
    Of2020,
}

/// What `$schema` may say, in the words of an error.
pub(crate) const KNOWN: &str = "\"https://json-schema.org/draft/2020-12/schema\", \".../draft/2019-09/schema\", \
     \"http://json-schema.org/draft-07/schema#\", or draft-06 or draft-04 of it";

impl Draft {
    /// The draft that a `$schema` names.
    pub(crate) fn of_uri(uri: &str) -> Option<Self> {
        let uri = uri.strip_suffix('#').unwrap_or(uri);
        let name = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"))?;
        Some(match name.strip_prefix("json-schema.org/")? {
            "draft-04/schema" => Self::Four,
            "draft-06/schema" => Self::Six,
            "draft-07/schema" => Self::Seven,
            "draft/2019-09/schema" => Self::Of2019,
            "draft/2020-12/schema" => Self::Of2020,
            _ => return None,
        })
    }

    /// The keyword that names a schema.
    pub(crate) fn id(self) -> &'static str {
        if self == Self::Four { "id" } else { "$id" }
    }

    /// Whether keywords beside a `$ref` are ignored.
    pub(crate) fn ref_stands_alone(self) -> bool {
        self <= Self::Seven
    }
}
