//! What the rules make hooks read: told at their lines, for a rule that has no answer decides nothing.

use torana_plugin_sdk::prelude::*;

use crate::{expression::Name, policy::Policy};

impl Policy {
    /// Says what hooks read for the rules' expressions.
    pub(crate) fn announce(&self, setup: &impl Setup) {
        for (index, rule) in self.rules.iter().enumerate() {
            let (names, index) =
                (rule.when.iter().flat_map(|when| when.names()), index.to_string());
            let path = ["rules", &index, "when"];
            for name in names {
                match name {
                    Name::Header(name) => setup.reads_header(name, path),
                    Name::Param(name) => setup.reads_param(name, path),
                    _ => {}
                }
            }
        }
    }
}
