//! Holds JSON requests and responses against JSON Schemas.

mod answer;
mod body;
mod format;
mod json;
mod media_type;
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
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<JsonSchema>("cases");
    }

    fn plugin(mode: &str) -> JsonSchema {
        let text = format!(r#"{{"request":{{"schema":{{"required":["sku"]}}}},"mode":"{mode}"}}"#);
        JsonSchema::new(settings::parse(&text).unwrap()).unwrap()
    }

    fn post(content_type: &str, body: &str) -> FakeHost {
        let host = FakeHost::new("POST", "/orders").with_header("content-type", content_type);
        host.with_header("content-length", &body.len().to_string()).with_body(body)
    }

    /// Plugins behind this one see the head after it, and may call JSON what was none.
    #[test]
    fn a_body_is_held_as_what_it_is_when_it_is_there() {
        let plugin = plugin("refuse");
        let as_it_came = post("text/xml", "<order/>");
        assert_eq!(plugin.on_request_head(&as_it_came), Ok(Action::Next));
        assert!(matches!(plugin.on_request_body(&as_it_came), Ok(Action::Respond(_))));
        let translated = post("application/json", r#"{"sku":1}"#);
        assert_eq!(plugin.on_request_body(&translated), Ok(Action::Next));
        let only_renamed = post("application/json", "<order/>");
        assert!(matches!(plugin.on_request_body(&only_renamed), Ok(Action::Respond(_))));
        let emptied = post("application/json", "");
        assert!(matches!(plugin.on_request_body(&emptied), Ok(Action::Respond(_))));
    }

    #[test]
    fn what_is_observed_is_told_once() {
        let plugin = plugin("observe");
        for host in [post("text/xml", "<order/>"), post("application/json", "")] {
            assert_eq!(plugin.on_request_head(&host), Ok(Action::Next));
            assert_eq!(plugin.on_request_body(&host), Ok(Action::Next));
            assert_eq!(host.logs().len(), 1, "{:?}", host.logs());
        }
    }
}
