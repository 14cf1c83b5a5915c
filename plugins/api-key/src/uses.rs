//! What the settings make hooks use: told at their lines before the first key comes by.

use torana_plugin_sdk::prelude::*;

use crate::{pass::Pass, settings::Consumer, source::Source};

impl Source {
    /// Says which header the key is in, and is taken away from if it does not go on.
    pub(crate) fn announce(&self, setup: &impl Setup, index: usize, forward: bool) {
        let path = ["from".to_owned(), index.to_string()];
        let Some(name) = self.header() else { return };
        setup.reads_header(name, &path);
        if !forward {
            setup.writes_header(name, &path);
        }
    }
}

impl Pass {
    /// Says which headers are written, and which upstreams somebody may get. (Who is
    /// disabled gets none, and that of a tier of nobody is chosen for nobody.)
    pub(crate) fn announce(&self, setup: &impl Setup, consumers: &[Consumer]) {
        for (name, template) in self.headers.iter() {
            template.announce(setup, &["headers", name]);
            setup.writes_header(name, ["headers", name]);
        }
        for (index, consumer) in consumers.iter().enumerate() {
            consumer.announce(setup, &index.to_string());
        }
        for (tier, upstream) in &self.upstreams {
            let has_it = |consumer: &Consumer| {
                !consumer.disabled
                    && consumer.upstream.is_none()
                    && consumer.tier.as_ref() == Some(tier)
            };
            if consumers.iter().any(has_it) {
                setup.chooses_upstream(upstream, ["upstreams", tier]);
            }
        }
    }
}

impl Consumer {
    fn announce(&self, setup: &impl Setup, index: &str) {
        for (name, template) in self.headers.iter() {
            let path = ["consumers", index, "headers", name];
            template.announce(setup, &path);
            setup.writes_header(name, path);
        }
        if let (Some(upstream), false) = (&self.upstream, self.disabled) {
            setup.chooses_upstream(upstream, ["consumers", index, "upstream"]);
        }
    }
}
