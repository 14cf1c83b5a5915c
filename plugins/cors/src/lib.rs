//! Lets browsers of other origins in, by the Fetch standard.

mod method;
mod origin;
mod policy;
mod request;
mod settings;

use policy::Policy;
use request::Sender;
use settings::{OtherOrigins, Settings};
use torana_plugin_sdk::{http::add_vary, prelude::*};

struct Cors {
    policy: Policy,
    other_origins: OtherOrigins,
}

/// What the request hook tells the response hook: the value of `Access-Control-Allow-Origin`. (The
/// request's own `Origin` may have been changed by another plugin meanwhile.)
const ADMITTED: &str = "admitted";
/// The same for a request with OPTIONS, so that the response hook need not ask for the method.
const ADMITTED_TO_OPTIONS: &str = "admitted-to-options";

#[plugin]
impl Plugin for Cors {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self { policy: (&settings).into(), other_origins: settings.other_origins })
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let request = host.request();
        let sender = Sender::of(&request);
        let admitted = match &sender {
            Sender::Nobody => return Ok(Action::Next),
            Sender::Page(origin) => self.policy.admit(origin),
            Sender::Nonsense => None,
        };
        if admitted.is_none() {
            if sender.is_at_home(&request) {
                return Ok(Action::Next);
            }
            if self.other_origins == OtherOrigins::Deny {
                return Ok(self.refuse(host).into());
            }
        }
        let is_options = request.method() == "OPTIONS";
        if is_options && request::is_preflight(&request) {
            return Ok(self.preflight(host, admitted).into());
        }
        if let Some(admitted) = admitted {
            let name = if is_options { ADMITTED_TO_OPTIONS } else { ADMITTED };
            host.attributes().set(name, admitted)?;
        }
        Ok(Action::Next)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        let (response, edit) = (host.response(), host.response_edit());
        let names = response.header_names();
        // What the service says of this is about other origins than the gateway's.
        for name in names.iter().filter(|name| name.starts_with("access-control-")) {
            edit.remove_header(name)?;
        }
        let (admitted, is_options) = self.admitted(host);
        if let Some(admitted) = admitted {
            for (name, value) in self.policy.of_response(&admitted) {
                edit.set_header(name, &value)?;
            }
        }
        let vary = self.policy.vary(is_options);
        if names.iter().any(|name| name == "vary") {
            add_vary(&response, &edit, &vary)?;
        } else if !vary.is_empty() {
            edit.set_header("vary", &vary.join(", "))?;
        }
        Ok(Action::Next)
    }
}

impl Cors {
    /// The value of `Access-Control-Allow-Origin`, if the request's origin was let in, and whether it was a
    /// request with OPTIONS.
    fn admitted(&self, host: &impl Host) -> (Option<String>, bool) {
        let is_options = || host.request().method() == "OPTIONS";
        if let Some(everybody) = self.policy.of_everybody() {
            return (Some(everybody.to_owned()), is_options());
        }
        let attributes = host.attributes();
        match attributes.get(ADMITTED) {
            Some(admitted) => (Some(admitted), false),
            None if is_options() => (attributes.get(ADMITTED_TO_OPTIONS), true),
            None => (None, false),
        }
    }

    /// The answer to a preflight. Its status is good in any case: whether the page may go on is for
    /// the browser to see from the fields, and an origin that is not let in gets none.
    fn preflight(&self, host: &impl Host, admitted: Option<&str>) -> Reply {
        let request = host.request();
        let fields = match admitted {
            Some(admitted) => {
                let asked = request::asked_for(&request);
                let objection =
                    asked.and_then(|(method, names)| self.policy.objection(&method, &names));
                if let Some(objection) = objection {
                    host.log().debug(format_args!("a preflight asks for {objection}"));
                }
                self.policy.of_preflight(admitted, request::asks_private_network(&request))
            }
            None => {
                host.log().debug("a preflight from an origin that is not among `origins`");
                Vec::new()
            }
        };
        let reply = Reply::empty(204).header("vary", self.policy.vary(true).join(", "));
        fields.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
    }

    fn refuse(&self, host: &impl Host) -> Reply {
        host.log().debug("refused: the origin is not among `origins`");
        let detail = "Pages of this origin may not use this service.";
        let reply = Reply::problem(403, "origin-not-allowed", detail);
        let names = self.policy.vary(host.request().method() == "OPTIONS");
        if names.is_empty() { reply } else { reply.header("vary", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
