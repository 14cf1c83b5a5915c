//! What a plugin says once. There is one exchange, so what stands is done to it alone.

use std::fmt::Display;

use super::{FakeHost, mentions::Mentioned, message, state::RequestHead};
use crate::{
    HeaderName, Refused,
    host::{
        Change, EditError, EditHeaders, HeaderError, ResponseAhead, STANDING_BYTES,
        STANDING_CHANGES, Setup, setup::keys,
    },
};

/// Names that the host looks for in every request (hooks.wit).
const MAX_NAMES: usize = 64;

/// What stands.
#[derive(Default)]
pub(super) struct Standing {
    /// Of requests. They are made already.
    requests: Vec<Change>,
    pub(super) responses: Vec<Change>,
    only_for: Option<Requests>,
}

/// The requests that `on_request_head` is for.
struct Requests {
    headers: Vec<String>,
    methods: Vec<String>,
}

impl Standing {
    pub(super) fn is_for(&self, request: &RequestHead) -> bool {
        self.only_for.as_ref().is_none_or(|requests| requests.include(request))
    }
}

impl Requests {
    fn include(&self, request: &RequestHead) -> bool {
        self.headers.iter().any(|name| !request.headers.all(name).is_empty())
            || self.methods.contains(&request.method)
    }
}

impl Setup for FakeHost {
    fn every_request(&self) -> impl EditHeaders {
        EveryRequest(self.clone())
    }
    fn every_response(&self) -> impl ResponseAhead {
        EveryResponse(self.clone())
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
            message::may_read(&state, name).map_err(|why| Refused::new(*name, why))?;
        }
        // A method is a token, as a header's name is (RFC 9110, 9.1).
        if let Some(wrong) =
            methods.iter().find(|name| HeaderName::try_from((**name).to_owned()).is_err())
        {
            return Err(Refused::new(*wrong, HeaderError::InvalidName));
        }
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let requests = Requests { headers: owned(headers), methods: owned(methods) };
        state.standing.only_for = Some(requests);
        Ok(())
    }
    fn reads_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        self.call("hook-needs").reads(name, keys(path));
    }
    fn writes_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        self.call("hook-needs").writes(name, keys(path));
    }
    fn chooses_upstream<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        self.call("hook-needs").names_of_route(Mentioned::Upstream, name, keys(path));
    }
    fn needs_param<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        self.call("hook-needs").names_of_route(Mentioned::NeededParam, name, keys(path));
    }
    /// That no route has it would be a warning: nothing comes of it here.
    fn reads_param<S: Display>(&self, _name: &str, _path: impl IntoIterator<Item = S>) {
        self.call("hook-needs");
    }
}

struct EveryRequest(FakeHost);

impl EveryRequest {
    fn keep(
        &self,
        change: Change,
        make: impl FnOnce(&message::FakeRequestEdit) -> Result<(), Refused<EditError>>,
    ) -> Result<(), Refused<EditError>> {
        let changes = [change];
        let room = message::have_room(
            &self.0.see().standing.requests,
            &changes,
            STANDING_CHANGES,
            STANDING_BYTES,
        );
        room?;
        make(&message::FakeRequestEdit(self.0.clone()))?;
        self.0.edit().standing.requests.extend(changes);
        Ok(())
    }
}

impl EditHeaders for EveryRequest {
    fn set_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
        self.keep(Change::set(name, value), |request| request.set_header(name, value))
    }
    fn set_header_bytes(&self, name: &str, value: &[u8]) -> Result<(), Refused<EditError>> {
        let change = Change::set(name, String::from_utf8_lossy(value));
        self.keep(change, |request| request.set_header_bytes(name, value))
    }
    fn add_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
        self.keep(Change::add(name, value), |request| request.add_header(name, value))
    }
    fn remove_header(&self, name: &str) -> Result<(), Refused<EditError>> {
        self.keep(Change::remove(name), |request| request.remove_header(name))
    }
}

struct EveryResponse(FakeHost);

impl ResponseAhead for EveryResponse {
    fn edit(&self, changes: &[Change]) -> Result<(), Refused<EditError>> {
        let mut state = self.0.call("response-ahead");
        message::may_change(&state, changes)?;
        let kept = &state.standing.responses;
        message::have_room(kept, changes, STANDING_CHANGES, STANDING_BYTES)?;
        state.standing.responses.extend_from_slice(changes);
        if state.response.is_some() {
            changes.iter().for_each(|change| state.change_response(change));
        }
        Ok(())
    }
}
