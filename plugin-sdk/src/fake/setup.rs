//! What a plugin says once. There is one exchange, so what stands is done to it at once.

use super::{FakeHost, message, state::RequestHead};
use crate::{
    Refused,
    host::{EditHeaders, HeaderError, ResponseAhead, Setup},
};

/// Names that the host looks for in every request (hooks.wit).
const MAX_NAMES: usize = 64;

/// The requests that `on_request_head` is for.
pub(super) struct Requests {
    headers: Vec<String>,
    methods: Vec<String>,
}

impl Requests {
    pub(super) fn include(&self, request: &RequestHead) -> bool {
        self.headers.iter().any(|name| !request.headers.all(name).is_empty())
            || self.methods.contains(&request.method)
    }
}

impl Setup for FakeHost {
    fn every_request(&self) -> impl EditHeaders {
        message::FakeRequestEdit(self.clone())
    }
    fn every_response(&self) -> impl ResponseAhead {
        message::FakeResponseAhead(self.clone())
    }
    fn call_only_for(
        &self,
        headers: &[&str],
        methods: &[&str],
    ) -> Result<(), Refused<HeaderError>> {
        let mut state = self.call("hook-needs");
        let count = headers.len() + methods.len();
        assert!(count <= MAX_NAMES, "the host traps: {count} names (at most {MAX_NAMES} in all)");
        for name in headers {
            message::may_read(&state, name).map_err(|why| Refused::new(headers.join(", "), why))?;
        }
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        state.only_for = Some(Requests { headers: owned(headers), methods: owned(methods) });
        Ok(())
    }
}
