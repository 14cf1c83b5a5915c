//! What the TOML can say.

use std::collections::BTreeMap;

use template::Template;
use torana_plugin_sdk::{HeaderEntry, prelude::*};

/// Which headers to change.
#[settings]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Settings {
    /// Changes to the request, before it goes to the upstream.
    pub(crate) request: Edits,
    /// Changes to the response, before it goes to the client.
    pub(crate) response: Edits,
}

/// Changes to one head. They are made in this order: remove, rename, set, add.
#[settings]
#[derive(Default)]
#[serde(default)]
pub(crate) struct Edits {
    /// Headers to remove, with all their values.
    pub(crate) remove: Vec<EditableName>,
    /// Headers to rename, old name to new name. All values move, in the place of those that stood
    /// under the new name. Where the old name is absent nothing happens.
    pub(crate) rename: HeaderTable<EditableName, NewName>,
    /// Headers to set, in the place of all values that they had. A template without a value removes
    /// the header, so that a client cannot slip its own in.
    pub(crate) set: HeaderTable<EditableName, Template>,
    /// Headers to add beside those that are there. A template without a value adds nothing.
    pub(crate) add: HeaderTable<EditableName, Template>,
}

/// What a header is called from then on.
#[settings]
#[derive(Clone, PartialEq, Eq)]
#[serde(transparent)]
#[schemars(inline)]
pub(crate) struct NewName(pub(crate) EditableName);

impl HeaderEntry<EditableName> for NewName {
    fn misfit(&self, name: &EditableName) -> Option<String> {
        let text = format!("it is `{name}` already: capitals make no other name");
        (self.0 == *name).then_some(text)
    }
}

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        if self.request.is_empty() && self.response.is_empty() {
            return Err(SettingErrors::of_all(
                "nothing to do: write `request` or `response`, with `remove`, `rename`, `set` or \
                 `add`",
            ));
        }
        let mut wrong = SettingErrors::new();
        self.request.check("request", &mut wrong);
        self.response.check("response", &mut wrong);
        wrong.or(())
    }
}

impl Edits {
    fn check(&self, head: &str, wrong: &mut SettingErrors) {
        let mut renamed = BTreeMap::new();
        for (from, NewName(to)) in self.rename.iter() {
            if let Some(first) = renamed.insert(to, from) {
                let text = format!(
                    "`{first}` is called `{to}` already, and one of the two would be lost: write another name"
                );
                wrong.add([head, "rename", from], text);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.remove.is_empty()
            && self.rename.is_empty()
            && self.set.is_empty()
            && self.add.is_empty()
    }
}
