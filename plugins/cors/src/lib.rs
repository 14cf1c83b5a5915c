//! Lets browsers of other origins in, by the Fetch standard.

mod method;
mod origin;
mod policy;
mod request;
mod settings;

use policy::{Fields, Policy};
use request::Sender;
use settings::{OtherOrigins, Settings};
use torana_plugin_sdk::{host::Change, prelude::*};

struct Cors {
    policy: Policy,
    other_origins: OtherOrigins,
}

#[plugin(schema = "schema.json")]
impl Plugin for Cors {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self { policy: (&settings).into(), other_origins: settings.other_origins })
    }

    /// Most requests are no page's: they have no `Origin`, and their responses say the same to all.
    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        setup.every_response().edit(&self.to_everybody())?;
        let names = if self.is_for_pages() { &[policy::ORIGIN][..] } else { &[] };
        setup.call_only_for(names, &["OPTIONS"])?;
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let request = host.request();
        let sender = Sender::of(&request);
        let is_options = request.method() == "OPTIONS";
        let admitted = match &sender {
            Sender::Page(origin) => self.policy.admit(origin),
            Sender::Nobody | Sender::Nonsense => None,
        };
        let is_stranger =
            admitted.is_none() && sender != Sender::Nobody && !sender.is_at_home(&request);
        if is_stranger && self.other_origins == OtherOrigins::Deny {
            return Ok(self.refuse(host, is_options).into());
        }
        // Whoever has an `Origin` and asks makes a preflight (Fetch, 3.3.2), of the gateway's own origin too.
        let is_asked = is_options && sender != Sender::Nobody;
        if is_asked && request::is_preflight(&request) {
            return Ok(self.preflight(host, admitted).into());
        }
        self.tell(host, admitted, is_options)?;
        Ok(Action::Next)
    }
}

impl Cors {
    /// Whether a page's own requests are answered otherwise than all others.
    fn is_for_pages(&self) -> bool {
        self.policy.of_everybody().is_none() || self.other_origins == OtherOrigins::Deny
    }

    /// What every response says, whoever asks and whoever makes it.
    fn to_everybody(&self) -> Vec<Change> {
        // What the service says of this is about other origins than the gateway's.
        let remove = Change::remove_all("access-control-");
        let fields = self.policy.of_everybody().map(|star| self.policy.of_response(star));
        let fields = set(fields.unwrap_or_default());
        [remove].into_iter().chain(fields).chain(merge(self.policy.vary(false))).collect()
    }

    /// Has the response to this request say more.
    fn tell(
        &self,
        host: &impl Host,
        admitted: Option<&str>,
        is_options: bool,
    ) -> Result<(), Failure> {
        let admitted = admitted.filter(|_| self.policy.of_everybody().is_none());
        let fields = admitted.map(|admitted| self.policy.of_response(admitted));
        let vary = is_options.then(|| self.policy.vary(true)).and_then(merge);
        let changes: Vec<_> = set(fields.unwrap_or_default()).chain(vary).collect();
        if !changes.is_empty() {
            host.response_ahead().edit(&changes)?;
        }
        Ok(())
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

    fn refuse(&self, host: &impl Host, is_options: bool) -> Reply {
        host.log().debug("refused: the origin is not among `origins`");
        let detail = "Pages of this origin may not use this service.";
        let reply = Reply::problem(403, "origin-not-allowed", detail);
        let names = self.policy.vary(is_options);
        if names.is_empty() { reply } else { reply.header("vary", names.join(", ")) }
    }
}

fn set(fields: Fields) -> impl Iterator<Item = Change> {
    fields.into_iter().map(|(name, value)| Change::set(name, value))
}

fn merge(vary: Vec<&str>) -> Option<Change> {
    (!vary.is_empty()).then(|| Change::merge("vary", vary.join(", ")))
}

#[cfg(test)]
mod tests;
