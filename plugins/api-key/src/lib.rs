//! Knows consumers by their keys, and says to the plugins after it and to the upstream who they are.

mod expiry;
mod hash;
mod key_setting;
mod pass;
mod query;
mod refusal;
mod registry;
mod report;
mod settings;
mod source;
mod uses;

use std::time::Duration;

use pass::Pass;
use refusal::Refusals;
use registry::{Identity, Registry};
use settings::Settings;
use source::{Found, Source};
use torana_plugin_sdk::prelude::*;

struct ApiKey {
    registry: Registry,
    from: Vec<Source>,
    refusals: Refusals,
    pass: Pass,
    forward: bool,
    optional: bool,
}

#[plugin(schema = "schema.json")]
impl Plugin for ApiKey {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self {
            refusals: Refusals::new(&settings),
            pass: Pass::new(settings.headers, settings.upstreams, &settings.consumers),
            registry: Registry::new(settings.consumers),
            from: settings.from,
            forward: settings.forward,
            optional: settings.optional,
        })
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for (index, source) in self.from.iter().enumerate() {
            source.announce(setup, index, self.forward);
        }
        self.pass.announce(setup, self.registry.consumers());
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        match source::find(&self.from, &host.request())? {
            Found::Nothing if self.optional => self.pass(None, host),
            Found::Nothing => Ok(self.refusals.missing().into()),
            Found::Unclear(why) => Ok(refusal::unclear(why).into()),
            Found::Key(key) => match self.registry.identify(&key, host.clock().unix_millis()) {
                Ok(identity) => self.pass(Some(identity), host),
                Err(not_good) => {
                    host.log().info(not_good);
                    Ok(self.refusals.not_good().into())
                }
            },
        }
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(report::EVERY)
    }

    fn on_tick(&self, host: &impl Host) -> Result<(), Failure> {
        report::report(&self.registry, host);
        for tier in self.pass.tiers_of_nobody(self.registry.consumers()) {
            host.log().warn(format_args!("`upstreams.{tier}`: no consumer has this tier"));
        }
        Ok(())
    }
}

impl ApiKey {
    fn pass(&self, identity: Option<Identity<'_>>, host: &impl Host) -> Outcome {
        if let Some(identity) = identity {
            self.pass.set_attributes(identity, host)?;
        }
        let consumer = identity.map(|identity| identity.consumer);
        let values = match self.pass.values(consumer, host) {
            Ok(values) => values,
            Err(fault) => return fault.outcome(),
        };
        match self.forward {
            true => source::remove_twins(&self.from, host)?,
            false => source::remove(&self.from, host)?,
        }
        self.pass.set_headers(&values, host)?;
        if let Some(consumer) = consumer {
            self.pass.choose_upstream(consumer, host)?;
        }
        Ok(Action::Next)
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<ApiKey>("cases");
    }

    #[test]
    fn an_upstream_for_a_tier_of_nobody_is_reported() {
        let json = r#"{
            "consumers": [{ "id": "acme", "tier": "gold", "disabled": true }],
            "upstreams": { "gold": "v2", "glod": "v3" }
        }"#;
        let plugin = ApiKey::new(settings::parse(json).unwrap()).unwrap();
        let host = FakeHost::get("/");
        plugin.on_tick(&host).unwrap();
        let lines: Vec<_> = host.logs().into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["`upstreams.glod`: no consumer has this tier"]);
    }
}
