//! Pieces of HTTP that many plugins need and few write down right.

mod credentials;
mod etag;
mod twins;
mod vary;
mod weight;

pub use credentials::{Malformed, credentials};
pub use etag::{AskedTags, TagMark};
pub use twins::are_twins;
pub use vary::add_vary;
#[cfg(feature = "fake")]
pub(crate) use vary::merged;
pub use weight::weight;
