//! Write a plugin for Torana, the programmable API gateway.
//!
//! This is a whole plugin. It lets only those requests through that carry a header:
//!
//! ```
//! use torana_plugin_sdk::prelude::*;
//!
//! #[settings]
//! struct Settings {
//!     /// The header that must be there.
//!     header: String,
//! }
//!
//! struct RequireHeader(Settings);
//!
//! #[plugin]
//! impl Plugin for RequireHeader {
//!     type Settings = Settings;
//!
//!     fn new(settings: Settings) -> Result<Self, SettingErrors> {
//!         Ok(Self(settings))
//!     }
//!
//!     fn on_request_head(&self, host: &impl Host) -> Outcome {
//!         match host.request().header(&self.0.header)? {
//!             Some(_) => Ok(Action::Next),
//!             None => Ok(Reply::problem(401, "missing-header", "A header is missing.").into()),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Its Cargo.toml says, beside the package's name:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! torana-plugin-sdk = "0.1"
//!
//! [dev-dependencies]
//! torana-plugin-sdk = { version = "0.1", features = ["cases"] }
//! ```
//!
//! And this is the TOML that runs it:
//!
//! ```toml
//! [plugins.require-tenant]
//! component = { path = "require_header.wasm" }
//! config = { header = "x-tenant" }
//!
//! [[routes]]
//! name = "orders"
//! match = { path = "/orders/{*rest}" }
//! chain = ["require-tenant"]
//! upstream = "orders"
//! ```
//!
//! `torana plugin build` makes the component. The three ideas:
//!
//! - **Exports are needs.** [`#[plugin]`](plugin) exports the hooks that the implementation of
//!   [`Plugin`] defines, and no others; the host calls what is exported, and buffers a body only
//!   for a plugin that asks for it.
//! - **Imports are capabilities.** What the logic calls of [`Host`](host::Host) becomes an import
//!   of the component, and the TOML must grant it. What it never calls is not there: the import
//!   list is the permission list, true by construction.
//! - **Logic takes `&impl Host`.** So it runs natively too, with a `FakeHost` (feature `fake`) under
//!   plain `cargo test`, and with whole cases from TOML files (feature `cases`).
//!
//! Calls answer with errors that say what to do about them, so `?` is mostly all there is to write:
//! it becomes the log text of a [`Failure`], and the plugin's `on_error` in the TOML decides what
//! becomes of the exchange.

mod bindings;
#[cfg(feature = "format")]
pub mod cases;
pub mod claims;
mod duration;
mod error;
#[doc(hidden)]
pub mod export;
#[cfg(feature = "fake")]
pub mod fake;
mod header_name;
mod header_table;
#[cfg(all(target_arch = "wasm32", feature = "heap"))]
mod heap;
pub mod host;
pub mod http;
mod message;
#[cfg(feature = "fake")]
mod one_line;
#[cfg(any(feature = "fake", feature = "format"))]
mod percent;
mod plugin;
mod schema_file;
pub mod settings;
mod size;

pub use error::{Explain, Failure, Refused};
pub use header_name::{EditableName, HeaderName};
pub use header_table::{HeaderEntry, HeaderTable};
pub use message::{Action, Content, Header, Reply};
pub use plugin::{Hook, Hooks, Outcome, Plugin, StreamOutcome, Transform};
#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde;
pub use settings::{NoSettings, SecretName, SettingErrors};
pub use size::Size;
pub use torana_plugin_macros::{plugin, settings};

/// All that most plugins need: `use torana_plugin_sdk::prelude::*;`.
pub mod prelude {
    #[doc(no_inline)]
    pub use crate::{
        Action, Content, EditableName, Failure, Header, HeaderName, HeaderTable, NoSettings,
        Outcome, Plugin, Refused, Reply, SecretName, SettingErrors, StreamOutcome, Transform,
        host::{Host, Setup},
        plugin, settings,
    };
    // For their methods alone: their names are the author's to use.
    #[doc(no_inline)]
    pub use crate::host::{
        Attributes as _, Clock as _, Crypto as _, EditBody as _, EditHeaders as _, Fetch as _,
        Kv as _, Log as _, Metrics as _, Random as _, RateLimit as _, ReadBody as _,
        ReadHeaders as _, Request as _, RequestEdit as _, Response as _, ResponseAhead as _,
        ResponseEdit as _, Secrets as _,
    };
}
