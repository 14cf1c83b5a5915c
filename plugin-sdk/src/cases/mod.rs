//! Runs a plugin's `cases/*.toml`: what comes in, what is set, what must come out.
//!
//! A case is one exchange, written down. Here it runs natively, with a
//! [`FakeHost`](crate::fake::FakeHost); the same file can run on a gateway. The format is described
//! in the README of the plugins; [`Case`] is the same in Rust.
//!
//! ```no_run
//! # use torana_plugin_sdk::prelude::*;
//! # struct RequireHeader;
//! # #[plugin]
//! # impl Plugin for RequireHeader {
//! #     type Settings = NoSettings;
//! #     fn new(_: NoSettings) -> Result<Self, SettingErrors> { Ok(Self) }
//! #     fn on_request_head(&self, _: &impl Host) -> Outcome { Ok(Action::Next) }
//! # }
//! #[test]
//! fn cases() {
//!     torana_plugin_sdk::cases::run::<RequireHeader>("cases");
//! }
//! # fn main() {}
//! ```

mod expect;
mod format;
mod grants;
mod params;
mod place;
#[cfg(feature = "cases")]
mod play;
#[cfg(feature = "cases")]
mod reply;
#[cfg(feature = "cases")]
mod run;
#[cfg(feature = "cases")]
mod services;
mod settings;
#[cfg(feature = "cases")]
mod trap;

#[cfg(feature = "cases")]
pub use self::run::{Decode, check, check_decoding, run, run_decoding};
pub use self::{
    expect::{End, Witness, call, differences},
    format::{
        Answer, Case, Decision, Expect, ExpectedRequest, ExpectedResponse, ExpectedSettingError,
        ExpectedValue, FetchCase, FetchFailure, FetchRequest, RequestCase, RouteCase, Stores,
        Values,
    },
    grants::{Access, Grants, HeaderGrants, SecretGrants},
    place::is_same,
};
