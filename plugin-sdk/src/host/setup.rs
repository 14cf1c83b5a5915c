use std::fmt::Display;

use super::{EditHeaders, HeaderError, ResponseAhead};
use crate::{HeaderName, Refused, header_name::HIDDEN};

/// The most changes that stand, for requests and for responses each.
pub const STANDING_CHANGES: usize = 64;

/// The most bytes of names and values in them.
pub const STANDING_BYTES: usize = 16 << 10;

/// What a plugin can say once, when it is set up, of all exchanges to come: what is done without a call then, and what
/// its settings make it use.
///
/// Changes of heads are made where the plugin stands in its chain, just before its own hooks, which see them. What the
/// first instance of a plugin says holds for all of them.
pub trait Setup: Clone + 'static {
    /// Changes headers of every request. Needs `request-edit = true`.
    fn every_request(&self) -> impl EditHeaders;
    /// Changes headers of every response, but for what this plugin's request hooks reply themselves. Needs
    /// `response-edit = true`.
    fn every_response(&self) -> impl ResponseAhead;
    /// Has `on_request_head` called only for requests that have one of these headers, whatever they say, or one of
    /// these methods: for all others it has nothing to do. At most 64 names in all; what is said last holds.
    ///
    /// Never by a header whose absence is refused: what a request has is for its client to choose, and one that
    /// leaves it out is not seen.
    fn call_only_for(&self, headers: &[&str], methods: &[&str])
    -> Result<(), Refused<HeaderError>>;

    /// Hooks read this header, of requests or of responses, because a setting names it. If the grants do not cover it,
    /// each call would fail: so the setting is refused, at its line. `path` leads to it, as in
    /// [`SettingErrors::at`](crate::SettingErrors::at): `["key"]`.
    fn reads_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>);
    /// Hooks set, add or remove this header. As [`reads_header`](Self::reads_header), for what may be written.
    fn writes_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>);
    /// Hooks may choose this upstream ([`choose_upstream`](super::RequestEdit::choose_upstream)). The setting is refused
    /// where the plugin is in the chain of a route that does not name it.
    fn chooses_upstream<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>);
    /// Without this parameter of the route's path hooks let no request through. The setting is refused where the plugin
    /// is in the chain of a route whose path does not have it.
    fn needs_param<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>);
    /// Hooks read this parameter of the route's path, and do without it where there is none. The operator is warned if no
    /// route has it.
    fn reads_param<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>);
}

/// The keys and indices that lead to a setting.
pub(crate) fn keys<S: Display>(path: impl IntoIterator<Item = S>) -> Vec<String> {
    path.into_iter().map(|key| key.to_string()).collect()
}

/// Which name it is that the host refuses, for it does not say: of the names that it may be about, all.
pub(super) fn refused_name(headers: &[&str], methods: &[&str], why: &HeaderError) -> String {
    let is_meant = |name: &&&str| match why {
        HeaderError::Hidden => HIDDEN.contains(&name.to_ascii_lowercase().as_str()),
        _ => HeaderName::try_from((**name).to_owned()).is_err(),
    };
    let meant: Vec<_> = headers.iter().chain(methods).filter(is_meant).copied().collect();
    meant.join("`, `")
}
