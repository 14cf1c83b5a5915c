//! What a plugin has said once of all exchanges, in `configure`.

use http::{HeaderName, Method};

use super::{Change, change::Room};
use crate::{
    fields::{Fields, remove_aliases},
    heads::RequestHead,
};

/// Changes of every head that comes by the plugin, which nothing is called for; and the requests that it is called for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    request: Vec<Change>,
    response: Vec<Change>,
    only_for: Option<Requests>,
}

/// Requests that have one of these headers, or one of these methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// Whatever their values are.
    pub headers: Vec<HeaderName>,
    /// Compared byte by byte (RFC 9110, 9.1).
    pub methods: Vec<Method>,
}

impl Standing {
    /// Of one plugin, for requests and for responses each. It is not held against the size of a head, as other changes
    /// are. So it is little: with it and all that a client may send there is room left for plugins that come later.
    pub const ROOM: Room = Room { changes: 64, bytes: 16 << 10 };

    /// Keeps changes of requests. An error is the index of the first for which there is no room; then none is kept.
    pub fn keep_for_requests(&mut self, changes: Vec<Change>) -> Result<(), usize> {
        keep(&mut self.request, changes)
    }

    /// The same for responses.
    pub fn keep_for_responses(&mut self, changes: Vec<Change>) -> Result<(), usize> {
        keep(&mut self.response, changes)
    }

    /// `on-request-head` has work for these requests only.
    pub fn call_only_for(&mut self, requests: Requests) {
        self.only_for = Some(requests);
    }

    /// What every request is changed by.
    pub fn of_requests(&self) -> &[Change] {
        &self.request
    }

    /// What every response is changed by.
    pub fn of_responses(&self) -> &[Change] {
        &self.response
    }

    /// The requests that `on-request-head` is called for, if not all.
    pub fn only_for(&self) -> Option<&Requests> {
        self.only_for.as_ref()
    }

    /// Changes a request. Where it has names with underscores, those that a service may take for the changed ones go.
    pub fn change_request(&self, headers: &mut Fields, has_underscores: bool) {
        for change in &self.request {
            if let (true, Change::Set(name, _) | Change::Add(name, _) | Change::Remove(name)) =
                (has_underscores, change)
            {
                remove_aliases(headers, name);
            }
            change.make(headers);
        }
    }

    /// Changes a response.
    pub fn change_response(&self, headers: &mut Fields) {
        self.response.iter().for_each(|change| change.make(headers));
    }

    /// Whether `on-request-head` is to be called for this request.
    pub fn is_for(&self, request: &RequestHead) -> bool {
        self.only_for.as_ref().is_none_or(|requests| requests.include(request))
    }
}

impl Requests {
    /// The most names in all: each is looked for in every request, beside the plugin's own time.
    pub const MAX_NAMES: usize = 64;

    fn include(&self, request: &RequestHead) -> bool {
        self.headers.iter().any(|name| request.headers.contains(name))
            || self.methods.contains(&request.method)
    }
}

fn keep(kept: &mut Vec<Change>, changes: Vec<Change>) -> Result<(), usize> {
    Change::room(kept.iter(), &changes, Standing::ROOM)?;
    kept.extend(changes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn set(name: &str) -> Change {
        Change::Set(name.parse().unwrap(), HeaderValue::from_static("1"))
    }

    #[test]
    fn a_request_has_the_header_or_the_method() {
        let requests = Requests {
            headers: vec!["origin".parse().unwrap(), "x-debug".parse().unwrap()],
            methods: vec![Method::OPTIONS, "PURGE".parse().unwrap()],
        };
        let mut standing = Standing::default();
        let is_for = |standing: &Standing, method: &str, name: &str| {
            let request = Request::builder().method(method).header(name, "").body(()).unwrap();
            standing.is_for(&request.into_parts().0.into())
        };
        assert!(is_for(&standing, "GET", "accept"), "nothing was said");
        standing.call_only_for(requests);
        for (method, name, is) in [
            ("GET", "accept", false),
            ("GET", "Origin", true),
            ("GET", "x-debug", true),
            ("OPTIONS", "accept", true),
            ("PURGE", "accept", true),
            ("purge", "accept", false),
        ] {
            assert_eq!(is_for(&standing, method, name), is, "{method} {name}");
        }
        standing.call_only_for(Requests::default());
        assert!(!is_for(&standing, "OPTIONS", "origin"), "what is said last holds");
    }

    #[test]
    fn names_that_services_take_for_a_changed_one_go() {
        let mut standing = Standing::default();
        let remove = Change::Remove(HeaderName::from_static("x-gone"));
        standing.keep_for_requests(vec![set("x-user-id"), remove]).unwrap();
        let mut headers = Fields::new();
        for name in ["x_user_id", "x_user-id", "x_gone", "x_other"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("forged"));
        }
        standing.change_request(&mut headers, true);
        let mut names: Vec<_> = headers.names().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x-user-id", "x_other"]);
    }

    #[test]
    fn requests_and_responses_have_room_of_their_own() {
        let mut standing = Standing::default();
        let many = || (0..Standing::ROOM.changes).map(|_| set("x")).collect::<Vec<_>>();
        assert_eq!(standing.keep_for_requests(many()), Ok(()));
        assert_eq!(standing.keep_for_requests(vec![set("x")]), Err(0));
        assert_eq!(standing.keep_for_responses(many()), Ok(()));
        assert_eq!(standing.of_requests().len(), Standing::ROOM.changes);
        let mut headers = Fields::new();
        standing.change_response(&mut headers);
        assert_eq!(headers["x"], "1");
    }
}
