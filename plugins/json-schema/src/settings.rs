//! What the TOML can say.

use std::collections::BTreeMap;

use torana_plugin_sdk::prelude::*;

use crate::{schema::Draft, source::Source};

/// What requests and responses are held against.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// What the body of a request is held against.
    pub(crate) request: Option<RequestSettings>,
    /// What the body of a response is held against, if its status is 2xx.
    pub(crate) response: Option<ResponseSettings>,
    /// The schema of an object with the query's parameters.
    pub(crate) query: Option<Source>,
    /// The schema of an object with the parameters of the route's path.
    pub(crate) params: Option<Source>,
    /// What becomes of a request that does not fit.
    pub(crate) mode: Mode,
    /// Other schemas, by the name or URI that a `$ref` calls them by.
    pub(crate) schemas: BTreeMap<String, Source>,
    /// The draft of schemas that have no `$schema`.
    pub(crate) draft: Draft,
    /// Whether `format` is held. Without it, it says but what is meant.
    pub(crate) formats: bool,
    /// How deep a document may be nested.
    #[schemars(range(min = 1, max = 128))]
    pub(crate) max_depth: u16,
    /// How many mismatches the client is told; 0 for none.
    #[schemars(range(max = 100))]
    pub(crate) errors: u8,
}

/// Requests.
#[settings]
pub(crate) struct RequestSettings {
    /// The schema: a table, or a text of JSON.
    pub(crate) schema: Source,
    /// Whether POST, PUT and PATCH need a body.
    #[serde(default = "yes")]
    pub(crate) required: bool,
    /// The status for a body that does not fit.
    #[serde(default = "unprocessable")]
    #[schemars(range(min = 400, max = 499))]
    pub(crate) status: u16,
}

/// Responses.
#[settings]
pub(crate) struct ResponseSettings {
    /// The schema: a table, or a text of JSON.
    pub(crate) schema: Source,
    /// Whether a response with 2xx needs a body, but for 204, 205, 206 and those to HEAD.
    #[serde(default)]
    pub(crate) required: bool,
    /// What becomes of a response that does not fit.
    #[serde(default)]
    pub(crate) mode: Mode,
}

/// What becomes of what does not fit.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes, and is counted and logged.
    Observe,
}

fn yes() -> bool {
    true
}

fn unprocessable() -> u16 {
    422
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request: None,
            response: None,
            query: None,
            params: None,
            mode: Mode::Refuse,
            schemas: BTreeMap::new(),
            draft: Draft::default(),
            formats: false,
            max_depth: 64,
            errors: 10,
        }
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if [&self.query, &self.params].iter().all(|source| source.is_none())
            && self.request.is_none()
            && self.response.is_none()
        {
            errors.extend(SettingErrors::of_all(
                "nothing is checked: write `request.schema`, `response.schema`, `query` or `params`",
            ));
        }
        if !(1..=128).contains(&self.max_depth) {
            errors.add(["max_depth"], "write 1 to 128");
        }
        if self.errors > 100 {
            errors.add(["errors"], "write 0 to 100");
        }
        if let Some(status) =
            self.request.as_ref().map(|request| request.status).filter(|s| !(400..500).contains(s))
        {
            let text = format!("{status} does not blame the client: write 400 to 499");
            errors.add(["request", "status"], text);
        }
        errors.or(())
    }
}
