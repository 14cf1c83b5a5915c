//! Holds JSON requests and responses against JSON Schemas.

mod answer;
mod body;
mod format;
mod json;
mod parameters;
mod request;
mod response;
mod schema;
mod schemas;
mod settings;
mod source;
mod validate;

use parameters::Parameters;
use schema::{NodeId, Set};
use settings::Settings;
use torana_plugin_sdk::{Hook, prelude::*};

struct JsonSchema {
    settings: Settings,
    set: Set,
    request: Option<NodeId>,
    response: Option<NodeId>,
    query: Option<Parameters>,
    params: Option<Parameters>,
}

#[plugin(schema = "schema.json")]
impl Plugin for JsonSchema {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        schemas::compiled(settings)
    }

    fn unneeded(&self) -> Vec<Hook> {
        let sees_heads = self.request.is_some() || self.query.is_some() || self.params.is_some();
        let needed = [
            (Hook::OnRequestHead, sees_heads),
            (Hook::OnRequestBody, self.request.is_some()),
            (Hook::OnResponseBody, self.response.is_some()),
        ];
        needed.into_iter().filter(|(_, needed)| !needed).map(|(hook, _)| hook).collect()
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for name in self.params.iter().flat_map(Parameters::names) {
            setup.reads_param(name, ["params"]);
        }
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        request::head(self, host)
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        request::body(self, host)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        response::body(self, host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<JsonSchema>("cases");
    }
}
