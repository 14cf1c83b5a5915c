//! Stands in for the crate `js-sys`, which binds JavaScript's built-in objects.
//!
//! jsonwebtoken asks it for the time wherever it is compiled for `wasm32-unknown-unknown`, and with
//! it come imports that only a JavaScript host has, so that no component could be made. A plugin's
//! time is the host's clock, and a plugin has the host at hand where it needs the time, so nobody
//! calls what is here: it is there to be linked.

/// JavaScript's `Date`.
#[derive(Debug)]
pub struct Date(());

impl Date {
    /// There is no clock behind it.
    pub fn new_0() -> Self {
        Self(())
    }

    /// Panics: any number would be a wrong time, and a wrong time lets expired tokens pass.
    pub fn get_time(&self) -> f64 {
        panic!("there is no JavaScript here: take the time from the host's clock")
    }
}
