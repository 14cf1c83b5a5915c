//! Has every head changed without a call, and is called for some requests only.

use torana_plugin_sdk::{
    host::{Change, RealHost},
    prelude::*,
};

#[settings]
#[serde(default)]
#[derive(Default)]
struct Settings {
    /// What it says under its name.
    name: String,
    /// A header to set in every request.
    sets: Option<String>,
    /// A header to set in every response.
    answers: Option<String>,
    /// So many headers more are removed from every request.
    more: u32,
    /// Headers of the requests that it is called for.
    headers: Option<Vec<String>>,
    /// Their methods.
    methods: Vec<String>,
    /// Something that is wrong to do.
    mistake: Option<Mistake>,
}

#[settings]
enum Mistake {
    /// A path cannot be chosen for all.
    Path,
    /// So many names are looked for in no request.
    Many,
    /// What it is called for is said in `configure`, not in a hook.
    Late,
    /// Nor is what it uses.
    LateName,
}

struct Standing(Settings);

#[plugin]
impl Plugin for Standing {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self(settings))
    }

    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        let Settings { name, sets, answers, more, headers, methods, mistake } = &self.0;
        let request = setup.every_request();
        request.set_header("x-last", name)?;
        request.add_header("x-order", name)?;
        request.remove_header("x-debug")?;
        setup.every_response().edit(&[
            Change::remove("server"),
            Change::set("x-last", name),
            Change::add("x-order", name),
        ])?;
        for _ in 0..*more {
            request.remove_header("x-more")?;
        }
        if let Some(header) = sets {
            request.set_header(header, "of mine")?;
        }
        if let Some(header) = answers {
            setup.every_response().edit(&[Change::set(header, "of mine")])?;
        }
        if let Some(headers) = headers {
            let [headers, methods] = [headers, methods]
                .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
            setup.call_only_for(&headers, &methods)?;
        }
        match mistake {
            Some(Mistake::Path) => RealHost.request_edit().set_path("/")?,
            Some(Mistake::Many) => setup.call_only_for(&["x"; 65], &[])?,
            Some(Mistake::Late | Mistake::LateName) | None => {}
        }
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        match self.0.mistake {
            Some(Mistake::Late) => RealHost.call_only_for(&[], &[])?,
            Some(Mistake::LateName) => RealHost.reads_header("x-last", ["name"]),
            _ => {}
        }
        // Its own changes are made by then.
        let seen = host.request().header("x-last")?.unwrap_or_default();
        host.request_edit().add_header("x-called", &seen)?;
        match host.request().header("x-reply")? {
            Some(by) if by == self.0.name => Ok(Reply::text(200, "a reply").into()),
            _ => Ok(Action::Next),
        }
    }
}
