//! The files that a new plugin is made of. The constants come from build.rs.

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Paths below a folder, and what stands in the files.
pub(crate) type Files = &'static [(&'static str, &'static str)];

/// What every new plugin gets. `{name}` stands for its name; see [`crate::create`] for the others.
pub(crate) const README: &str = include_str!("../template/README.md");
pub(crate) const GATEWAY: &str = include_str!("../template/gateway.toml");
pub(crate) const GITIGNORE: &str = include_str!("../template/gitignore");
