//! What a plugin's settings make it use, as it says in `configure`. Headers are held against its grants at once;
//! upstreams and parameters are the routes', and held against those whose chains it is in.

use super::bindings::SettingError;

/// All that is kept of one plugin, in bytes: it would fill the memory otherwise.
const ROOM: usize = 1 << 20;

/// A name of something that is the routes', and the setting that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// What it is the name of.
    pub what: Mentioned,
    /// The name.
    pub name: String,
    /// The keys and indices that lead to the setting.
    pub path: Vec<String>,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mentioned {
    /// An upstream that hooks may choose.
    Upstream,
    /// A parameter of the route's path, without which no request gets through.
    NeededParam,
    /// A parameter of the route's path that may be absent.
    Param,
}

impl Mention {
    /// It is not one of this route's.
    pub fn is_not_of(&self, route: &str) -> String {
        let name = &self.name;
        match self.what {
            Mentioned::Upstream => format!(
                "`{name}` is neither the `upstream` nor one of the `alternatives` of route `{route}`"
            ),
            _ => format!("the path of route `{route}` has no `{{{name}}}`"),
        }
    }

    /// No route that requests of this listener may take has it.
    pub fn is_of_none_behind(&self, listener: &str) -> String {
        let name = &self.name;
        match self.what {
            Mentioned::Upstream => format!(
                "`{name}` is neither the `upstream` nor one of the `alternatives` of any route of listener `{listener}`"
            ),
            _ => format!("no route of listener `{listener}` has `{{{name}}}` in its path"),
        }
    }
}

/// Everything that one plugin has said.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    all: Vec<Mention>,
    wrong: Vec<SettingError>,
    bytes: usize,
}

impl Mentions {
    /// Keeps what the routes will be asked for. That there is no room is no mistake: what is not looked at is as if it
    /// had not been said.
    pub(super) fn keep(&mut self, mention: Mention) {
        if self.has_room(&mention.name, &mention.path) {
            self.all.push(mention);
        }
    }

    /// Something is wrong with a setting already.
    pub(super) fn refuse(&mut self, path: Vec<String>, message: String) {
        if self.has_room(&message, &path) {
            self.wrong.push(SettingError { path, message });
        }
    }

    /// What the routes will be asked for, or all that is wrong.
    pub(super) fn into_result(self) -> Result<Vec<Mention>, Vec<SettingError>> {
        if self.wrong.is_empty() { Ok(self.all) } else { Err(self.wrong) }
    }

    fn has_room(&mut self, text: &str, path: &[String]) -> bool {
        let taken = size_of::<Mention>() + text.len();
        let of_path = path.iter().map(|key| size_of::<String>() + key.len());
        self.bytes = self.bytes.saturating_add(taken + of_path.sum::<usize>());
        self.bytes <= ROOM
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(name: &str) -> Mention {
        Mention { what: Mentioned::Upstream, name: name.into(), path: vec!["to".into()] }
    }

    #[test]
    fn what_there_is_no_room_for_is_not_kept() {
        let mut mentions = Mentions::default();
        mentions.keep(mention("a"));
        mentions.keep(mention(&"b".repeat(ROOM)));
        mentions.refuse(Vec::new(), "too late".into());
        assert_eq!(mentions.into_result().unwrap(), [mention("a")]);
    }

    #[test]
    fn what_is_wrong_goes_before_what_may_be() {
        let mut mentions = Mentions::default();
        mentions.keep(mention("a"));
        mentions.refuse(vec!["key".into()], "not granted".into());
        assert_eq!(mentions.into_result().unwrap_err()[0].message, "not granted");
    }
}
