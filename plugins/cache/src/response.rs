//! A response on its way back: kept, used to freshen what is stored, or replaced by that.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use torana_plugin_sdk::{host::ReadHeaders, prelude::*};

use crate::{
    Cache,
    answer::reply,
    entry::{Entry, Head, Index, Stored},
    exchange::{Asked, Pending},
    fields::Fields,
    gather::{Gathering, Keeping, Place},
    key::{Keys, variant},
    read::{self, is_as_seen, short, value},
    request::changed_beside,
    settings::SetCookie,
    storable::{Because, Response},
    store::Store,
    tell::Done,
    vary::{self, Names},
};

/// Statuses of a service that has failed (RFC 5861, 4).
const FAILED: [u16; 4] = [500, 502, 503, 504];
/// Statuses that say for all that there is nothing any more.
const GONE: [u16; 2] = [404, 410];
const COOKIE: &str = "set-cookie";
/// Fields about the body, which plugins behind this one may change with it when all heads have passed.
const OF_THE_BODY: [&str; 6] = [
    "content-type",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-digest",
    "repr-digest",
];

impl Cache {
    /// Looks at the head of a response.
    pub(crate) fn judge(&self, host: &impl Host, asked: &Asked) -> Outcome {
        let store = self.store(host);
        let status = host.response().status();
        // A plugin behind this one may have replied in the place of a response that came by before.
        Pending::forget(host);
        if asked.changes.is_some() {
            self.invalidate(&store, asked, status);
        }
        if status == 304 && asked.validates {
            return self.freshen(&store, asked);
        }
        if FAILED.contains(&status)
            && let Some(action) = self.stand_in(&store, asked, status)
        {
            return Ok(action);
        }
        let is_stored = asked.keeps && self.keep(&store, asked, status);
        if !is_stored {
            self.leave(&store, asked, status);
        }
        Done::Forwarded { why: asked.forward, status, is_stored }
            .tell(host, self.settings.cache_status);
        Ok(Action::Next)
    }

    /// What a method has changed is not used any more (RFC 9111, 4.4).
    fn invalidate(&self, store: &Store<'_, impl Host>, asked: &Asked, status: u16) {
        let Some(target) = asked.changes.as_ref().filter(|_| (200..400).contains(&status)) else {
            return;
        };
        let beside = changed_beside(target, store.host);
        let beside = beside.iter().map(|target| self.keys_for_change(store.host, target));
        for keys in [asked.keys.clone()].into_iter().chain(beside) {
            // What is there stays, and is not looked at any more: who has asked the service about it before this needs
            // its body.
            if !store.note_moment(&keys.changed()) {
                store.host.log().error(
                    "the store does not take that a target was changed: others may get what was kept before, until it \
                     is stale",
                );
                store.delete(&keys.base);
            }
            store.host.metrics().count("invalidated", 1);
        }
    }

    /// The service has said that what is stored holds.
    fn freshen(&self, store: &Store<'_, impl Host>, asked: &Asked) -> Outcome {
        let host = store.host;
        let key = asked.stored.as_deref().unwrap_or_default();
        let Some(mut entry) = store.entry(key) else { return Ok(lost(host)) };
        let received = host.clock().unix_millis();
        // Else it is what another request has brought meanwhile, and the news are not about that.
        if entry.head.received == asked.stored_at {
            self.make_new(store, asked, &mut entry, received);
        }
        if let Some(flight) = &asked.flight {
            store.lands(flight);
        }
        let mut reply = reply(entry, received, &asked.wanted());
        let done = Done::Revalidated { why: asked.forward };
        done.tell_in(host, &mut reply, self.settings.cache_status);
        Ok(reply.into())
    }

    /// Gives what is stored the fields of a 304.
    fn make_new(
        &self,
        store: &Store<'_, impl Host>,
        asked: &Asked,
        entry: &mut Entry,
        received: u64,
    ) {
        let key = asked.stored.as_deref().unwrap_or_default();
        let news = read::fields(&store.host.response()).unwrap_or_default();
        let response = Response {
            status: 304,
            fields: &dated(news, received),
            asked: asked.at,
            received,
            is_authorized: asked.is_authorized,
        };
        match self.rules.freshen(&entry.head, &response, self.keeps_cookies()) {
            Ok(head) => {
                let old = Entry::write(&entry.head, &entry.body);
                entry.head = head;
                if asked.keeps && !self.is_outdated(store, &asked.keys, asked.at) {
                    let new = Entry::write(&entry.head, &entry.body);
                    store.replace(key, &old, &new, entry.head.until);
                }
            }
            // What holds for the authorized says nothing of all others.
            Err(Because::Authorization) => {}
            // It held for this request, and for no other.
            Err(_) if asked.may_end() => store.delete(key),
            Err(_) => {}
        }
    }

    /// What is stored, in the place of a failure.
    fn stand_in(&self, store: &Store<'_, impl Host>, asked: &Asked, status: u16) -> Option<Action> {
        let entry = store.entry(asked.stored.as_deref()?)?;
        let now = store.host.clock().unix_millis();
        if !entry.head.stands_in(now) {
            return None;
        }
        let mut reply = reply(entry, now, &asked.wanted());
        Done::StaleIfError { status }.tell_in(store.host, &mut reply, self.settings.cache_status);
        // The next request tries again.
        if let Some(flight) = &asked.flight {
            store.lands(flight);
        }
        Some(reply.into())
    }

    /// Whether the response is kept, once its body is there.
    fn keep(&self, store: &Store<'_, impl Host>, asked: &Asked, status: u16) -> bool {
        let host = store.host;
        let Some(head) = self.head(host, asked, status) else { return false };
        let length = host.response().header("content-length").ok().flatten();
        let length = length.and_then(|length| length.parse::<u64>().ok());
        let is_small = length.is_none_or(|length| length <= self.settings.max_size.bytes() as u64);
        let place = self.place(store, &asked.keys, &head, &asked.seen);
        if !is_small || place.is_none() || store.is_down() {
            return false;
        }
        let (keys, flight, seen) = (asked.keys.clone(), asked.flight.clone(), asked.seen.clone());
        let (mut head, whole) = (head.clone(), head);
        let cookies = whole.fields.all(COOKIE).map(short).collect();
        head.fields.retain(|name| name != COOKIE);
        let pending = Pending { head, keys, flight, cookies, seen };
        if status == 204 || length == Some(0) {
            let keeping = self.keeping(store, &pending, whole);
            let is_kept = keeping.is_some_and(|keeping| keeping.keep(&[]));
            // A plugin behind this one may put a body in its place.
            return is_kept && (status == 204 || pending.put(host));
        }
        pending.put(host)
    }

    /// What is kept of the head. None where the response may not be kept.
    fn head(&self, host: &impl Host, asked: &Asked, status: u16) -> Option<Head> {
        let response = host.response();
        if self.has_cookies(&response) {
            return None;
        }
        let received = host.clock().unix_millis();
        let fields = &dated(read::fields(&response)?, received);
        let (asked, is_authorized) = (asked.at, asked.is_authorized);
        let response = Response { status, fields, asked, received, is_authorized };
        let judged = self.rules.judge(&response, self.keeps_cookies());
        judged.inspect_err(|because| host.log().debug(format_args!("not kept: {because}"))).ok()
    }

    /// What is not kept is not waited for, and it may end what was kept before.
    fn leave(&self, store: &Store<'_, impl Host>, asked: &Asked, status: u16) {
        match (&asked.flight, &asked.stored) {
            // Others have something to answer from, and the next of them may ask.
            (Some(flight), Some(_)) => store.lands(flight),
            (Some(flight), None) => store.lands_empty(flight),
            (None, _) => {}
        }
        // A client can bring about most refusals for itself alone: they say nothing of what others get.
        // Nor does a 304, which is about what the client has.
        let is_news = status < 400 && status != 304 || GONE.contains(&status);
        if let Some(key) = asked.stored.as_deref().filter(|_| asked.may_end() && is_news) {
            store.delete(key);
        }
    }

    /// How to keep the body that comes now. None where it is not to be kept.
    pub(crate) fn gathering<H: Host>(&self, host: &H) -> Option<Gathering<H>> {
        let pending = Pending::take(host)?;
        let store = self.store(host);
        let keeping =
            self.with_body(host, &pending).and_then(|head| self.keeping(&store, &pending, head));
        if let (None, Some(flight)) = (&keeping, &pending.flight) {
            store.lands_empty(flight);
        }
        keeping.map(|keeping| Gathering::new(keeping, self.settings.max_size.bytes()))
    }

    /// The head as it was when it came by, with what is about the body as it is now. Plugins before this one may have
    /// changed all else since, for this one client.
    fn with_body(&self, host: &impl Host, pending: &Pending) -> Option<Head> {
        let response = host.response();
        let mut head = pending.head.clone();
        if response.status() != head.status {
            return None;
        }
        let mut about = Fields::default();
        for name in OF_THE_BODY {
            for value in response.header_values(name).ok()? {
                about.push(name, value);
            }
        }
        head.fields.retain(|name| !OF_THE_BODY.contains(&name));
        head.fields.replace_by(about);
        // Those that came by, and not what plugins before this one have set for this client since.
        let cookies =
            if pending.cookies.is_empty() { Vec::new() } else { read::lines(&response, COOKIE) };
        let mut cookies = cookies.into_iter();
        for digest in &pending.cookies {
            head.fields.push(COOKIE, cookies.find(|line| short(line) == *digest)?);
        }
        let weak = head.fields.only("etag").map(|tag| format!("W/{tag}"));
        if weak.is_some() && response.header("etag").ok().flatten() == weak {
            head.fields.replace_by([("etag", weak.as_deref()?)].into_iter().collect());
        }
        // Whoever changed the body may have said on what it depends.
        for line in response.header_values("vary").ok()? {
            if !head.fields.all("vary").any(|known| known == line) {
                head.fields.push("vary", line);
            }
        }
        Some(head)
    }

    fn keeping<H: Host>(
        &self,
        store: &Store<'_, H>,
        pending: &Pending,
        head: Head,
    ) -> Option<Keeping<H>> {
        Some(Keeping {
            place: self.place(store, &pending.keys, &head, &pending.seen)?,
            changed: pending.keys.changed(),
            flight: pending.flight.clone(),
            head,
            host: store.host.clone(),
            trouble: self.trouble.clone(),
        })
    }

    /// Where a response belongs. None where no other request can be known to want it.
    fn place(
        &self,
        store: &Store<'_, impl Host>,
        keys: &Keys,
        head: &Head,
        seen: &BTreeMap<String, String>,
    ) -> Option<Place> {
        let host = store.host;
        let mut names = self.depends_on(&head.fields)?;
        let index = match store.get(&keys.base) {
            Some(Stored::Index(index)) => Some(index),
            _ if names.is_empty() => return Some(Place::Only(keys.base.clone())),
            _ => None,
        };
        let generation = match index {
            Some(index) => {
                names.extend(index.names);
                index.generation
            }
            // Of this request, and of no other even if a client chooses its own id.
            None => format!("{} {}", head.asked, host.request().id()),
        };
        let mut values = Vec::with_capacity(names.len());
        for name in &names {
            // A plugin behind this one may have changed it: the next request is looked up by what its client sends.
            let value = value(&host.request(), name);
            values.push((name, value.filter(|value| is_as_seen(seen, name, value))?));
        }
        let key = variant(&keys.base, &generation, &values);
        Some(Place::Variant { base: keys.base.clone(), index: Index { names, generation }, key })
    }

    /// The fields of requests that the response depends on. None where it depends on all, or on what is not known.
    fn depends_on(&self, fields: &Fields) -> Option<Names> {
        let mut names = vary::names(fields.all("vary"))?;
        if names.iter().any(|name| vary::is_the_gateways(name)) {
            return None;
        }
        // Services behind a plugin that works on bodies are always asked for bodies without a coding, so that all
        // clients get the same.
        if fields.all("content-encoding").all(|coding| coding.eq_ignore_ascii_case("identity")) {
            names.remove("accept-encoding");
        }
        Some(names)
    }

    fn has_cookies(&self, response: &impl ReadHeaders) -> bool {
        self.settings.set_cookie == SetCookie::Refuse && read::may_have(response, "set-cookie")
    }

    fn keeps_cookies(&self) -> bool {
        self.settings.set_cookie == SetCookie::Keep
    }
}

/// The service says that something holds which the store has lost meanwhile.
fn lost(host: &impl Host) -> Action {
    host.log().warn(
        "the service has answered 304 to the cache, and what that is about is gone from the store",
    );
    let detail = "The response was lost on its way. Try again.";
    Reply::problem(503, "response-lost", detail).header("retry-after", "0").into()
}

/// Whoever keeps a response without `Date` notes when it came (RFC 9110, 6.6.1).
fn dated(mut fields: Fields, received: u64) -> Fields {
    if !fields.has("date") {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(received);
        fields.push("date", httpdate::fmt_http_date(at));
    }
    fields
}
