//! What the TOML can say.

use std::borrow::Cow;

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

use crate::{
    coding::Coding,
    length::Length,
    media::{EVENTS, Types},
};

/// Which responses are compressed, and how.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// The codings, the best first: it is taken where a client likes several equally well.
    #[schemars(length(min = 1))]
    pub(crate) algorithms: Vec<Coding>,
    /// How hard each coding tries.
    pub(crate) level: Levels,
    /// Media types: "application/json", "text/*", "application/*+json". Events, and what is
    /// compressed in itself, are in no pattern.
    pub(crate) types: Vec<Types>,
    /// Responses that say that they are shorter stay as they are: "1KiB", or a number of bytes.
    #[schemars(extend("default" = "1KiB"))]
    pub(crate) min_length: Length,
    /// When what was taken is sent on.
    pub(crate) flush: Flush,
    /// Requests with one of these headers get no compressed response.
    pub(crate) skip_requests_with: Vec<HeaderName>,
}

/// How hard each coding tries.
#[settings]
#[serde(default)]
pub(crate) struct Levels {
    /// Brotli, 1 to 4.
    #[schemars(range(min = 1, max = 4))]
    pub(crate) br: u32,
    /// gzip, 1 to 9.
    #[schemars(range(min = 1, max = 9))]
    pub(crate) gzip: u32,
}

/// When what was taken is sent on, so that the client can decode it.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Flush {
    /// Piece by piece where the length is not known, for then the rest may be long in coming.
    #[default]
    Auto,
    /// Piece by piece.
    Always,
    /// When a block of the coding is full: smaller, and later.
    Never,
}

/// Text, and what is much like it.
const TYPES: [&str; 18] = [
    "text/*",
    "application/*+json",
    "application/*+xml",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/svg+xml",
    "image/x-icon",
];

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithms: vec![Coding::Br, Coding::Gzip],
            level: Levels::default(),
            types: TYPES.iter().filter_map(|text| Types::parse(text).ok()).collect(),
            min_length: Length(1024),
            flush: Flush::default(),
            skip_requests_with: Vec::new(),
        }
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self { br: 3, gzip: 2 }
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if self.algorithms.is_empty() {
            errors.add(["algorithms"], "nothing to do: list \"br\" or \"gzip\", or both");
        }
        for (index, coding) in self.algorithms.iter().enumerate() {
            if self.algorithms.iter().take(index).any(|before| before == coding) {
                let text = format!("`{}` stands there twice: remove it", coding.name());
                errors.add(["algorithms", &index.to_string()], text);
            }
        }
        if self.types.is_empty() {
            let text = "nothing would be compressed: list types like \"text/*\", or leave it out";
            errors.add(["types"], text);
        }
        self.level.check(&mut errors);
        if self.flush == Flush::Never {
            self.check_events(&mut errors);
        }
        errors.or(())
    }

    fn check_events(&self, errors: &mut SettingErrors) {
        let is_events = |types: &Types| *types == Types::One(EVENTS.to_owned());
        if let Some(index) = self.types.iter().position(is_events) {
            let text = "with `flush = \"never\"` events would not arrive: remove one of the two";
            errors.add(["types", &index.to_string()], text);
        }
    }
}

impl Levels {
    fn check(&self, errors: &mut SettingErrors) {
        // Measured on bodies in pieces of 64 KiB, with this window: see the README.
        if !(1..=4).contains(&self.br) {
            let text = "1 to 4: higher levels of Brotli are for files that are compressed once \
                        (while a body passes they are slower and no smaller)";
            errors.add(["level", "br"], text);
        }
        if !(1..=9).contains(&self.gzip) {
            errors.add(["level", "gzip"], "1 to 9");
        }
    }
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Types {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MediaTypes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[^/;*]+/[^/;*]+$|^[^/;]+/\\*([+][^/;*]+)?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_are_there_without_settings_are_good() {
        for text in TYPES {
            assert!(Types::parse(text).is_ok(), "{text}");
        }
        assert!(Settings::default().check().is_ok());
    }
}
