//! Puts each request before a service that says yes or no.

mod ask;
mod check;
mod fields;
mod header_value;
mod input;
mod memory;
mod method;
mod names;
mod opa;
mod pass;
mod refusal;
mod settings;
mod target;
mod uses;
mod verdict;

use ask::Asker;
use fields::Fields;
use settings::{ServiceError, Settings};
use template::Fault;
use torana_plugin_sdk::prelude::*;
use verdict::{No, Trouble, Verdict};

struct ForwardAuth(Asker);

#[plugin(schema = "schema.json")]
impl Plugin for ForwardAuth {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        check::check(&settings)?;
        Ok(Self(Asker::new(settings)))
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        self.0.settings.announce(setup);
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        match self.0.ask(host) {
            Ok(verdict) => self.obey(verdict, host),
            Err(Fault::Hook(failure)) => Err(failure),
            Err(fault) => fault.outcome(),
        }
    }
}

impl ForwardAuth {
    fn obey(&self, verdict: Result<Verdict, Trouble>, host: &impl Host) -> Outcome {
        let to = &self.0.settings.to;
        match verdict {
            Ok(Verdict::Yes(said)) => {
                host.log().debug(format_args!("`{to}` says yes"));
                host.metrics().count("allowed", 1);
                self.pass(&said, host)
            }
            Ok(Verdict::No(no)) => {
                host.log().info(format_args!("`{to}` says no, with {}", no.status));
                host.metrics().count("denied", 1);
                Ok(No::reply(no).into())
            }
            Err(trouble) => self.without_answer(&trouble, host),
        }
    }

    fn without_answer(&self, trouble: &Trouble, host: &impl Host) -> Outcome {
        let lets_through = self.0.settings.service_error == ServiceError::Allow;
        if lets_through && trouble.is_outage {
            let text = "let through unasked, as `service_error` says";
            host.log().warn(format_args!("{text}: {}", trouble.why));
            host.metrics().count("let-through", 1);
            return self.pass(&Fields::default(), host);
        }
        host.log().warn(format_args!("refused, for nobody says yes or no: {}", trouble.why));
        host.metrics().count("failed", 1);
        Ok(refusal::unavailable().into())
    }

    fn pass(&self, said: &Fields, host: &impl Host) -> Outcome {
        pass::pass(&self.0.settings, &said.0, host)?;
        Ok(Action::Next)
    }
}

#[cfg(test)]
mod tests;
