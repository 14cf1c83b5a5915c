//! What the TOML can say.

use template::Template;
use torana_plugin_sdk::prelude::*;

use crate::named::Named;

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
    pub(crate) rename: Named<EditableName>,
    /// Headers to set, in the place of all values that they had. A template without a value removes
    /// the header, so that a client cannot slip its own in.
    pub(crate) set: Named<Template>,
    /// Headers to add beside those that are there. A template without a value adds nothing.
    pub(crate) add: Named<Template>,
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
        Ok(())
    }
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.remove.is_empty()
            && self.rename.is_empty()
            && self.set.is_empty()
            && self.add.is_empty()
    }
}
