//! Pieces of HTTP that many plugins need and few write down right.

mod vary;
mod weight;

pub use vary::add_vary;
pub use weight::weight;
