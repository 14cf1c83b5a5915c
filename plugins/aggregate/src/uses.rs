//! What a part makes the handler read: told at its settings, before the first call.

use template::{Name, Piece};
use torana_plugin_sdk::prelude::*;

use crate::{fields::Policy, settings::Part, source::Source};

impl Part {
    /// Says what is read for its calls. (Elsewhere than in a path what has no value is left out.)
    pub(crate) fn announce(&self, setup: &impl Setup, part: &str) {
        for (index, name) in self.forward.iter().enumerate() {
            setup.reads_header(name, ["parts", part, "forward", &index.to_string()]);
        }
        for (path, source) in self.names() {
            if let Source::Exchange(Name::RequestHeader(name)) = source {
                let keys = path.iter().map(String::as_str);
                setup.reads_header(name, ["parts", part].into_iter().chain(keys));
            }
        }
        for name in self.params_of_path() {
            let path = ["parts", part, "path"];
            match self.is_needed() {
                true => setup.needs_param(name, path),
                false => setup.reads_param(name, path),
            }
        }
    }

    /// Whether there is no reply without it.
    fn is_needed(&self) -> bool {
        matches!(self.on_error.0, Policy::Fail) && self.each.is_none()
    }

    fn params_of_path(&self) -> impl Iterator<Item = &str> {
        self.path.pieces().iter().filter_map(|piece| match piece {
            Piece::Value { name: Source::Exchange(Name::Param(name)), default: None } => {
                Some(name.as_str())
            }
            _ => None,
        })
    }
}
