//! Greets callers by name, and counts their calls: glue between the gateway and the other files.

mod body;
mod settings;

use torana_plugin_sdk::{
    Hook,
    host::{Change, HeaderError},
    prelude::*,
};

use crate::settings::Settings;

struct Greet(Settings);

#[plugin]
impl Plugin for Greet {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn unneeded(&self) -> Vec<Hook> {
        // Nobody is greeted: then no body has to be held.
        if self.0.greeting.is_empty() { vec![Hook::OnResponseBody] } else { vec![] }
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        // What is so for all is said once, and stands.
        Ok(setup.every_response().edit(&[Change::merge("vary", &*self.0.header)])?)
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let header: &str = &self.0.header;
        let caller = match host.request().header(header) {
            Ok(Some(caller)) if !caller.is_empty() => caller,
            Ok(_) => {
                let detail = format!("The header `{header}` is missing.");
                return Ok(Reply::problem(401, "missing-header", &detail).into());
            }
            // These two are the client's mistakes; whatever else there is, is ours.
            Err(Refused { why: HeaderError::Repeated | HeaderError::NotText, .. }) => {
                let detail = format!("The header `{header}` must be there once, as UTF-8.");
                return Ok(Reply::problem(400, "bad-header", &detail).into());
            }
            Err(other) => return Err(other.into()),
        };
        let call = host.kv().increment("calls", 1, None)?;
        host.log().info(format_args!("call {call}"));
        // The response may meet another instance: what it must know travels as attributes.
        let call = call.to_string();
        let known = [("caller", &caller), ("call", &call)];
        host.attributes().update(&known.map(|(name, value)| (name.into(), Some(value.clone()))))?;
        // What is known of the response already needs no hook of its own.
        host.response_ahead().edit(&[Change::set("x-call", &call)])?;
        Ok(Action::Next)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        let attributes = host.attributes();
        // With `on_error = "skip"` a response may come here without a caller.
        let (Some(caller), Some(call)) = (attributes.get("caller"), attributes.get("call")) else {
            return Ok(Action::Next);
        };
        let kind = host.response().header("content-type")?;
        if !kind.is_some_and(|kind| body::is_json(&kind)) {
            return Ok(Action::Next);
        }
        let greeting = format!("{}, {caller}!", self.0.greeting);
        let text = host.response_body().text()?;
        if let Some(greeted) = body::greeted(&text, &greeting, serde_json::from_str(&call)?) {
            host.response_body_edit().write_text(&greeted)?;
        }
        Ok(Action::Next)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<super::Greet>("cases");
    }
}
