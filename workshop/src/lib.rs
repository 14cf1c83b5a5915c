//! What teams that write plugins work with: [`create`] makes the folder of a new one, [`build`] makes its
//! component, and [`Sources`] says when that is old.
//!
//! The SDK and the contract are in this crate, so a new plugin builds without anything of Torana being
//! published first.

mod build;
mod create;
mod error;
mod files;
mod language;
mod name;
mod sources;

pub use build::{Built, build};
pub use create::create;
pub use error::Error;
pub use language::Language;
pub use name::Name;
pub use sources::Sources;
