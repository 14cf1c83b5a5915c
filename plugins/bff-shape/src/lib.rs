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
mod text;
mod tree;
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

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for (index, source) in self.settings.sources.iter().enumerate() {
            if let Some(name) = &source.header {
                setup.reads_header(name, ["sources", &index.to_string(), "header"]);
            }
        }
        Ok(())
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
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<BffShape>("cases");
    }

    #[test]
    fn a_response_of_a_profile_that_there_is_not_does_not_pass() {
        let reply = Reply { status: 200, headers: Vec::new(), body: r#"{"secret":1}"#.into() };
        let host = FakeHost::get("/")
            .with_response(reply.header("content-type", "application/json"))
            .with_attribute("profile", "changed");
        let json = r#"{"profiles":{"all":{"exclude":["secret"]}}}"#;
        let plugin = settings::parse(json).and_then(BffShape::new).unwrap();
        let failure = plugin.on_response_body(&host).unwrap_err();
        assert!(failure.log.starts_with("the attribute `profile` was changed"), "{}", failure.log);
    }
}
