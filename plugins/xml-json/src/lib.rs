//! Translates bodies between XML and JSON: clients speak the one, the service the other.

mod convert;
mod encoding;
mod error;
mod json;
mod media;
mod output;
mod problem;
mod refusal;
mod request;
mod response;
mod settings;
mod soap;
mod translate;
mod xml;

use error::Language;
use settings::{EmptyRule, OtherRule, Settings};
use torana_plugin_sdk::prelude::*;
use translate::Translation;

struct XmlJson {
    /// What the service speaks.
    service: Language,
    passes_others: bool,
    refuses_empty: bool,
    translation: Translation,
}

#[plugin(schema = "schema.json")]
impl Plugin for XmlJson {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self {
            service: settings.service.into(),
            passes_others: settings.other == OtherRule::Pass,
            refuses_empty: settings.empty == EmptyRule::Refuse,
            translation: settings.translation(),
        })
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        request::head(self, host)
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        request::body(self, host)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        response::head(self, host)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        response::body(self, host)
    }
}

#[cfg(test)]
mod tests;
