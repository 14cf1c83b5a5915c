//! The keys of an identity provider: fetched, shared through `kv`, renewed, and kept when it is down.
//!
//! All instances of a process share one set. Three entries of `kv` make it up: `keys:` has the JWK
//! Set as it came, `fetched:` the time of it (short, for it is looked at once a second), and
//! `refresh:` is the flight of whoever fetches: while it is under way others wait for it, and for as
//! long as it then stays there nobody fetches again. `waiting:` counts those who wait for an unknown
//! key.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use serde_json::Value;
use torana_plugin_sdk::{
    host::{DigestAlgorithm, LeadAnswer, Outgoing},
    prelude::*,
};

use crate::{
    json,
    keyset::{KeySet, Read},
    location::Location,
    refusal::Refusal,
};

/// Where the keys come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Jwks(Location),
    /// An issuer that says where its keys are (OpenID Connect Discovery 1.0).
    Discovery {
        issuer: String,
        at: Location,
    },
}

/// How the keys are kept new. All in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refresh {
    /// How old they get before they are fetched again.
    pub(crate) every: u64,
    /// Between two fetches.
    pub(crate) cooldown: u64,
    /// For an answer.
    pub(crate) timeout: u32,
    /// How old they get when they cannot be fetched.
    pub(crate) max_stale: u64,
}

/// The keys of an identity provider, as one instance knows them.
#[derive(Debug)]
pub(crate) struct Remote {
    source: Source,
    refresh: Refresh,
    max_bytes: usize,
    max_keys: usize,
    loaded: RefCell<Option<Loaded>>,
    /// Goes up with every change of the keys.
    generation: Cell<u64>,
    looked_at: Cell<Option<u64>>,
    /// When this instance last fetched without `kv`.
    fetched_alone_at: Cell<Option<u64>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    keys: Rc<KeySet>,
    digest: Vec<u8>,
    fetched_at: u64,
}

/// What came of the wish for newer keys.
#[derive(Debug, PartialEq, Eq)]
enum Renewal {
    /// They are as new as they get.
    Done,
    /// They are, in this instance alone: `kv` has no room for them.
    Unshared,
    Failed(String),
    /// Somebody else is still at it.
    UnderWay,
}

/// How often an instance looks whether another one has fetched, in milliseconds.
const LOOK_EVERY: u64 = 1000;
/// How soon a fetch is tried again that failed when there are no keys at all, in milliseconds. It is
/// also how often the background looks whether it is time to fetch.
const RETRY: u64 = 5000;
/// How long a request whose key is unknown waits for a fetch that is under way, in milliseconds.
/// Anybody can name an unknown key, and an instance that waits serves nobody else.
const WAIT_FOR_UNKNOWN: u32 = 500;
/// How many such requests begin to wait in that time, in the whole process. They must not hold all instances while a
/// provider is slow.
const MAX_WAITING: i64 = 2;

impl Remote {
    pub(crate) fn new(source: Source, refresh: Refresh, max_bytes: usize, max_keys: usize) -> Self {
        Self {
            source,
            refresh,
            max_bytes,
            max_keys,
            loaded: RefCell::default(),
            generation: Cell::default(),
            looked_at: Cell::default(),
            fetched_alone_at: Cell::default(),
        }
    }

    /// How often [`tick`](Self::tick) is to be called, in milliseconds.
    pub(crate) fn tick_every(&self) -> u64 {
        RETRY.min(self.refresh.every).min(self.refresh.cooldown)
    }

    /// Which keys it has: another number, other keys.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Fetches if it is time.
    pub(crate) fn tick(&self, host: &impl Host) {
        let now = host.clock().unix_millis();
        self.look(host, now);
        if self.age(now).is_none_or(|age| age >= self.refresh.every) {
            self.renew(host, now, 0);
        }
    }

    /// Follows the other instances and the time. Fetches where nobody else does: ticks are for the
    /// plugin's entry, and a use of it with a source of its own has none.
    pub(crate) fn follow(&self, host: &impl Host, now: u64) {
        let is_due = |at: u64| now.abs_diff(at) >= LOOK_EVERY;
        if self.looked_at.get().is_none_or(is_due) {
            self.look(host, now);
        }
        if self.age(now).is_some_and(|age| age >= self.refresh.every.saturating_mul(2)) {
            self.renew(host, now, 0);
        }
        if self.age(now).is_some_and(|age| age > self.refresh.max_stale) {
            self.loaded.take();
            self.changed();
        }
    }

    /// The keys. Where there are none, they are fetched now.
    pub(crate) fn keys(&self, host: &impl Host, now: u64) -> Result<Rc<KeySet>, Refusal> {
        if let Some(keys) = self.at_hand() {
            return Ok(keys);
        }
        let renewal = self.renew(host, now, self.refresh.timeout.saturating_mul(2));
        self.at_hand().ok_or_else(|| {
            self.unavailable(match renewal {
                Renewal::Failed(why) => why,
                Renewal::UnderWay => "they are being fetched, which takes too long".into(),
                Renewal::Done | Renewal::Unshared => "they were fetched and lost".into(),
            })
        })
    }

    /// The keys, for a token whose key is not among them: it may be new. At most one fetch in each
    /// cooldown comes of it, whatever tokens clients make up.
    pub(crate) fn renewed(&self, host: &impl Host, now: u64) -> Result<Rc<KeySet>, Refusal> {
        let renewal = match self.renew(host, now, 0) {
            Renewal::UnderWay if self.may_wait(host) => self.renew(host, now, WAIT_FOR_UNKNOWN),
            renewal => renewal,
        };
        match renewal {
            Renewal::Done | Renewal::Unshared => self.keys(host, now),
            Renewal::Failed(why) => Err(self.unavailable(format!("its key is unknown, and {why}"))),
            Renewal::UnderWay => {
                Err(self.unavailable("its key is unknown, and newer ones are being fetched".into()))
            }
        }
    }

    fn may_wait(&self, host: &impl Host) -> bool {
        let waiting =
            host.kv().increment(&self.key("waiting"), 1, Some(u64::from(WAIT_FOR_UNKNOWN)));
        waiting.is_ok_and(|waiting| waiting <= MAX_WAITING)
    }

    fn unavailable(&self, why: String) -> Refusal {
        let why = format!("the keys of {} are not there: {why}", self.source.name());
        Refusal::Unavailable { why, retry_after_ms: RETRY.min(self.refresh.cooldown) }
    }

    fn at_hand(&self) -> Option<Rc<KeySet>> {
        self.loaded.borrow().as_ref().map(|loaded| loaded.keys.clone())
    }

    /// None where there are no keys. A clock that was set back makes them due.
    fn age(&self, now: u64) -> Option<u64> {
        self.loaded.borrow().as_ref().map(|loaded| now.abs_diff(loaded.fetched_at))
    }

    fn changed(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
    }

    fn key(&self, what: &str) -> String {
        format!("{what}:{}", self.source.name())
    }

    /// Takes over what another instance has fetched.
    fn look(&self, host: &impl Host, now: u64) {
        self.looked_at.set(Some(now));
        if let Err(refused) = self.try_look(host) {
            host.log().warn(format_args!("what other instances fetched is not known: {refused}"));
        }
    }

    fn try_look(&self, host: &impl Host) -> Result<(), Refused<torana_plugin_sdk::host::KvError>> {
        let Some(at) = host.kv().get(&self.key("fetched"))? else { return Ok(()) };
        let Some(fetched_at) = number(&at) else { return Ok(()) };
        let is_known =
            self.loaded.borrow().as_ref().is_some_and(|loaded| loaded.fetched_at == fetched_at);
        if is_known {
            return Ok(());
        }
        if let Some(text) = host.kv().get(&self.key("keys"))?
            && let Err(why) = self.take(host, &text, fetched_at)
        {
            host.log().warn(format_args!("what another instance fetched cannot be used: {why}"));
        }
        Ok(())
    }

    /// Puts a JWK Set into use.
    fn take(&self, host: &impl Host, text: &[u8], fetched_at: u64) -> Result<(), String> {
        let digest = host.crypto().digest(DigestAlgorithm::Sha256, text);
        let mut loaded = self.loaded.borrow_mut();
        if let Some(loaded) = loaded.as_mut().filter(|loaded| loaded.digest == digest) {
            loaded.fetched_at = fetched_at;
            return Ok(());
        }
        let Read { set, ignored } = KeySet::read(text, self.max_keys)?;
        for text in ignored {
            host.log().warn(format_args!("{}: {text}", self.source.name()));
        }
        *loaded = Some(Loaded { keys: Rc::new(set), digest, fetched_at });
        drop(loaded);
        self.changed();
        Ok(())
    }

    /// Fetches, unless somebody has just done so or is about to.
    fn renew(&self, host: &impl Host, now: u64, wait_ms: u32) -> Renewal {
        let flight = self.key("refresh");
        match host.kv().lead(&flight, wait_ms) {
            Ok(LeadAnswer::Yours) => {
                let renewal = self.fetch(host, now);
                self.land(host, &flight, &renewal);
                renewal
            }
            Ok(LeadAnswer::Value(outcome)) => match outcome_of(&outcome) {
                Renewal::Unshared => self.renew_alone(host, now),
                renewal => {
                    self.look(host, now);
                    renewal
                }
            },
            Ok(LeadAnswer::Busy) => Renewal::UnderWay,
            Err(refused) => {
                host.log().warn(format_args!("this instance fetches for itself: {refused}"));
                self.renew_alone(host, now)
            }
        }
    }

    /// Ends the flight and says how it ended, for as long as nobody is to fetch again.
    fn land(&self, host: &impl Host, flight: &str, renewal: &Renewal) {
        let ttl = match renewal {
            Renewal::Failed(_) if self.at_hand().is_none() => RETRY.min(self.refresh.cooldown),
            _ => self.refresh.cooldown,
        };
        let outcome = match renewal {
            Renewal::Failed(why) => format!("{FAILED}{why}"),
            Renewal::Unshared => UNSHARED.into(),
            Renewal::Done | Renewal::UnderWay => String::new(),
        };
        if let Err(refused) = host.kv().set(flight, outcome.as_bytes(), Some(ttl)) {
            host.log().warn(format_args!("other instances will fetch again: {refused}"));
        }
    }

    /// Without `kv` an instance has its own cooldown.
    fn renew_alone(&self, host: &impl Host, now: u64) -> Renewal {
        let is_soon = |at: u64| now.abs_diff(at) < self.refresh.cooldown;
        if self.fetched_alone_at.get().is_some_and(is_soon) {
            return match self.at_hand() {
                Some(_) => Renewal::Unshared,
                None => Renewal::Failed("a fetch was tried not long ago".into()),
            };
        }
        self.fetched_alone_at.set(Some(now));
        self.fetch(host, now)
    }

    fn fetch(&self, host: &impl Host, now: u64) -> Renewal {
        let fetched = self.document(host).and_then(|text| {
            self.take(host, &text, now)?;
            Ok(text)
        });
        match fetched {
            Ok(text) => {
                host.metrics().count("jwks-fetched", 1);
                self.share(host, &text, now)
            }
            Err(why) => {
                host.metrics().count("jwks-fetch-failed", 1);
                let kept = if self.at_hand().is_some() {
                    "the old ones serve on"
                } else {
                    "there are none"
                };
                host.log().error(format_args!("keys could not be fetched, {kept}: {why}"));
                Renewal::Failed(why)
            }
        }
    }

    fn share(&self, host: &impl Host, text: &[u8], now: u64) -> Renewal {
        let ttl = Some(self.refresh.max_stale);
        let kv = host.kv();
        let shared = kv
            .set(&self.key("keys"), text, ttl)
            .and_then(|()| kv.set(&self.key("fetched"), now.to_string().as_bytes(), ttl));
        match shared {
            Ok(()) => Renewal::Done,
            Err(refused) => {
                host.log().warn(format_args!("each instance fetches keys for itself: {refused}"));
                Renewal::Unshared
            }
        }
    }

    fn document(&self, host: &impl Host) -> Result<Vec<u8>, String> {
        match &self.source {
            Source::Jwks(at) => self.get(host, at),
            Source::Discovery { issuer, at } => {
                let metadata = self.get(host, at)?;
                let keys = keys_of(issuer, &metadata).map_err(|why| format!("{at}: {why}"))?;
                self.get(host, &keys)
            }
        }
    }

    fn get(&self, host: &impl Host, at: &Location) -> Result<Vec<u8>, String> {
        let call = Outgoing::get(&at.to, &at.path)
            .header("accept", "application/json")
            .timeout_ms(self.refresh.timeout);
        let answer = host.fetch().send(&call).map_err(|refused| format!("{at}: {refused}"))?;
        match answer.status {
            200 => {}
            status @ 300..400 => {
                let to = answer.header("location").unwrap_or("nowhere");
                return Err(format!(
                    "{at} answered {status} and points to {to:.200?}: redirects are not followed, \
                     write the address itself"
                ));
            }
            status => return Err(format!("{at} answered {status}")),
        }
        let body = answer.body.as_bytes();
        if body.len() > self.max_bytes {
            let (length, most) = (body.len(), self.max_bytes);
            return Err(format!("{at} sent {length} bytes, more than `max_jwks_bytes` ({most})"));
        }
        Ok(body.to_vec())
    }
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Jwks(at) => at.to_string(),
            Self::Discovery { at, .. } => at.to_string(),
        }
    }
}

/// How a flight ended, as it stands in `kv`: nothing if all is well.
const UNSHARED: &str = "unshared";
const FAILED: &str = "failed: ";

fn outcome_of(text: &[u8]) -> Renewal {
    match std::str::from_utf8(text) {
        Ok("") => Renewal::Done,
        Ok(UNSHARED) => Renewal::Unshared,
        Ok(text) => Renewal::Failed(text.strip_prefix(FAILED).unwrap_or(text).into()),
        Err(_) => Renewal::Failed("nobody knows why".into()),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Where an issuer says that its keys are. It must name itself by the letter (OpenID Connect
/// Discovery 1.0, 4.3), or one tenant of a service could speak for another.
fn keys_of(issuer: &str, metadata: &[u8]) -> Result<Location, String> {
    let metadata = json::parse_object(metadata)?;
    let text = |name: &str| metadata.get(name).and_then(Value::as_str);
    match text("issuer") {
        Some(named) if named == issuer => {}
        Some(other) => return Err(format!("it is of issuer {other:.200?}, not {issuer:?}")),
        None => return Err("it names no `issuer`".into()),
    }
    let uri = text("jwks_uri").ok_or("it has no `jwks_uri`")?;
    Location::parse(uri).map_err(|why| format!("its `jwks_uri`: {why}"))
}
