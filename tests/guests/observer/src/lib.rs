//! Logs every request, and can do nothing else: it imports `log` alone.

use torana_plugin_sdk::prelude::*;

struct Observer;

#[plugin]
impl Plugin for Observer {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        host.log().info("a request was seen");
        Ok(Action::Next)
    }
}
