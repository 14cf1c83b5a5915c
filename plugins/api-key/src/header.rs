//! The header that a template is for.

use std::ops::Deref;

use torana_plugin_sdk::prelude::*;

/// A header that a plugin can change. The host would refuse the others for each request; this says
/// so before the first.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "HeaderName")]
pub(crate) struct EditableName(HeaderName);

impl TryFrom<HeaderName> for EditableName {
    type Error = String;

    fn try_from(name: HeaderName) -> Result<Self, String> {
        if name.is_reserved() {
            return Err(format!("`{name}` is kept by the host: no plugin can change it"));
        }
        Ok(Self(name))
    }
}

impl Deref for EditableName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
