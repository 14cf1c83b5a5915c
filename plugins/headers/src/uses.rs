//! Which headers and parameters the changes need, where a hook makes them. (What is fixed is held against the grants
//! when it is said.)

use torana_plugin_sdk::prelude::*;

use crate::settings::Edits;

impl Edits {
    /// Says what hooks read and write to change a head.
    pub(crate) fn announce(&self, setup: &impl Setup, head: &str) {
        for (index, name) in self.remove.iter().enumerate() {
            setup.writes_header(name, [head, "remove", &index.to_string()]);
        }
        for (from, to) in self.rename.iter() {
            let path = [head, "rename", from];
            setup.reads_header(from, path);
            setup.writes_header(from, path);
            setup.writes_header(&to.0, path);
        }
        for (list, templates) in [("set", &self.set), ("add", &self.add)] {
            for (name, template) in templates.iter() {
                let path = [head, list, name];
                template.announce(setup, &path);
                setup.writes_header(name, path);
            }
        }
    }
}
