//! `torana plugin test`: a plugin's cases (`cases/*.toml`) on the real host. The component is loaded,
//! granted, limited and called as it is in a gateway; only what lies around it is the case's: the
//! request, what services answer, the time.
//!
//! ```text
//! setting    the configuration that a case stands for     services   what answers in it
//! play       one exchange, head to tail                   seen       what came of it
//! bless      what came of it becomes what is expected     place      where in the case a setting stands
//! ```

mod bless;
mod place;
mod play;
mod seen;
mod services;
mod setting;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use torana_plugin_sdk::{
    Failure,
    cases::{self, Case, Decision, End, differences},
};

use crate::{
    config::{Config, Diagnostic},
    dispatch::Dispatch,
    plugin::{PluginRoom, Services, Traces},
    stores::Stores,
    telemetry::Telemetry,
    wall::WallClock,
};
use seen::Seen;
pub use services::LogLines;
use services::{Answers, Standing, Unavailable};

/// A component and what it wants.
pub struct Trial {
    component: PathBuf,
    name: String,
    wants: setting::Wants,
    log: LogLines,
}

/// A case, and what came of it.
pub struct Played {
    case: Case,
    text: String,
    end: End,
    seen: Seen,
    wrong: Vec<String>,
}

impl Played {
    /// All that is not as it must be, in words.
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The text of its file, with what came of it as what it expects.
    pub fn blessed(&self) -> Result<String, String> {
        bless::bless(&self.text, &self.case, &self.end, &self.seen)
    }
}

impl Trial {
    /// Looks at a component. `log` has what it logs, if a subscriber puts it there.
    pub async fn new(component: &Path, log: LogLines) -> Result<Self, String> {
        let component = component.canonicalize().map_err(|why| why.to_string())?;
        let name = component.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let room = room(Arc::new(Unavailable), Arc::new(Answers::default()), WallClock::System)?;
        let described = room.describe(&component).await?;
        let wants = setting::Wants::of(&described.imports, described.hooks);
        Ok(Self { component, name, wants, log })
    }

    /// Plays the case of a file. An error says why it could not be played.
    pub async fn file(&self, file: &Path) -> Result<Played, String> {
        let text = fs::read_to_string(file).map_err(|why| why.to_string())?;
        let case = Case::parse(&text)?;
        self.case(file, case, text).await
    }

    async fn case(&self, file: &Path, case: Case, text: String) -> Result<Played, String> {
        let (end, seen, mistakes) = self.through(file, &case, &text).await?;
        let mut wrong = differences(&case, &end, &seen);
        wrong.extend(mistakes);
        Ok(Played { case, text, end, seen, wrong })
    }

    async fn through(
        &self,
        file: &Path,
        case: &Case,
        text: &str,
    ) -> Result<(End, Seen, Vec<String>), String> {
        let (component, name) = (&self.component, &self.name);
        let setting = setting::Setting { file, case, text, component, name };
        let config = match setting.config(&self.wants) {
            Ok(config) => config,
            // The gateway sees it before the plugin does: then it is not even called.
            Err(why) if is_awaited(case) => {
                let end = End::Fail(Failure { client: String::new(), log: why });
                let seen = Seen::nothing(&self.name, self.log.clone());
                return Ok((end, seen, Vec::new()));
            }
            Err(why) => return Err(why),
        };
        let answers = Arc::new(Answers::new(&case.fetch));
        let wall = WallClock::Standing(case.unix_millis());
        let stores: Arc<dyn Stores> = match case.stores {
            cases::Stores::Available => Arc::new(Standing::store()),
            cases::Stores::Unavailable => Arc::new(Unavailable),
        };
        self.log.clear();
        let room = room(stores, answers.clone(), wall)?;
        let (end, seen) = self.play(&room, &config, case).await?;
        Ok((end, seen, answers.mistakes()))
    }

    async fn play(
        &self,
        room: &PluginRoom,
        config: &Config,
        case: &Case,
    ) -> Result<(End, Seen), String> {
        let wanted = config.plugins.first().ok_or("there is no plugin in its setting")?;
        let plugin = match room.load(wanted, &config.secrets).await {
            Ok(plugin) => plugin,
            Err(problems) => {
                let refused = setting::refused(&self.name, case, &problems);
                let seen = Seen::nothing(&self.name, self.log.clone());
                return refused.map(|end| (end, seen)).ok_or_else(|| texts(&problems));
            }
        };
        if let Some(end) = setting::not_of_route(plugin.mentions(), case) {
            return Ok((end, Seen::nothing(&self.name, self.log.clone())));
        }
        let stage = play::Stage::new(&self.name, plugin, wanted.on_error, case);
        let mut last = stage.play(case).await?;
        for _ in 1..case.request.times.get() {
            self.log.clear();
            last = stage.play(case).await?;
        }
        Ok((last.0, Seen { name: self.name.clone(), log: self.log.clone(), ..last.1 }))
    }
}

/// Whether a case is about a failure, and says about which: else any mistake in the case would do.
fn is_awaited(case: &Case) -> bool {
    case.expect.decision == Decision::Fail && case.expect.failure.is_some()
}

fn room(
    stores: Arc<dyn Stores>,
    dispatch: Arc<dyn Dispatch>,
    wall: WallClock,
) -> Result<PluginRoom, String> {
    let (telemetry, via) = (Telemetry::new(), "trial".into());
    let services = Services { stores, dispatch, telemetry, via, wall };
    PluginRoom::new(services, 0, Traces::WithLines)
        .map_err(|why| format!("there is no engine: {why:#}"))
}

fn texts(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}
