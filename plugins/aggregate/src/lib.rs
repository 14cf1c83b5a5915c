//! Answers with one reply composed from several calls.

mod answer;
mod body;
mod cache;
mod call;
mod calls;
mod check;
mod compose;
mod escape;
mod fault;
mod fields;
mod json;
mod pass;
mod place;
mod plan;
mod refusal;
mod reply;
mod run;
mod settings;
mod source;
mod tree;
mod uses;
mod values;

use place::Place;
use plan::Plan;
use refusal::Stop;
use settings::Settings;
use torana_plugin_sdk::prelude::*;

struct Aggregate {
    settings: Settings,
    plan: Plan,
    places: Vec<Place>,
    /// Of replies that caches may keep.
    vary: Option<String>,
}

#[plugin(schema = "schema.json")]
impl Plugin for Aggregate {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        let plan = check::check(&settings)?;
        let places = settings.parts.0.iter().map(|(name, part)| part.place(name)).collect();
        let vary = cache::vary(&settings);
        Ok(Self { settings, plan, places, vary })
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        for (name, part) in &self.settings.parts.0 {
            part.announce(setup, name);
        }
        Ok(())
    }

    fn handle(&self, host: &impl Host) -> Result<Reply, Failure> {
        match self.reply(host) {
            Ok(reply) | Err(Stop::Refused(reply)) => Ok(reply),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }
}

impl Aggregate {
    fn reply(&self, host: &impl Host) -> Result<Reply, Stop> {
        let done = run::run(&self.settings, &self.plan, host)?;
        let vary = self.vary.as_deref();
        reply::reply(&self.settings, &self.plan, &self.places, vary, &done, host)
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::{fake::FakeHost, host::Incoming, settings};

    use super::*;

    #[test]
    fn cases() {
        torana_plugin_sdk::cases::run::<Aggregate>("cases");
    }

    /// Calls for three elements, two of which are alike.
    fn calls(more: &str) -> usize {
        let host = FakeHost::get("/").with_fetch(|call| {
            let body = if call.path == "/ids" { "[1,2,1]" } else { "{}" };
            Ok(Incoming { status: 200, headers: Vec::new(), body: body.into() })
        });
        let json = format!(
            r#"{{"parts":{{"ids":{{"to":"s","path":"/ids"}},
                "x":{{"to":"s","path":"/{{item}}","each":"{{parts.ids}}","into":false{more}}}}}}}"#
        );
        let plugin = settings::parse(&json).and_then(Aggregate::new).unwrap();
        assert_eq!(plugin.handle(&host).unwrap().status, 200);
        host.fetched().len() - 1
    }

    #[test]
    fn only_what_changes_nothing_is_asked_once_for_many() {
        assert_eq!(calls(""), 2);
        assert_eq!(calls(r#","method":"POST""#), 3);
        assert_eq!(calls(r#","method":"GET","body":{}"#), 3);
    }
}
