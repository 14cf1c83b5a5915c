//! A profile, as the TOML has it.

use serde_json::Value as Json;
use torana_plugin_sdk::prelude::*;

use super::table::Flatten;
use crate::{
    condition::Condition,
    path::{Names, Path, Steps},
    rules::Rules,
    table::Table,
    window::Limit,
};

/// What one kind of client gets. Every path names a place in the document as the upstream sent it:
/// no operation sees what another one made.
#[settings]
#[derive(Clone, Debug, Default)]
#[serde(default)]
pub(crate) struct ProfileSettings {
    /// The value that becomes the whole document.
    root: Option<Steps>,
    /// If there are any, only these places stay, and what is moved, grouped or mapped.
    include: Vec<Path>,
    /// Places that go.
    exclude: Vec<Path>,
    /// New names of members.
    rename: Table<Box<str>>,
    /// New places of values: names, counted from the item of the last `[*]` (or the member of the
    /// last `*`) in the path, or from the document.
    #[serde(rename = "move")]
    moves: Table<Names>,
    /// New objects, and the members beside them that go into them.
    group: Table<Vec<Names>>,
    /// Objects whose members go into the object around them: a list, or a table with prefixes.
    flatten: Flatten,
    /// Arrays, and what must hold for an item that stays.
    filter: Table<Vec<Condition>>,
    /// Arrays whose items become values inside of them.
    map: Table<Steps>,
    /// Arrays, and how many items of them are shown.
    limit: Table<Limit>,
    /// Values of members that are absent or null.
    defaults: Table<Json>,
    /// A JMESPath expression over what the rest of the profile leaves.
    pub(crate) jmespath: Option<String>,
}

impl From<ProfileSettings> for Rules {
    fn from(settings: ProfileSettings) -> Self {
        Self {
            root: settings.root,
            include: settings.include,
            exclude: settings.exclude,
            rename: settings.rename,
            moves: settings.moves,
            group: settings.group,
            flatten: settings.flatten.0,
            filter: settings.filter,
            map: settings.map,
            limit: settings.limit,
            defaults: settings.defaults.map(|value| value.to_string().into()),
        }
    }
}
