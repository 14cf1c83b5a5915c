//! From the `config` of the TOML to a plugin's typed settings, and back with an error to the line.

use std::fmt::Display;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, de::DeserializeOwned};
use serde_path_to_error::{Path, Segment};

use crate::{Explain, Refused};
pub use crate::{bindings::configure::SettingError, duration::Duration};

/// What is wrong with the settings: all of it, so that an operator mends it in one go.
#[derive(Clone, Debug, Default)]
pub struct SettingErrors(Vec<SettingError>);

impl SettingErrors {
    /// Nothing is wrong, so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something is wrong with the settings as a whole.
    pub fn of_all(message: impl Display) -> Self {
        Self::at([""; 0], message)
    }

    /// One wrong setting. `path` leads to it: `["request", "set", "x-user"]`. The message says what
    /// to write instead.
    pub fn at<S: Display>(path: impl IntoIterator<Item = S>, message: impl Display) -> Self {
        let mut errors = Self::new();
        errors.add(path, message);
        errors
    }

    /// One more wrong setting.
    pub fn add<S: Display>(&mut self, path: impl IntoIterator<Item = S>, message: impl Display) {
        let path = path.into_iter().map(|segment| segment.to_string()).collect();
        self.0.push(SettingError { path, message: message.to_string() });
    }

    /// The value, if nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Every error.
    pub fn into_vec(self) -> Vec<SettingError> {
        self.0
    }
}

/// What the host refuses to do with these settings, whichever of them it is that asks for it.
impl<Why: Explain> From<Refused<Why>> for SettingErrors {
    fn from(refused: Refused<Why>) -> Self {
        Self::of_all(refused)
    }
}

impl Extend<SettingError> for SettingErrors {
    fn extend<I: IntoIterator<Item = SettingError>>(&mut self, errors: I) {
        self.0.extend(errors);
    }
}

impl IntoIterator for SettingErrors {
    type Item = SettingError;
    type IntoIter = std::vec::IntoIter<SettingError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// For plugins without settings: every key is an error.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// `{ secret = "NAME" }` in the settings: a secret's name, to be used in `crypto` and `fetch`. Its
/// text never comes here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// The secret's name, as in `[secrets.NAME]`.
    pub secret: String,
}

/// Reads settings; what does not fit says where it stands.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, SettingErrors> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = segments(error.path());
        SettingErrors::at(path, reworded(&error.inner().to_string()))
    })
}

/// The JSON Schema (draft-07, which is what editors read) of settings.
pub fn schema<T: JsonSchema>() -> String {
    let mut generator = SchemaSettings::draft07().into_generator();
    generator.root_schema_for::<T>().as_value().to_string()
}

fn segments(path: &Path) -> Vec<String> {
    let known = path.iter().filter(|segment| !matches!(segment, Segment::Unknown));
    known.map(|segment| segment.to_string().trim_matches(['[', ']']).to_owned()).collect()
}

/// Serde's words, as they help somebody who looks at TOML.
fn reworded(text: &str) -> String {
    let text = without_position(text);
    if let Some(name) = quoted_after(text, "missing field ") {
        return format!("`{name}` is missing");
    }
    match text.strip_prefix("unknown field ") {
        Some(rest) => format!("no such setting{}{}", expected(rest), suggestion(rest)),
        None => {
            format!("{text}{}", suggestion(text.strip_prefix("unknown variant ").unwrap_or("")))
        }
    }
}

/// The JSON was made from the TOML by the host: its lines and columns tell nobody anything.
fn without_position(text: &str) -> &str {
    match text.rsplit_once(" at line ") {
        Some((message, position)) if position.contains(" column ") => message,
        _ => text,
    }
}

fn quoted_after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`')
}

/// "`heder`, expected `header`" -> ", expected `header`": the wrong name is in the path.
fn expected(unknown: &str) -> &str {
    match unknown.find("`, expected") {
        Some(end) => &unknown[end + 1..],
        None => ", there are none",
    }
}

/// "`heder`, expected one of `header`, `value`" -> "; did you mean `header`?"
fn suggestion(unknown: &str) -> String {
    let mut quoted = unknown.split('`').skip(1).step_by(2);
    let Some(wrong) = quoted.next() else { return String::new() };
    let nearest = quoted.map(|known| (strsim::levenshtein(wrong, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 1 + wrong.len() / 4 => {
            format!("; did you mean `{known}`?")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "parsed, never read")]
    struct Settings {
        /// Who may come in.
        rules: BTreeMap<String, Vec<Rule>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "parsed, never read")]
    struct Rule {
        status: u16,
        kind: Kind,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Allow,
        Deny,
    }

    fn error(json: &str) -> (String, String) {
        let errors = parse::<Settings>(json).unwrap_err().into_vec();
        (errors[0].path.join("."), errors[0].message.clone())
    }

    #[test]
    fn an_error_knows_its_place() {
        let (path, message) =
            error(r#"{"rules":{"a-b":[{"status":200,"kind":"deny"},{"status":"x"}]}}"#);
        assert_eq!(path, "rules.a-b.1.status");
        assert_eq!(message, "invalid type: string \"x\", expected u16");
    }

    #[test]
    fn an_unknown_setting_is_answered_with_the_nearest() {
        let (path, message) = error(r#"{"rule":{}}"#);
        assert_eq!(path, "rule");
        assert_eq!(message, "no such setting, expected `rules`; did you mean `rules`?");

        let errors = parse::<NoSettings>(r#"{"rule":{}}"#).unwrap_err().into_vec();
        assert_eq!(errors[0].message, "no such setting, there are none");

        let (path, message) = error(r#"{"rules":{"a":[{"status":1,"kind":"denny"}]}}"#);
        assert_eq!(path, "rules.a.0.kind");
        assert_eq!(
            message,
            "unknown variant `denny`, expected `allow` or `deny`; did you mean `deny`?"
        );
    }

    #[test]
    fn a_missing_setting_is_named() {
        assert_eq!(error("{}"), (String::new(), "`rules` is missing".into()));
    }

    #[test]
    fn the_schema_is_draft_07_and_keeps_the_comments() {
        let schema: serde_json::Value = serde_json::from_str(&schema::<Settings>()).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert_eq!(schema["properties"]["rules"]["description"], "Who may come in.");
        assert_eq!(schema["additionalProperties"], false);
    }
}
