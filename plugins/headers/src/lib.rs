//! Sets, adds, removes and renames headers of requests and responses.

mod apply;
mod fixed;
mod settings;
mod uses;

use settings::Settings;
use template::Fault;
use torana_plugin_sdk::{Hook, host::HeaderError, prelude::*};

struct Headers(Settings);

#[plugin(schema = "schema.json")]
impl Plugin for Headers {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn unneeded(&self) -> Vec<Hook> {
        let request = self.0.request.are_fixed().then_some(Hook::OnRequestHead);
        let response = self.0.response.are_fixed().then_some(Hook::OnResponseHead);
        request.into_iter().chain(response).collect()
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        let mut wrong = SettingErrors::new();
        match &self.0.request {
            fixed if fixed.are_fixed() => {
                fixed.stand_in_requests(&setup.every_request(), &mut wrong);
            }
            edits => edits.announce(setup, "request"),
        }
        match &self.0.response {
            fixed if fixed.are_fixed() => {
                fixed.stand_in_responses(&setup.every_response(), &mut wrong);
            }
            edits => edits.announce(setup, "response"),
        }
        wrong.or(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let edits = &self.0.request;
        edits.apply(host, edits.renamed(&host.request(), Fault::of_header), &host.request_edit())
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        // What a service garbles is not the client's doing.
        let edits = &self.0.response;
        let fault = |refused: Refused<HeaderError>| Fault::Hook(refused.into());
        edits.apply(host, edits.renamed(&host.response(), fault), &host.response_edit())
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    fn plugin(json: &str) -> Headers {
        Headers::new(settings::parse(json).unwrap()).unwrap()
    }

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<Headers>("cases");
    }

    #[test]
    fn one_value_that_is_no_text_is_renamed_and_of_several_none() {
        let plugin = plugin(r#"{ "request": { "rename": { "x-old": "x-new" } } }"#);
        let garbled = || FakeHost::get("/").with_header_bytes("x-old", b"\xff");
        assert_eq!(plugin.on_request_head(&garbled()), Ok(Action::Next));
        let twice = garbled().with_header_bytes("x-old", b"\xfe");
        let Ok(Action::Respond(reply)) = plugin.on_request_head(&twice) else { panic!() };
        assert_eq!(reply.status, 400);
    }
}
