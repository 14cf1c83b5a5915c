//! Sets, adds, removes and renames headers of requests and responses.

mod apply;
mod fixed;
mod named;
mod settings;

use settings::Settings;
use torana_plugin_sdk::{Hook, prelude::*};

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
        if self.0.request.are_fixed() {
            self.0.request.stand_in_requests(&setup.every_request(), &mut wrong);
        }
        if self.0.response.are_fixed() {
            self.0.response.stand_in_responses(&setup.every_response(), &mut wrong);
        }
        wrong.or(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let values = self.0.request.values(host)?;
        self.0.request.apply(values, &host.request(), &host.request_edit())
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        let values = self.0.response.values(host)?;
        self.0.response.apply(values, &host.response(), &host.response_edit())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<super::Headers>("cases");
    }
}
