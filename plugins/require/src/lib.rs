//! Refuses requests that lack headers or query parameters, or whose values are not allowed.

mod allowed;
mod required;
mod settings;

use allowed::Verdict;
use settings::Settings;
use torana_plugin_sdk::prelude::*;

struct Require(Settings);

#[plugin(schema = "schema.json")]
impl Plugin for Require {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let request = host.request();
        for (name, allowed) in &self.0.headers.0 {
            let values = request.header_values(name)?;
            if let Some(reply) = self.judge("header", name, allowed.judge(&values)) {
                return Ok(reply.into());
            }
        }
        for (name, allowed) in &self.0.query.0 {
            let values = request.query_values(name);
            if let Some(reply) = self.judge("parameter", name, allowed.judge(&values)) {
                return Ok(reply.into());
            }
        }
        Ok(Action::Next)
    }
}

impl Require {
    fn judge(&self, what: &str, name: &str, verdict: Verdict) -> Option<Reply> {
        // What would be allowed is not said: it may be worth guessing.
        let (kind, text) = match verdict {
            Verdict::Allowed => return None,
            Verdict::Missing => ("missing", "is missing"),
            Verdict::Wrong => ("wrong", "has a value that is not accepted"),
        };
        let detail = format!("The {what} `{name}` {text}.");
        Some(Reply::problem(self.0.status, &format!("{kind}-{what}"), &detail))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<super::Require>("cases");
    }
}
