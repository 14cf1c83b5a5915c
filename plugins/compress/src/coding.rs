//! Content codings, by their names in HTTP (RFC 9110, 8.4.1; RFC 7932, 13).

use torana_plugin_sdk::settings;

/// A coding that this plugin can apply.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Coding {
    /// Brotli.
    Br,
    /// The format of gzip files.
    Gzip,
}

impl Coding {
    /// As `Content-Encoding` says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Whether a client means this one. Recipients have to take `x-gzip` for `gzip` (RFC 9110,
    /// 8.4.1.3).
    pub(crate) fn is_called(self, name: &str) -> bool {
        name.eq_ignore_ascii_case(self.name())
            || self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip")
    }
}
