//! Which headers hooks read and write: told at their settings, for without its grant no token is seen.

use torana_plugin_sdk::prelude::*;

use crate::policy::Policy;

impl Policy {
    /// Says where tokens are read and taken away, and which headers are written.
    pub(crate) fn announce(&self, setup: &impl Setup) {
        let header = self.places.header.as_ref().map(|place| (&*place.name, "header"));
        let cookie = self.places.cookie.as_ref().map(|_| ("cookie", "cookie"));
        for (name, place) in header.into_iter().chain(cookie) {
            setup.reads_header(name, ["token", place]);
            if !self.forward {
                setup.writes_header(name, ["token", place]);
            }
        }
        for (name, template) in &self.disclosure.headers {
            let path = ["headers", name];
            template.announce(setup, &path);
            setup.writes_header(name, path);
        }
    }
}
