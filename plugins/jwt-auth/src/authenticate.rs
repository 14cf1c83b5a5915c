//! One request, head to tail: from what is in a header to who it is.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use template::Fault;
use torana_plugin_sdk::prelude::*;

use crate::{
    cache::Cache,
    fingerprint::{Fingerprints, Id},
    identity::Identity,
    keyset::{KeySet, MAX_TRIED},
    places::{self, Found},
    policy::Policy,
    refusal::Refusal,
    token::{LastHeader, Token, quoted},
    validity::Invalid,
    verify,
    wanted::Lacking,
};

/// The policy, and what an instance remembers.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) policy: Policy,
    verified: RefCell<Cache<Identity>>,
    fingerprints: Fingerprints,
    headers: LastHeader,
    warned: Cell<bool>,
}

/// Why a request is not let through.
#[derive(Debug)]
enum Stop {
    Refused(Refusal),
    /// The token is good, but no header can be made of what came with it, or the hook cannot do its work.
    Fault(Fault),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fault(failure.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What verified tokens may take, in bytes. An instance that has grown by 1 MiB is thrown away, and
/// with it what it remembers.
const CACHE_BYTES: usize = 256 << 10;

impl Authenticator {
    pub(crate) fn new(policy: Policy) -> Self {
        let verified = RefCell::new(Cache::new(policy.cache, CACHE_BYTES));
        let (fingerprints, headers) = (Fingerprints::default(), LastHeader::default());
        Self { policy, verified, fingerprints, headers, warned: Cell::default() }
    }

    /// Lets a request through, as somebody or as nobody, or not.
    pub(crate) fn admit(&self, host: &impl Host) -> Outcome {
        match self.try_admit(host) {
            Ok(()) => Ok(Action::Next),
            Err(Stop::Refused(refusal)) => {
                refusal.log(&host.log());
                Ok(refusal.reply(&self.policy.realm).into())
            }
            Err(Stop::Fault(fault)) => fault.outcome(),
        }
    }

    fn try_admit(&self, host: &impl Host) -> Result<(), Stop> {
        let Policy { places, optional, forward, disclosure, .. } = &self.policy;
        let token = match places.find(&host.request())? {
            Found::Token(token) => token,
            Found::Nothing if *optional => {
                places.remove_twins(host)?;
                return Ok(disclosure.tell(host, None, false, |_| {})?);
            }
            Found::Nothing => return Err(Refusal::NoToken.into()),
            Found::Unclear(why) => return Err(Refusal::Unclear(why).into()),
        };
        let identity = self.identify(host, &token)?;
        places.remove(host, *forward)?;
        let lacks_grants = self.warned.get();
        Ok(disclosure.tell(host, Some(&identity), lacks_grants, |name| self.warn(host, name))?)
    }

    /// Who it is. What was verified once is believed until the token expires or the keys change.
    fn identify(&self, host: &impl Host, text: &str) -> Result<Rc<Identity>, Stop> {
        let now = host.clock().unix_millis();
        if let Some(remote) = &self.policy.remote {
            remote.follow(host, now);
        }
        let id = self.id(host, text);
        if let Some(known) = self.known(id, now) {
            return Ok(known);
        }
        self.check_form(text)?;
        let identity = Rc::new(self.verify(host, text, now)?);
        if let Some(id) = id {
            let (keys, bytes) = (self.keys_generation(), identity.bytes());
            self.verified.borrow_mut().insert(id, keys, identity.clone(), bytes);
        }
        Ok(identity)
    }

    /// Whether a text may be a token. One that is remembered was.
    fn check_form(&self, text: &str) -> Result<(), Refusal> {
        places::check_one(text).map_err(Refusal::Unclear)?;
        if self.is_too_long(text) {
            let (length, longest) = (text.len(), self.policy.max_token_bytes);
            let why = format!("it has {length} bytes, more than `max_token_bytes` ({longest})");
            return Err(Refusal::Invalid(why));
        }
        Ok(())
    }

    fn is_too_long(&self, text: &str) -> bool {
        text.len() > self.policy.max_token_bytes
    }

    /// None where nothing is remembered.
    fn id(&self, host: &impl Host, text: &str) -> Option<Id> {
        let may_be_known = self.policy.cache > 0 && !self.is_too_long(text);
        may_be_known.then(|| self.fingerprints.of(text, &host.random()))
    }

    fn known(&self, id: Option<Id>, now: u64) -> Option<Rc<Identity>> {
        let (id, mut verified) = (id?, self.verified.borrow_mut());
        let known = verified.get(id, self.keys_generation())?;
        if !known.window.contains(now) {
            verified.remove(id);
            return None;
        }
        Some(known)
    }

    fn keys_generation(&self) -> u64 {
        self.policy.remote.as_ref().map_or(0, |remote| remote.generation())
    }

    fn verify(&self, host: &impl Host, text: &str, now: u64) -> Result<Identity, Stop> {
        let policy = &self.policy;
        let token = Token::parse(text, &self.headers).map_err(|why| Refusal::Invalid(why.0))?;
        if !policy.algorithms.contains(&token.header.algorithm) {
            let why = format!("{:?} is not among `algorithms`", token.header.algorithm);
            return Err(Refusal::Invalid(why).into());
        }
        self.verify_signature(host, &token, now)?;
        let (claims, text) = token.claims().map_err(|why| Refusal::Invalid(why.0))?;
        let window = policy.validity.check(token.header.typ.as_deref(), &claims, now)?;
        policy.requirements.check(&claims).map_err(|lacking| self.forbidden(lacking))?;
        let identity = policy.disclosure.identity(claims, text, window, &policy.requirements);
        Ok(identity.map_err(Refusal::Invalid)?)
    }

    /// With the keys of the settings, then with those of the provider, then with its newest ones.
    fn verify_signature(&self, host: &impl Host, token: &Token<'_>, now: u64) -> Result<(), Stop> {
        let policy = &self.policy;
        if is_signed_by(host, &policy.keys, token)? {
            return Ok(());
        }
        let Some(remote) = &policy.remote else {
            return Err(mismatch(&policy.keys, token).into());
        };
        let keys = remote.keys(host, now)?;
        if is_signed_by(host, &keys, token)? {
            return Ok(());
        }
        let is_unknown = token.header.kid.as_ref().is_some_and(|kid| !keys.names(kid));
        if !is_unknown {
            return Err(mismatch(&keys, token).into());
        }
        let keys = remote.renewed(host, now)?;
        if is_signed_by(host, &keys, token)? {
            return Ok(());
        }
        Err(mismatch(&keys, token).into())
    }

    fn forbidden(&self, lacking: Lacking) -> Refusal {
        let scopes = &self.policy.requirements.scopes;
        match lacking {
            Lacking::Scope(why) => {
                let wanted: Vec<_> =
                    scopes.all.iter().chain(&scopes.any).map(String::as_str).collect();
                Refusal::Forbidden { why, scopes: Some(wanted.join(" ")) }
            }
            Lacking::Other(why) => Refusal::Forbidden { why, scopes: None },
        }
    }

    /// Once for an instance: it would be the same for every request.
    fn warn(&self, host: &impl Host, attribute: &str) {
        if !self.warned.replace(true) {
            host.log().warn(format_args!(
                "attribute `{attribute}` is not set, so later plugins do not know who it is: add \
                 attributes = [\"consumer.id\", \"auth.scopes\", \"auth.claims\"] to the plugin's grants"
            ));
        }
    }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(match invalid {
            Invalid::Expired(why) => Refusal::Expired(why),
            Invalid::Other(why) => Refusal::Invalid(why),
        })
    }
}

/// Whether one of the keys has signed a token.
fn is_signed_by(host: &impl Host, keys: &KeySet, token: &Token<'_>) -> Result<bool, Failure> {
    let algorithm = token.header.algorithm;
    let fitting = keys.fitting(algorithm, token.header.kid.as_deref());
    for key in fitting.take(MAX_TRIED) {
        if verify::holds(host, algorithm, key, token.message.as_bytes(), &token.signature)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why none of the keys has signed a token.
fn mismatch(keys: &KeySet, token: &Token<'_>) -> Refusal {
    let (algorithm, kid) = (token.header.algorithm, token.header.kid.as_deref());
    let count = keys.fitting(algorithm, kid).count();
    Refusal::Invalid(match (kid, count) {
        (None, 0) => format!("it names no key, and none can be used with {algorithm:?}"),
        (Some(kid), 0) if keys.names(kid) => {
            format!("its key {} cannot be used with {algorithm:?}", quoted(kid))
        }
        (Some(kid), 0) => format!("its key {} is unknown", quoted(kid)),
        (None, count) if count > MAX_TRIED => {
            format!("it names no key, {count} could be it, and only {MAX_TRIED} are tried")
        }
        _ => "its signature does not hold".into(),
    })
}
