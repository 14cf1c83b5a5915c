//! What the TOML can say.

mod condition;
mod limit;
mod paths;
mod profile;
mod source;
mod table;

use std::collections::BTreeMap;

use torana_plugin_sdk::prelude::*;

pub(crate) use self::{profile::ProfileSettings, source::Source};
use crate::path::Names;

/// Which client gets what.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// What each kind of client gets, by the profile's name.
    pub(crate) profiles: BTreeMap<String, ProfileSettings>,
    /// What says which profile it is. The first that says something decides.
    pub(crate) sources: Vec<Source>,
    /// The profile where no source says anything. It may be left out if there is but one.
    pub(crate) default: Option<String>,
    /// What becomes of a request whose header or query names a profile that there is not.
    pub(crate) unknown: Unknown,
    /// How clients select fields themselves. Without it they cannot.
    pub(crate) fields: Option<FieldsSettings>,
    /// What becomes of responses whose status is not 2xx.
    pub(crate) errors: Errors,
    /// What becomes of a 2xx response that is not JSON.
    pub(crate) not_json: Odd,
    /// What becomes of a response that says it is JSON and is not.
    pub(crate) malformed: Odd,
    /// How deep a document may be nested. A deeper one is refused.
    #[schemars(range(min = 1, max = 512))]
    pub(crate) max_depth: u16,
}

/// What becomes of a request for an unknown profile.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unknown {
    /// It gets the default.
    #[default]
    Default,
    /// It is refused with 400.
    Refuse,
}

/// What becomes of responses whose status is not 2xx.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Errors {
    /// They pass as they are.
    #[default]
    Pass,
    /// They are shaped like the others.
    Shape,
}

/// What becomes of responses that cannot be shaped.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Odd {
    /// They pass as they are.
    Pass,
    /// The client gets 502 instead.
    Refuse,
}

/// How clients select fields.
#[settings]
#[derive(Clone, Debug)]
#[serde(default)]
pub(crate) struct FieldsSettings {
    /// The query parameter.
    pub(crate) parameter: String,
    /// The fields that may be selected, with all that is inside of them. Without it, any.
    pub(crate) allow: Option<Vec<Names>>,
    /// What becomes of a selection of other fields.
    pub(crate) unknown: UnknownField,
}

/// What becomes of a selection of unknown fields.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnknownField {
    /// The request is refused with 400.
    #[default]
    Refuse,
    /// They select nothing.
    Ignore,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profiles: BTreeMap::new(),
            sources: Vec::new(),
            default: None,
            unknown: Unknown::Default,
            fields: None,
            errors: Errors::Pass,
            not_json: Odd::Pass,
            malformed: Odd::Refuse,
            max_depth: 128,
        }
    }
}

impl Default for FieldsSettings {
    fn default() -> Self {
        Self { parameter: "fields".into(), allow: None, unknown: UnknownField::Refuse }
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if self.profiles.is_empty() {
            errors.extend(SettingErrors::of_all(
                "there is no profile: write `profiles.NAME`, and in it `include`, `exclude`, ...",
            ));
        }
        if !(1..=512).contains(&self.max_depth) {
            errors.add(["max_depth"], "write 1 to 512");
        }
        if self.fields.as_ref().is_some_and(|fields| fields.parameter.is_empty()) {
            errors.add(["fields", "parameter"], "write the name of a query parameter");
        }
        self.check_default(&mut errors);
        for (i, source) in self.sources.iter().enumerate() {
            source.check(i, &self.profiles, &mut errors);
        }
        errors.or(())
    }

    fn check_default(&self, errors: &mut SettingErrors) {
        match &self.default {
            Some(name) if !self.profiles.contains_key(name) => {
                errors.add(["default"], format!("there is no profile `{name}`"));
            }
            None if self.profiles.len() > 1 => errors.extend(SettingErrors::of_all(
                "`default` is missing: write the profile of clients of which nothing is known",
            )),
            _ => {}
        }
    }
}
