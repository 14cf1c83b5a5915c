//! Misbehaves in head hooks, in the way that the settings say or, for one request, the header
//! `x-mode`. `x-mode: loop` is about the request; `x-mode: response=loop` about the response.

mod mode;

use mode::Mode;
use torana_plugin_sdk::prelude::*;

/// How to misbehave, and when.
#[settings]
#[derive(Default)]
#[serde(default)]
struct Settings {
    /// While the plugin is set up.
    configure: Mode,
    /// In `on-request-head`.
    request: Mode,
    /// In `on-response-head`.
    response: Mode,
}

struct Misbehaving(Settings);

#[plugin]
impl Plugin for Misbehaving {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        match settings.configure {
            Mode::Fail => Err(SettingErrors::at(["configure"], "refused, on purpose")),
            mode => {
                mode.alone();
                Ok(Self(settings))
            }
        }
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let asked = host.request().header("x-mode")?;
        let mode = asked.filter(|mode| !mode.contains('=')).map(|mode| Mode::parse(&mode));
        mode.transpose()?.unwrap_or(self.0.request).misbehave(host, &host.request_edit())
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        let asked = host.request().header("x-mode")?;
        let mode = asked.as_deref().and_then(|mode| mode.strip_prefix("response="));
        let mode = mode.map(Mode::parse).transpose()?.unwrap_or(self.0.response);
        mode.misbehave(host, &host.response_edit())
    }
}
