//! The name of a method in the settings.

use std::{borrow::Borrow, ops::Deref};

use torana_plugin_sdk::prelude::*;

/// A method as requests have it: methods are compared as they are (RFC 9110, 9.1), and all that are
/// in use are upper case.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
pub(crate) struct Method(String);

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_legal = |byte: u8| byte.is_ascii_uppercase() || b"-_".contains(&byte);
        if !name.is_empty() && name.bytes().all(is_legal) {
            return Ok(Self(name));
        }
        let upper = name.to_ascii_uppercase();
        Err(match !upper.is_empty() && upper.bytes().all(is_legal) {
            true => format!("methods are upper case: write `{upper}`"),
            false => format!("`{name}` is no method: write one like `POST`"),
        })
    }
}

impl Borrow<str> for Method {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Method {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
