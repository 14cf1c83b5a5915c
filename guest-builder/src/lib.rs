//! Builds Torana plugins: the one place that knows how.
//!
//! A plugin is a Rust `cdylib` compiled for `wasm32-unknown-unknown` (no WASI: the smallest sandbox)
//! and wrapped as a WebAssembly component. Not every machine can compile for that target as it
//! stands, so the first question is what this one offers:
//!
//! ```no_run
//! # fn main() -> Result<(), guest_builder::Error> {
//! use guest_builder::{Build, Choice, Machine, Packages};
//!
//! let choice = Choice::of(&Machine::probe("plugins".as_ref()));
//! println!("{choice}");
//! let toolchain = choice.prepare()?;
//!
//! let build = Build {
//!     workspace: "plugins".into(),
//!     packages: Packages::All,
//!     target_dir: "target/guests".into(),
//!     output: "target/components".into(),
//!     locked: false,
//! };
//! for component in build.run(&toolchain)? {
//!     println!("{component}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! In reading order: [`Machine`] probes, [`Choice`] decides, [`Toolchain`] is what it decided for,
//! [`Build`] compiles and encodes.

mod build;
mod choice;
mod component;
mod debian;
mod environment;
mod error;
mod machine;
mod toolchain;
mod workspace;

pub use build::{Build, Packages};
pub use choice::Choice;
pub use component::Component;
pub use error::Error;
pub use machine::Machine;
pub use toolchain::Toolchain;

/// What guests are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
