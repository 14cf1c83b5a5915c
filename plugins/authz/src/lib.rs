//! Decides by policy who may do what.

mod expression;
mod facts;
mod names;
mod network;
mod paths;
mod policy;
mod refusal;
mod rule;
mod settings;
mod uses;
mod wanted;

use facts::{Claims, Exchange, LastClaims};
use policy::Policy;
use refusal::Refusals;
use settings::{Effect, Settings};
use torana_plugin_sdk::prelude::*;

struct Authz {
    policy: Policy,
    refusals: Refusals,
    last_claims: LastClaims,
}

#[plugin(schema = "schema.json")]
impl Plugin for Authz {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        let Settings { challenge, dry_run, .. } = &settings;
        let refusals = Refusals { challenge: challenge.clone(), dry_run: *dry_run };
        let policy = Policy::new(settings);
        Ok(Self { policy, refusals, last_claims: LastClaims::default() })
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        self.policy.announce(setup);
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let claims = match self.policy.reads_claims() {
            true => self.last_claims.or_of(host),
            false => Ok(Claims::none()),
        };
        let claims = match claims {
            Ok(claims) => claims,
            Err(why) => return Ok(self.refusals.refuse(&format!("because {why}"), false, host)),
        };
        let decision = self.policy.decide(&Exchange::new(host, claims));
        let decider = self.policy.decider(&decision);
        // A name for the access log is no reason to fail: what a failure means is not ours to say.
        if let Err(refused) = host.attributes().set("rule", decider) {
            host.log().warn(refused);
        }
        match decision.effect {
            Effect::Allow => {
                host.log().debug(format_args!("allowed by {decider}{decision}"));
                Ok(Action::Next)
            }
            Effect::Deny => {
                let asks_who = self.policy.asks_who(&decision);
                Ok(self.refusals.refuse(&format!("by {decider}{decision}"), asks_who, host))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, prelude::*, settings};

    use super::Authz;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<Authz>("cases");
    }

    #[test]
    fn an_instance_takes_nobodys_claims_for_anothers() {
        let rules = r#"{"rules":[{"effect":"allow","roles":["buyer"]}]}"#;
        let authz = Authz::new(settings::parse(rules).unwrap()).unwrap();
        let buyer = Some(r#"{"roles":["buyer"]}"#);
        let seller = Some(r#"{"roles":["seller"]}"#);
        let broken = Some(r#"{"roles":["buyer"]"#);
        for (claims, may) in [
            (buyer, true),
            (buyer, true),
            (seller, false),
            (buyer, true),
            (broken, false),
            (broken, false),
            (buyer, true),
            (None, false),
            (buyer, true),
        ] {
            let host = FakeHost::get("/");
            let host = match claims {
                Some(claims) => host.with_attribute("auth.claims", claims),
                None => host,
            };
            let passes = authz.on_request_head(&host) == Ok(Action::Next);
            assert_eq!(passes, may, "{claims:?}");
        }
    }
}
