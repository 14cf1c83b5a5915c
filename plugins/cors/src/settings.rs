//! What the TOML can say.

use std::{borrow::Cow, collections::BTreeSet};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

use crate::{
    method::Method,
    origin::{Allowed, OPAQUE, Origins},
    policy::SAFELISTED,
};

/// Which pages of other origins may use this service from a browser, and how.
#[settings]
pub(crate) struct Settings {
    /// The origins: "https://app.example.com", "https://*.example.com" (one label), "null"; or
    /// ["*"] for all.
    #[schemars(length(min = 1))]
    pub(crate) origins: Vec<Allowed>,
    /// The methods that pages may use. "*" stands for all.
    #[serde(default = "safelisted_methods")]
    pub(crate) methods: Vec<Method>,
    /// The request headers that pages may set, beyond those that need no leave. "*" stands for all
    /// but `authorization`.
    #[serde(default)]
    pub(crate) headers: Vec<HeaderName>,
    /// The response headers that pages may read, beyond those that need no leave. "*" stands for
    /// all.
    #[serde(default)]
    pub(crate) expose: Vec<HeaderName>,
    /// Whether requests may carry cookies and the like.
    #[serde(default)]
    pub(crate) credentials: bool,
    /// How long browsers may keep the answer to a preflight, in seconds. Without it they keep it
    /// for 5.
    pub(crate) max_age: Option<u32>,
    /// Whether pages of public sites may use this service in a private network.
    #[serde(default)]
    pub(crate) private_network: bool,
    /// What becomes of requests from other origins.
    #[serde(default)]
    pub(crate) other_origins: OtherOrigins,
}

/// What becomes of requests from origins that are not listed.
#[settings]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OtherOrigins {
    /// They pass, and their pages cannot read the response.
    #[default]
    Pass,
    /// They are refused with 403.
    Deny,
}

/// Those that a page may use without asking.
fn safelisted_methods() -> Vec<Method> {
    SAFELISTED.map(Method::known).into()
}

const ANY: &str = "*";

impl Settings {
    /// The origins, to hold requests against.
    pub(crate) fn origins(&self) -> Origins {
        let (mut exact, mut patterns) = (BTreeSet::new(), Vec::new());
        for allowed in &self.origins {
            match allowed {
                Allowed::Any => return Origins::Any,
                Allowed::Exact(origin) => {
                    exact.insert(origin.clone());
                }
                Allowed::Pattern(pattern) => patterns.push(pattern.clone()),
            }
        }
        Origins::Listed { exact, patterns }
    }

    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if self.origins.is_empty() {
            let text = "nobody would be let in: list origins, like \"https://app.example.com\"";
            errors.add(["origins"], text);
        }
        let any = self.origins.iter().position(|allowed| *allowed == Allowed::Any);
        if let Some(index) = any.filter(|_| self.origins.len() > 1) {
            let text = "`*` lets every origin in: write it alone, or leave it out";
            errors.add(["origins", &index.to_string()], text);
        }
        if self.credentials {
            self.check_with_credentials(&mut errors);
        }
        errors.or(())
    }

    /// With credentials a star means nothing to browsers (Fetch, 3.3.2), and answering with
    /// whatever was asked for would let every site act in the name of its visitors.
    fn check_with_credentials(&self, errors: &mut SettingErrors) {
        for (index, allowed) in self.origins.iter().enumerate() {
            let text = match allowed {
                Allowed::Any => {
                    "every site could act in the name of its visitors: list the \
                                 origins, or remove `credentials`"
                }
                Allowed::Exact(origin) if origin == OPAQUE => {
                    "every site can open a frame whose origin is `null`, and could act in the name \
                     of its visitors: list the origins, or remove `credentials`"
                }
                _ => continue,
            };
            errors.add(["origins", &index.to_string()], text);
        }
        let stars = [
            ("methods", self.methods.iter().position(|method| &**method == ANY)),
            ("headers", self.headers.iter().position(|name| &**name == ANY)),
            ("expose", self.expose.iter().position(|name| &**name == ANY)),
        ];
        for (setting, star) in stars {
            if let Some(index) = star {
                let text = "browsers take `*` for a name where there are credentials: list all \
                            that is meant";
                errors.add([setting, &index.to_string()], text);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Allowed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(\\*|null|[a-z][a-z0-9+.-]*://[^/]+)$" })
    }
}
