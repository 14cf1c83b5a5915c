//! Shapes JSON responses for each kind of client.

mod agent;
mod choose;
mod condition;
mod fields;
mod head;
mod json;
mod media;
mod path;
mod plan;
mod profile;
mod query;
mod request;
mod response;
mod rules;
mod settings;
mod shape;
mod table;
#[cfg(test)]
mod testing;
mod view;
mod window;

use std::collections::BTreeMap;

use profile::Profile;
use settings::Settings;
use torana_plugin_sdk::prelude::*;

struct BffShape {
    settings: Settings,
    profiles: BTreeMap<String, Profile>,
    /// The name of the one for clients of which nothing is known.
    default: String,
    allowed: fields::Allowed,
}

#[plugin(schema = "schema.json")]
impl Plugin for BffShape {
    type Settings = Settings;

    fn new(mut settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        let profiles = profile::prepare(std::mem::take(&mut settings.profiles))?;
        let default = settings.default.take().or_else(|| profiles.keys().next().cloned());
        Ok(Self {
            default: default.unwrap_or_default(),
            allowed: request::allowed(settings.fields.as_ref()),
            profiles,
            settings,
        })
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        self.ask(host)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        self.mend_head(host)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        self.shape_body(host)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<super::BffShape>("cases");
    }
}
