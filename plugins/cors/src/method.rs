//! The name of a method in the settings.

use std::ops::Deref;

use torana_plugin_sdk::prelude::*;

/// A method that a page can ask for, or `*`. Browsers compare methods byte for byte, and write
/// those of HTTP in upper case.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Method(String);

/// Methods that no page can use (Fetch, 2.2.1).
const FORBIDDEN: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];

impl Method {
    /// A method that is legal as it stands in the source.
    pub(crate) fn known(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let upper = name.to_ascii_uppercase();
        let is_legal = |byte: u8| byte.is_ascii_uppercase() || b"-_".contains(&byte);
        if name != "*" && (upper.is_empty() || !upper.bytes().all(is_legal)) {
            return Err(format!("`{name}` is no method: write one like \"PUT\", or \"*\" for all"));
        }
        if FORBIDDEN.contains(&&*upper) {
            return Err(format!("browsers let no page use {upper}: remove it"));
        }
        if upper != name {
            return Err(format!("browsers compare methods byte for byte: write \"{upper}\""));
        }
        Ok(Self(name))
    }
}

impl Deref for Method {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
