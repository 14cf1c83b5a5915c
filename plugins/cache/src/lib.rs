//! Keeps responses and answers from them, by RFC 9111.

mod answer;
mod directives;
mod entry;
mod exchange;
mod fields;
mod freshness;
mod gather;
mod key;
mod lookup;
mod range;
mod read;
mod request;
mod response;
mod settings;
mod storable;
mod store;
mod target;
mod tell;
mod validators;
mod vary;

use std::rc::Rc;

use exchange::Asked;
use settings::{Gather, Settings};
use storable::Rules;
use store::{Store, Trouble};
use torana_plugin_sdk::{Hook, prelude::*};

struct Cache {
    settings: Settings,
    /// The templates of `key`, as they are: values of other templates are under other keys.
    key: Vec<String>,
    rules: Rules,
    trouble: Rc<Trouble>,
}

#[plugin(schema = "schema.json")]
impl Plugin for Cache {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        settings.check()?;
        let key = settings.key.iter().map(|template| format!("{:?}", template.pieces())).collect();
        Ok(Self { rules: settings.rules(), key, settings, trouble: Rc::default() })
    }

    fn unneeded(&self) -> Vec<Hook> {
        vec![match self.settings.gather {
            Gather::Stream => Hook::OnResponseBody,
            Gather::Whole => Hook::OnResponseStream,
        }]
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        self.settings.announce(setup);
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        self.ask(host)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        match Asked::take(host) {
            Some(asked) => self.judge(host, &asked),
            // A plugin before this one has replied.
            None => Ok(Action::Next),
        }
    }

    fn on_response_stream(&self, host: &impl Host) -> StreamOutcome {
        Ok(self.gathering(host).map(|gathering| Box::new(gathering) as Box<dyn Transform>))
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        let Some(mut gathering) = self.gathering(host) else { return Ok(Action::Next) };
        let body = host.response_body();
        let mut offset = 0;
        loop {
            let part = body.read(offset, PART)?;
            if part.is_empty() {
                gathering.end();
                return Ok(Action::Next);
            }
            if !gathering.take(&part) {
                return Ok(Action::Next);
            }
            offset += part.len() as u64;
        }
    }
}

/// What is read of a body at once, in bytes.
const PART: u32 = 64 << 10;

impl Cache {
    fn store<'a, H: Host>(&'a self, host: &'a H) -> Store<'a, H> {
        Store::new(host, &self.trouble)
    }
}

#[cfg(test)]
mod tests;
