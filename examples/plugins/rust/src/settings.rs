//! What the plugin can be told.

use torana_plugin_sdk::{HeaderName, prelude::*};

/// The settings, read and checked by the SDK, which also makes the schema of this.
#[settings]
pub(crate) struct Settings {
    /// The header with the caller's name.
    pub(crate) header: HeaderName,
    /// What is said before the name. An empty one leaves bodies as they are.
    #[serde(default = "hello")]
    pub(crate) greeting: String,
}

fn hello() -> String {
    "Hello".into()
}
