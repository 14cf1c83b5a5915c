//! Limits how often each consumer may call.

mod decide;
mod fields;
mod identify;
mod key;
mod limit;
mod method;
mod name;
mod network;
mod rate;
mod refusal;
mod settings;
mod source;
mod tell;

use decide::{Decision, Refusal};
use settings::Settings;
use torana_plugin_sdk::prelude::*;

struct Quota(Settings);

#[plugin(schema = "schema.json")]
impl Plugin for Quota {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        self.0.announce(setup);
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        match self.0.decide(host)? {
            Decision::Refused(refusal) => Ok(self.refuse(host, &refusal)),
            // In a dry run clients see nothing of it.
            Decision::Counted(readings) if !self.0.dry_run => {
                self.0.tell(host, &readings)?;
                Ok(Action::Next)
            }
            Decision::Counted(_) | Decision::Uncounted => Ok(Action::Next),
        }
    }
}

impl Quota {
    fn refuse(&self, host: &impl Host, refusal: &Refusal<'_>) -> Action {
        if self.0.dry_run {
            host.log().info(format_args!("dry run, not refused: {refusal}"));
            host.metrics().count("would-refuse", 1);
            return Action::Next;
        }
        let reply = match refusal {
            Refusal::Exceeded(readings) => {
                host.log().debug(refusal);
                self.0.tell_in(host, readings, refusal.reply())
            }
            Refusal::StoreDown(_) => {
                host.log().error(refusal);
                refusal.reply()
            }
            Refusal::NoKey(_) | Refusal::NoTier(_) => {
                host.log().info(refusal);
                refusal.reply()
            }
        };
        reply.into()
    }
}

#[cfg(test)]
mod tests;
