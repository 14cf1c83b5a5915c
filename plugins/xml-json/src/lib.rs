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
mod tags;
mod translate;
mod xml;

use error::Language;
use settings::{EmptyRule, OtherRule, Settings};
use tags::Tags;
use torana_plugin_sdk::prelude::*;
use translate::Translation;

struct XmlJson {
    /// What the service speaks.
    service: Language,
    passes_others: bool,
    refuses_empty: bool,
    translation: Translation,
    tags: Tags,
}

#[plugin(schema = "schema.json")]
impl Plugin for XmlJson {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        let translation = settings.translation();
        Ok(Self {
            service: settings.service.into(),
            passes_others: settings.other == OtherRule::Pass,
            refuses_empty: settings.empty == EmptyRule::Refuse,
            tags: Tags::of(&translation),
            translation,
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
