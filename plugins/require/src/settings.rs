//! What the TOML can say.

use torana_plugin_sdk::prelude::*;

use crate::required::Required;

/// What a request must have.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// Headers that must be there: a list of names, or a table of names with their allowed values.
    /// `*` at the end of a value stands for anything.
    pub(crate) headers: Required<HeaderName>,
    /// Query parameters that must be there, as for headers.
    pub(crate) query: Required<String>,
    /// The status of a refusal.
    #[schemars(range(min = 400, max = 499))]
    pub(crate) status: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { headers: Required::default(), query: Required::default(), status: 400 }
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        if self.headers.0.is_empty() && self.query.0.is_empty() {
            errors.extend(SettingErrors::of_all("nothing is required: write `headers` or `query`"));
        }
        if !(400..500).contains(&self.status) {
            let text = format!("{} does not blame the client: write 400 to 499", self.status);
            errors.add(["status"], text);
        }
        errors.or(())
    }
}
