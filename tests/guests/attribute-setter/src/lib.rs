//! Sets the attributes of its settings: `config = { set = { "consumer.id" = "alice" } }`.

use std::collections::BTreeMap;

use torana_plugin_sdk::prelude::*;

/// Which attributes to set.
#[settings]
struct Settings {
    /// Name = value.
    set: BTreeMap<String, String>,
}

struct AttributeSetter(Settings);

#[plugin]
impl Plugin for AttributeSetter {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        for (name, value) in &self.0.set {
            host.attributes().set(name, value)?;
        }
        Ok(Action::Next)
    }
}
