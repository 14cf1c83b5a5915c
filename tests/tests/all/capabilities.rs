//! What plugins may ask of the host, and what they may not.

mod fetch;
mod state;
mod trust;
