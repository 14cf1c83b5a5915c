//! Suites that others wrote, run through a gateway with the plugins that come with it. They are
//! installed, and this is called, by `cargo xtask suites`.
//!
//! | suite | is read by | and tests |
//! | --- | --- | --- |
//! | W3C XML conformance | [`w3c`] | that documents are read by the book |
//! | defusedxml's documents | [`attacks`] | that none of them reaches out, or blows up |
//! | JSONTestSuite | [`json`] | that JSON is read by the book |
//! | xmltodict itself | [`convention`] | that documents become the JSON that it makes of them |
//! | http_desync_guardian | [`desync`] | that no message goes on that a service could misread |
//!
//! Each score is held against the best there is, so a case that fails is a test that fails. Known
//! exceptions stand in a list, with their reason, and must stay exceptions.

mod attacks;
mod convention;
mod desync;
mod json;
mod suite;
mod translator;
mod w3c;
