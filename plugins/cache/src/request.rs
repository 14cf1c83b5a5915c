//! A request on its way there: answered, or sent on with what is known.

use torana_plugin_sdk::{
    host::{EditHeaders as _, Request},
    prelude::*,
};

use crate::{
    Cache,
    answer::{Wanted, reply},
    directives::OfRequest,
    entry::{Entry, Use},
    exchange::{Asked, Forward, Range},
    key::Keys,
    lookup::Found,
    read::{digests, lines, may_have},
    settings::Method,
    store::Store,
    target::Target,
    tell::Done,
    validators::{Conditions, has_validator},
};

/// Who answers from what is stale waits for the one that asks the service no longer than this, in milliseconds.
const REVALIDATION: u64 = 10_000;
/// Methods that change nothing (RFC 9110, 9.2.1).
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];
/// Conditions on what there is now, which only the service knows.
const OF_THE_SERVICE: [&str; 2] = ["if-match", "if-unmodified-since"];
/// What comes then is no response to be kept, but another protocol.
const OF_OTHER_PROTOCOLS: [&str; 2] = ["sec-websocket-key", "upgrade"];
/// What plugins before this one note of whom they have let in, and by what: the request may have nothing that says so any
/// more.
const OF_THE_KNOWN: [&str; 2] = ["consumer.id", "auth.claims"];

impl Cache {
    /// Answers a request, or lets it go on.
    pub(crate) fn ask(&self, host: &impl Host) -> Outcome {
        let target = Self::target(host);
        let method = host.request().method();
        let mut asked = Asked::new(host, self.keys_for_change(host, &target));
        if method == "CONNECT" {
            return asked.goes_on(host, Forward::Bypass);
        }
        if !SAFE.contains(&&*method) {
            asked.changes = Some(target);
            return asked.goes_on(host, Forward::Method);
        }
        let Some(method) = self.settings.methods.iter().find(|one| one.name() == method).copied()
        else {
            return asked.goes_on(host, Forward::Method);
        };
        match self.keys(host, &target) {
            Some(keys) if !self.is_skipped(&host.request()) => asked.keys = keys,
            _ => return asked.goes_on(host, Forward::Bypass),
        }
        asked.is_head = method == Method::Head;
        self.answer(host, asked)
    }

    fn is_skipped(&self, request: &impl Request) -> bool {
        let own = self.settings.skip_requests_with.iter().map(|name| &**name);
        let all = own.chain(OF_THE_SERVICE).chain(OF_OTHER_PROTOCOLS);
        all.into_iter().any(|name| may_have(request, name)) || has_body(request)
    }

    /// Whether a response to it is for one client, unless it says something else (RFC 9111, 3.5). Where `key` tells
    /// clients apart, that is about what the request says itself.
    fn is_authorized(&self, host: &impl Host) -> bool {
        let is_known = || OF_THE_KNOWN.iter().any(|name| host.attributes().get(name).is_some());
        may_have(&host.request(), "authorization") || self.settings.key.is_empty() && is_known()
    }

    fn answer(&self, host: &impl Host, mut asked: Asked) -> Outcome {
        let store = self.store(host);
        let wishes = self.wishes(&host.request());
        asked.read(&host.request());
        asked.is_authorized = self.is_authorized(host);
        asked.keeps &= !wishes.no_store;
        let mut found = self.find(&store, &asked.keys);
        if found.entry.is_err() && !wishes.only_if_cached {
            self.fly_together(&store, &mut asked, &mut found);
        }
        let now = host.clock().unix_millis();
        let entry = match found.entry {
            Ok(entry) => entry,
            Err(_) if wishes.only_if_cached => return Ok(self.only_if_cached(host)),
            Err(why) => return asked.goes_on(host, why),
        };
        let why = match entry.head.judge(now, &wishes) {
            Use::Fresh | Use::Stale => return Ok(self.hit(host, entry, now, &asked)),
            Use::StaleWhileRevalidate => {
                // Who brings nothing to be kept does not ask for others.
                let asks = !wishes.only_if_cached && asked.keeps;
                if !asks || !store.takes_off(&found.key, REVALIDATION) {
                    return Ok(self.hit(host, entry, now, &asked));
                }
                asked.flight = Some(found.key.clone());
                Forward::Stale
            }
            Use::Validate { .. } if wishes.only_if_cached => return Ok(self.only_if_cached(host)),
            Use::Validate { is_wish: true } => Forward::Request,
            Use::Validate { is_wish: false } => Forward::Stale,
        };
        asked.stored = Some(found.key);
        asked.stored_at = entry.head.received;
        asked.validates = has_validator(&entry.head.fields);
        let validates = asked.validates;
        if asked.leaves(host, why) && validates {
            validate(host, &entry)?;
        }
        Ok(Action::Next)
    }

    /// Where one asks for what is not there, all others wait for it, and look again.
    fn fly_together(&self, store: &Store<'_, impl Host>, asked: &mut Asked, found: &mut Found) {
        // What comes for the authorized, or under a condition, is nothing that others can be answered from.
        let is_for_all =
            asked.keeps && !asked.is_authorized && asked.conditions == Conditions::default();
        let Some(wait) = self.settings.collapse.filter(|_| is_for_all) else { return };
        if store.takes_off(&found.key, wait.millis) {
            asked.flight = Some(found.key.clone());
            return;
        }
        store.wait(&found.key, wait.millis);
        *found = self.find(store, &asked.keys);
        asked.is_collapsed = found.entry.is_ok();
    }

    fn wishes(&self, request: &impl Request) -> OfRequest {
        if !self.settings.request_directives {
            return OfRequest::default();
        }
        OfRequest::read(&lines(request, "cache-control"), &lines(request, "pragma"))
    }

    fn hit(&self, host: &impl Host, entry: Entry, now: u64, asked: &Asked) -> Action {
        let done =
            Done::Hit { fresh_for: entry.head.fresh_for(now), is_collapsed: asked.is_collapsed };
        let mut reply = reply(entry, now, &asked.wanted());
        done.tell_in(host, &mut reply, self.settings.cache_status);
        reply.into()
    }

    /// RFC 9111, 5.2.1.7.
    fn only_if_cached(&self, host: &impl Host) -> Action {
        let detail =
            "There is no stored response that may be used, and the request wants no other.";
        let mut reply = Reply::problem(504, "not-cached", detail);
        Done::OnlyIfCached.tell_in(host, &mut reply, self.settings.cache_status);
        reply.into()
    }
}

/// A body means nothing with these methods (RFC 9110, 9.3.1), but a service may read it all the same: then its response
/// is about that, and the key is not. What has no length cannot be seen here.
fn has_body(request: &impl Request) -> bool {
    request.header("content-length").is_ok_and(|length| length.is_some_and(|length| length != "0"))
}

/// Asks the service whether what is stored still holds, in the place of what the client would ask (RFC 9111, 4.3.1).
fn validate(host: &impl Host, entry: &Entry) -> Result<(), Failure> {
    let edit = host.request_edit();
    for (condition, validator) in
        [("if-none-match", "etag"), ("if-modified-since", "last-modified")]
    {
        match entry.head.fields.only(validator) {
            Some(value) => edit.set_header(condition, value)?,
            None => edit.remove_header(condition)?,
        }
    }
    Ok(())
}

impl Asked {
    fn new(host: &impl Host, keys: Keys) -> Self {
        Self {
            keys,
            at: host.clock().unix_millis(),
            forward: Forward::Bypass,
            is_head: false,
            is_collapsed: false,
            keeps: false,
            is_authorized: false,
            stored: None,
            stored_at: 0,
            validates: false,
            conditions: Conditions::default(),
            range: None,
            flight: None,
            changes: None,
            seen: Default::default(),
        }
    }

    /// What the request says that is of use now.
    fn read(&mut self, request: &impl Request) {
        self.keeps = !self.is_head;
        self.conditions = Conditions {
            if_none_match: lines(request, "if-none-match"),
            if_modified_since: request.header("if-modified-since").ok().flatten(),
        };
        let range = request.header("range").ok().flatten();
        self.range = range
            .filter(|_| !self.is_head)
            .map(|range| Range { range, if_range: lines(request, "if-range").into_iter().next() });
    }

    /// Whether its response may end what is stored for all.
    pub(crate) fn may_end(&self) -> bool {
        self.keeps && !self.is_authorized
    }

    /// What the client gets of what is stored.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { is_head: self.is_head, conditions: &self.conditions, range: self.range.as_ref() }
    }

    fn goes_on(self, host: &impl Host, why: Forward) -> Outcome {
        self.leaves(host, why);
        Ok(Action::Next)
    }

    /// Whether the response will be known for what it is. There may be no room for what is to be remembered, which the
    /// client can bring about; then the response passes as if there were no cache.
    fn leaves(mut self, host: &impl Host, why: Forward) -> bool {
        self.forward = why;
        if self.keeps || self.stored.is_some() {
            let request = host.request();
            self.seen = digests(&request);
        }
        self.put(host)
    }
}

/// What may be named by a response to a method that changes something.
pub(crate) fn changed_beside(target: &Target, host: &impl Host) -> Vec<Target> {
    let response = host.response();
    let named = ["location", "content-location"].map(|name| response.header(name).ok().flatten());
    named.iter().flatten().filter_map(|reference| target.resolve(reference)).collect()
}
