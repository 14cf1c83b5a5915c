//! What a fake host knows and was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{mentions::Mentions, setup::Standing};
use crate::{
    Reply,
    host::{
        Change, CryptoError, FetchError, HeaderError, Incoming, Level, Outgoing, PublicKey,
        SignatureAlgorithm, TlsSession,
    },
    http::merged,
};

/// What a service answers.
pub(super) type Answer = dyn Fn(&Outgoing) -> Result<Incoming, FetchError>;
/// How long it takes to answer, in milliseconds.
pub(super) type Delay = dyn Fn(&Outgoing) -> u64;
/// Whether a signature holds.
pub(super) type Holds =
    dyn Fn(SignatureAlgorithm, &PublicKey, &[u8], &[u8]) -> Result<bool, CryptoError>;

pub(super) struct State {
    pub(super) request: RequestHead,
    pub(super) response: Option<ResponseHead>,
    pub(super) request_body: Option<Body>,
    pub(super) response_body: Option<Body>,
    pub(super) ahead: Vec<Change>,
    pub(super) standing: Standing,
    pub(super) mentions: Mentions,
    pub(super) route_path: Option<String>,
    pub(super) upstreams: Vec<String>,
    pub(super) chosen: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) readable: BTreeSet<String>,
    pub(super) writable: BTreeSet<String>,
    pub(super) granted_attributes: BTreeSet<String>,
    pub(super) logs: Vec<(Level, String)>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) gauges: BTreeMap<String, f64>,
    pub(super) unix_millis: u64,
    pub(super) monotonic_nanos: u64,
    pub(super) random: u64,
    pub(super) kv: BTreeMap<String, Stored>,
    /// For keys and values together, in bytes.
    pub(super) kv_room: u64,
    pub(super) led: BTreeSet<String>,
    pub(super) buckets: BTreeMap<(String, String), super::rate_limit::Fill>,
    pub(super) stores_are_down: bool,
    pub(super) answer: Rc<Answer>,
    pub(super) fetched: Vec<Outgoing>,
    pub(super) started: u32,
    pub(super) delay: Rc<Delay>,
    pub(super) under_way: Vec<UnderWay>,
    pub(super) secrets: BTreeMap<String, Vec<u8>>,
    /// Those that may be used by name, and those that may be seen.
    pub(super) usable: BTreeSet<String>,
    pub(super) revealed: BTreeSet<String>,
    pub(super) holds: Rc<Holds>,
    pub(super) used: BTreeSet<&'static str>,
}

/// What clients call the gateway.
const AUTHORITY: &str = "gateway.example";

pub(super) struct RequestHead {
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Headers,
    pub(super) client: String,
    pub(super) tls: Option<TlsSession>,
    pub(super) route: String,
    pub(super) id: String,
}

pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) headers: Headers,
}

/// A fetch that was started and not waited for.
pub(super) struct UnderWay {
    /// When it ends, on the monotonic clock.
    pub(super) ends_nanos: u64,
    pub(super) number: u32,
    pub(super) answer: Result<Incoming, FetchError>,
}

/// A value in `kv`.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) value: Value,
    pub(super) expires: Option<u64>,
}

#[derive(Clone)]
pub(super) enum Value {
    Bytes(Vec<u8>),
    Counter(i64),
}

impl State {
    pub(super) fn new(method: &str, target: &str) -> Self {
        Self {
            request: RequestHead::new(method, target),
            response: None,
            request_body: None,
            response_body: None,
            ahead: Vec::new(),
            standing: Standing::default(),
            mentions: Mentions::default(),
            route_path: None,
            upstreams: vec!["upstream".into()],
            chosen: None,
            attributes: BTreeMap::new(),
            readable: BTreeSet::new(),
            writable: BTreeSet::new(),
            granted_attributes: BTreeSet::new(),
            logs: Vec::new(),
            counts: BTreeMap::new(),
            gauges: BTreeMap::new(),
            unix_millis: 1_800_000_000_000,
            monotonic_nanos: 0,
            random: 0,
            kv: BTreeMap::new(),
            kv_room: 16 << 20,
            led: BTreeSet::new(),
            buckets: BTreeMap::new(),
            stores_are_down: false,
            answer: Rc::new(|_| {
                Err(FetchError::Denied("this FakeHost has no `with_fetch`".into()))
            }),
            fetched: Vec::new(),
            started: 0,
            delay: Rc::new(|_| 0),
            under_way: Vec::new(),
            secrets: BTreeMap::new(),
            usable: BTreeSet::new(),
            revealed: BTreeSet::new(),
            #[cfg(feature = "crypto")]
            holds: Rc::new(super::verify::verify),
            #[cfg(not(feature = "crypto"))]
            holds: Rc::new(|_, _, _, _| Ok(false)),
            used: BTreeSet::new(),
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, millis: u64) {
        self.unix_millis += millis;
        self.monotonic_nanos += millis * 1_000_000;
    }

    pub(super) fn take_stores(&mut self, other: &Self) {
        self.kv = other.kv.clone();
        self.buckets = other.buckets.clone();
        self.unix_millis = other.unix_millis;
        self.monotonic_nanos = other.monotonic_nanos;
        self.stores_are_down = other.stores_are_down;
    }

    pub(super) fn set_authority(&mut self, authority: &str) {
        self.request.authority = authority.into();
        self.request.headers.remove("host");
        self.request.headers.push("host", authority.as_bytes());
    }

    pub(super) fn secret_to_use(&self, name: &str) -> Option<&[u8]> {
        self.secrets.get(name).filter(|_| self.usable.contains(name)).map(Vec::as_slice)
    }

    pub(super) fn set_response(&mut self, reply: &Reply) {
        let mut headers = Headers::default();
        for header in &reply.headers {
            headers.push(&header.name, header.value.as_bytes());
        }
        self.response = Some(ResponseHead { status: reply.status, headers });
        self.response_body = Some(Body::new(reply.body.as_bytes()));
        let ahead = std::mem::take(&mut self.ahead);
        for change in self.standing.responses.clone().iter().chain(&ahead) {
            self.change_response(change);
        }
    }

    /// Makes a change of the response, or keeps it until there is one.
    pub(super) fn change_response(&mut self, change: &Change) {
        match &mut self.response {
            Some(response) => response.headers.change(change),
            None => self.ahead.push(change.clone()),
        }
    }
}

impl RequestHead {
    fn new(method: &str, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let mut headers = Headers::default();
        headers.push("host", AUTHORITY.as_bytes());
        Self {
            method: method.into(),
            scheme: "http".into(),
            authority: AUTHORITY.into(),
            path: path.into(),
            query,
            params: Vec::new(),
            headers,
            client: "192.0.2.1".into(),
            tls: None,
            route: "route".into(),
            id: "request-1".into(),
        }
    }
}

/// A longer list gets a line more and is not merged (response.wit).
const LONGEST_MERGED: usize = 1024;

/// Field lines, in order.
#[derive(Default)]
pub(super) struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    pub(super) fn push(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_ascii_lowercase(), value.to_vec()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Removes names with an underscore that are this one but for it.
    pub(super) fn remove_aliases(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let dashed = name.replace('_', "-");
        self.0.retain(|(known, _)| {
            *known == name || !known.contains('_') || known.replace('_', "-") != dashed
        });
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Set(header) => {
                self.remove(&header.name);
                self.push(&header.name, header.value.as_bytes());
            }
            Change::Add(header) => self.push(&header.name, header.value.as_bytes()),
            Change::Merge(header) => self.merge(&header.name, &header.value),
            Change::Remove(name) => self.remove(name),
            Change::RemoveAll(beginning) => {
                let beginning = beginning.to_ascii_lowercase();
                self.0.retain(|(name, _)| !name.starts_with(&beginning));
            }
        }
    }

    fn merge(&mut self, name: &str, value: &str) {
        let lines = self.all(name).into_iter().map(|line| String::from_utf8(line.to_vec()));
        let Ok(lines) = lines.collect::<Result<Vec<_>, _>>() else {
            return self.push(name, value.as_bytes());
        };
        if lines.iter().map(String::len).sum::<usize>() > LONGEST_MERGED {
            return self.push(name, value.as_bytes());
        }
        let members = value.split(',').map(str::trim_ascii).filter(|member| !member.is_empty());
        let members: Vec<_> = members.collect();
        if let Some(merged) = merged(&lines, &members) {
            self.remove(name);
            self.push(name, merged.as_bytes());
        }
    }

    pub(super) fn all(&self, name: &str) -> Vec<&[u8]> {
        let found = self.0.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice()).collect()
    }

    pub(super) fn one(&self, name: &str) -> Result<Option<Vec<u8>>, HeaderError> {
        match self.all(name)[..] {
            [] => Ok(None),
            [value] => Ok(Some(value.to_vec())),
            _ => Err(HeaderError::Repeated),
        }
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// A body, and what a hook wrote in its place.
pub(super) struct Body {
    pub(super) old: Vec<u8>,
    pub(super) new: Option<Vec<u8>>,
}

impl Body {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { old: bytes.to_vec(), new: None }
    }

    pub(super) fn result(&self) -> Vec<u8> {
        self.new.clone().unwrap_or_else(|| self.old.clone())
    }
}
