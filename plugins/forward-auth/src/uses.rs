//! What the settings make hooks read and write: told at their lines, for without its grant no request would pass.

use template::{Name, Piece, Template};
use torana_plugin_sdk::prelude::*;

use crate::{header_value::HeaderValue, names::Pattern, settings::Settings};

impl Settings {
    /// The names, in lower case, of the request's headers that the service judges by, or that choose its answer.
    pub(crate) fn judged(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.values().filter_map(|value| match value {
            HeaderValue::Template(template) => Some(template),
            HeaderValue::Secret { .. } => None,
        });
        let keys = self.cache.iter().flat_map(|cache| &cache.key);
        let templates = self.path.iter().chain(values).chain(keys);
        let of_templates = templates.flat_map(read_headers);
        self.forward.iter().map(|name| &**name).chain(of_templates)
    }

    /// Says which headers and parameters are read and written.
    pub(crate) fn announce(&self, setup: &impl Setup) {
        for (index, name) in self.forward.iter().enumerate() {
            setup.reads_header(name, ["forward", &index.to_string()]);
        }
        self.announce_path(setup);
        for (name, value) in self.headers.iter() {
            if let HeaderValue::Template(template) = value {
                template.announce(setup, &["headers", name]);
            }
        }
        for (index, template) in self.cache.iter().flat_map(|cache| cache.key.iter().enumerate()) {
            template.announce(setup, &["cache", "key", &index.to_string()]);
        }
        announce_written(&self.request, &["request"], setup);
        announce_written(&self.response, &["response"], setup);
        announce_written(&self.denied.headers, &["denied", "headers"], setup);
    }

    fn announce_path(&self, setup: &impl Setup) {
        for piece in self.path.iter().flat_map(|path| path.pieces()) {
            match piece {
                Piece::Value { name: Name::Param(name), default: None } => {
                    setup.needs_param(name, ["path"]);
                }
                Piece::Value { name: Name::Param(_), .. } | Piece::Text(_) => {}
                Piece::Value { name, .. } => name.announce(setup, &["path"]),
            }
        }
    }
}

/// The headers of the request that a template has in it.
pub(crate) fn read_headers(template: &Template) -> impl Iterator<Item = &str> {
    template.names().filter_map(|name| match name {
        Name::RequestHeader(name) => Some(name.as_str()),
        _ => None,
    })
}

/// (Beginnings cover none that needs a grant.)
fn announce_written(patterns: &[Pattern], at: &[&str], setup: &impl Setup) {
    for (index, pattern) in patterns.iter().enumerate() {
        if let Pattern::Name(name) = pattern {
            let index = index.to_string();
            setup.writes_header(name, at.iter().copied().chain([index.as_str()]));
        }
    }
}
