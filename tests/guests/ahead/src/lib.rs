//! Changes responses from its request hook, and has response hooks that it may have no need of.

use torana_plugin_sdk::{Hook, host::Change, prelude::*};

#[settings]
#[serde(default)]
#[derive(Default)]
struct Settings {
    /// What it says under its name.
    name: String,
    /// Its response hooks have nothing to do.
    without_response: bool,
    /// Its request hook fails after it has said all.
    fails: bool,
    /// A header to set that may not be.
    sets: Option<String>,
    /// An attribute to set that may not be.
    claims: Option<String>,
}

struct Ahead(Settings);

#[plugin]
impl Plugin for Ahead {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn unneeded(&self) -> Vec<Hook> {
        match self.0.without_response {
            true => vec![Hook::OnResponseHead, Hook::OnResponseBody],
            false => Vec::new(),
        }
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let Settings { name, fails, sets, claims, .. } = &self.0;
        let said = |value: &str| Some(value.to_owned());
        let mut values = vec![("kept".to_owned(), said("a")), ("gone".to_owned(), said("b"))];
        host.attributes().update(&values)?;
        values = vec![
            ("gone".to_owned(), None),
            ("consumer.tier".to_owned(), None),
            ("back".to_owned(), said("c")),
            ("back".to_owned(), None),
        ];
        values.extend(claims.iter().map(|claimed| (claimed.clone(), said("me"))));
        host.attributes().update(&values)?;

        let mut changes = vec![
            Change::remove("server"),
            Change::remove_all("X-Service-"),
            Change::add("x-order", name),
            Change::set("x-last", name),
            Change::merge("vary", "Accept, X-Tenant"),
        ];
        changes.extend(sets.iter().map(|name| Change::set(name, "of mine")));
        host.response_ahead().edit(&changes)?;
        match (fails, host.request().header("x-reply")?.is_some_and(|at| at == *name)) {
            (true, _) => Err(Failure::new("it says so")),
            (_, true) => Ok(Reply::text(200, "a reply").header("server", "the plugin").into()),
            _ => Ok(Action::Next),
        }
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        let attributes = ["kept", "gone", "back"].map(|name| host.attributes().get(name).is_some());
        let last = host.response().header("x-last")?.unwrap_or_default();
        let ahead = host.response_ahead();
        let late = ahead.edit(&[Change::remove("server")]).is_err() && ahead.edit(&[]).is_err();
        let seen = format!("{last} {attributes:?} {late}");
        host.response_edit().add_header("x-seen", &seen)?;
        Ok(Action::Next)
    }

    fn on_response_body(&self, host: &impl Host) -> Outcome {
        host.response_body().length()?;
        Ok(Action::Next)
    }
}
