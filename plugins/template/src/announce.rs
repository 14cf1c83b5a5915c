//! What a template reads, said before the first request: a header that is not granted, and a parameter that no route has,
//! are then told at the setting's line.

use torana_plugin_sdk::prelude::*;

use crate::{Name, Piece, Template};

impl Template {
    /// Says what hooks read for it. `path` leads to the setting. A parameter with a default is missed by nobody.
    pub fn announce(&self, setup: &impl Setup, path: &[&str]) {
        for piece in self.pieces() {
            match piece {
                Piece::Text(_) | Piece::Value { name: Name::Param(_), default: Some(_) } => {}
                Piece::Value { name, .. } => name.announce(setup, path),
            }
        }
    }
}

impl Name {
    /// Says what hooks read for it.
    pub fn announce(&self, setup: &impl Setup, path: &[&str]) {
        match self {
            Self::RequestHeader(name) => setup.reads_header(name, path),
            Self::Param(name) => setup.reads_param(name, path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::fake::FakeHost;

    use super::*;

    #[test]
    fn a_hidden_header_is_told_at_the_setting() {
        let host = FakeHost::get("/").grant_read("cookie");
        let text = "{params.id} {request.header.cookie} {request.header.authorization:-none}";
        Template::parse(text).unwrap().announce(&host, &["set", "x-user"]);
        let refused = host.refused_settings();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].path, ["set", "x-user"]);
        assert!(refused[0].message.contains("read = [\"authorization\"]"), "a default is no grant");
    }
}
