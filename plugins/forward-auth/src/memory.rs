//! Answers that are remembered, shared by all instances through `kv`.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use template::Fault;
use torana_plugin_sdk::{
    host::{KvError, LeadAnswer, Outgoing},
    prelude::*,
};

use crate::{
    ask::FORWARDED,
    settings::{Cache, Forwarded, Settings, Speak},
    verdict::{Trouble, Verdict},
};

/// What a route says may differ from what another one says of the same entry, and after a reload: each has answers of
/// its own.
pub(crate) struct Memory {
    settings: [u8; 32],
}

/// In the place of an answer that is not to be remembered: those who wait for it ask for themselves, all at once and not
/// one after the other.
const ASK: &[u8] = b"";

/// How long that holds.
const ASK_MS: u64 = 1_000;

impl Memory {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { settings: Sha256::digest(format!("{settings:?}")).into() }
    }

    /// The key of an answer: a digest, for what it is made of may be credentials.
    ///
    /// Beside what `key` says it is made of what is asked in so many words: no answer is given for another path, method or
    /// host. Of a policy's question that is all, for its path and method are the same for everybody.
    pub(crate) fn key(
        &self,
        settings: &Settings,
        cache: &Cache,
        call: &Outgoing,
        host: &impl Host,
    ) -> Result<String, Fault> {
        let mut parts = Parts(Sha256::new_with_prefix(self.settings));
        parts.add(Some(&call.method));
        parts.add(Some(&call.path));
        let of_settings = |name: &str| settings.headers.keys().any(|known| **known == *name);
        let is_asked = |name: &str| of_settings(name) || settings.is_told_for_the_key(name);
        for header in call.headers.iter().filter(|header| is_asked(&header.name)) {
            parts.add(Some(&header.name));
            parts.add(Some(&header.value));
        }
        if settings.speak == Speak::Opa {
            parts.add_bytes(call.body.as_bytes());
        }
        for template in &cache.key {
            parts.add(template.header_value(host)?.as_deref());
        }
        Ok(parts.finish())
    }

    /// The answer that is remembered, or a new one, which is then. Of many who ask the same at once one asks the
    /// service.
    pub(crate) fn recall(
        &self,
        settings: &Settings,
        cache: &Cache,
        key: &str,
        ask: impl FnOnce() -> Result<Verdict, Trouble>,
        host: &impl Host,
    ) -> Result<Verdict, Trouble> {
        let wait = u32::try_from(settings.timeout.millis).unwrap_or(u32::MAX);
        let leads = match host.kv().lead(key, wait) {
            Ok(LeadAnswer::Value(value)) => {
                if let Ok(verdict) = serde_json::from_slice(&value) {
                    host.metrics().count("remembered", 1);
                    return Ok(verdict);
                }
                false
            }
            Ok(LeadAnswer::Yours) => true,
            Ok(LeadAnswer::Busy) => false,
            Err(refused) => {
                host.log().warn(refused);
                return ask();
            }
        };
        let answer = ask();
        match answer.as_ref().ok().and_then(|verdict| remembered(cache, verdict)) {
            Some((text, ttl)) => set(key, text.as_bytes(), ttl, host),
            None if leads => set(key, ASK, ASK_MS, host),
            None => {}
        }
        answer
    }
}

impl Settings {
    /// Whether a header of the question says what an answer always depends on. Path and client are for `key` to say: with
    /// them in it many a service would be asked each time.
    fn is_told_for_the_key(&self, header: &str) -> bool {
        let which = FORWARDED.iter().find(|(_, name)| *name == header).map(|(which, _)| *which);
        let of_each = [Forwarded::Method, Forwarded::Proto, Forwarded::Host];
        which.is_some_and(|which| of_each.contains(&which) && self.tells(which))
    }
}

/// Text and time of what is remembered of an answer.
fn remembered(cache: &Cache, verdict: &Verdict) -> Option<(String, u64)> {
    // A cookie is for one client, and was made for one answer; so was the way to a login, with its `state`.
    let (is_for_one, ttl) = match verdict {
        Verdict::Yes(fields) => (fields.has("set-cookie"), Some(cache.ttl)),
        Verdict::No(no) => (no.set_cookie || no.fields.has("location"), cache.denied_ttl),
    };
    let ttl = ttl.filter(|_| !is_for_one)?;
    Some((serde_json::to_string(verdict).ok()?, ttl.millis))
}

/// Without room the service is asked more often, which is no reason to refuse anybody.
fn set(key: &str, value: &[u8], ttl: u64, host: &impl Host) {
    match host.kv().set(key, value, Some(ttl)) {
        Err(Refused { why: KvError::Full, .. }) => {
            host.log().warn("no answer can be remembered: raise `max_bytes` in the kv grant");
        }
        Err(refused) => host.log().warn(refused),
        Ok(()) => {}
    }
}

/// Parts of a key. Each stands behind its length, so that ("a", "bc") is not ("ab", "c").
struct Parts(Sha256);

impl Parts {
    /// None is not the same as an empty part.
    fn add(&mut self, part: Option<&str>) {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        self.0.update(length.to_be_bytes());
        self.0.update(part.unwrap_or_default());
    }

    fn add_bytes(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn finish(self) -> String {
        let mut key = String::with_capacity(64);
        for byte in self.0.finalize() {
            // (Writing to a string cannot fail.)
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use torana_plugin_sdk::{fake::FakeHost, settings};

    use super::*;

    fn settings(config: &str) -> Settings {
        let json = format!(
            r#"{{"to":"a","path":"/","cache":{{"ttl":"1s","key":["{{request.header.a}}","{{request.header.b}}"]}}{config}}}"#
        );
        settings::parse(&json).unwrap()
    }

    fn key(config: &str, path: &str, host: &FakeHost) -> String {
        let settings = settings(config);
        let call = Outgoing { path: path.into(), ..settings.question(host).unwrap() };
        let cache = settings.cache.as_ref().unwrap();
        Memory::new(&settings).key(&settings, cache, &call, host).unwrap()
    }

    #[test]
    fn no_two_questions_share_a_key() {
        let host = |a: &str, b: &str| FakeHost::get("/").with_header("a", a).with_header("b", b);
        let alone = FakeHost::get("/").with_header("a", "");
        let keys = [
            key("", "/", &host("a", "bc")),
            key("", "/", &host("ab", "c")),
            key("", "/", &host("abc", "")),
            key("", "/", &host("", "abc")),
            key("", "/", &alone),
            key("", "/", &FakeHost::get("/")),
            key("", "/x", &host("a", "bc")),
            key(r#","request":["x-user"]"#, "/", &host("a", "bc")),
            key(r#","denied":{"statuses":[404]}"#, "/", &host("a", "bc")),
        ];
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{keys:#?}");
        assert_eq!(keys[0], key("", "/", &host("a", "bc")), "the same is the same");
        assert!(keys.iter().all(|key| key.len() == 64));
    }

    /// What differs in the requests of each list is all that the service is told to decide by.
    #[test]
    fn what_the_service_is_told_is_part_of_a_key() {
        let opa = r#","speak":"opa","forward":["x-a"]"#;
        let get = || FakeHost::get("/");
        for (config, hosts) in [
            ("", vec![get(), FakeHost::new("POST", "/"), get().with_authority("other.example")]),
            (
                r#","method":"{request.method}","x_forwarded":[]"#,
                vec![get(), FakeHost::new("POST", "/")],
            ),
            (r#","headers":{"x-r":"{route}"}"#, vec![get(), get().with_route("other")]),
            (
                opa,
                vec![
                    get(),
                    FakeHost::new("POST", "/"),
                    get().with_authority("other.example"),
                    FakeHost::get("/b"),
                    FakeHost::get("/?b"),
                    get().with_header("x-a", "1"),
                    get().with_client("192.0.2.77"),
                    get().with_attribute("consumer.id", "alice"),
                    get().with_attribute("auth.scopes", "write"),
                ],
            ),
        ] {
            let keys: Vec<_> = hosts.iter().map(|host| key(config, "/", host)).collect();
            let distinct = keys.iter().collect::<BTreeSet<_>>().len();
            assert_eq!(distinct, keys.len(), "{config}: {keys:#?}");
            assert_eq!(keys[0], key(config, "/", &get()), "the same is the same");
        }
    }

    /// (The scheme is the same for all of a fake's requests.)
    #[test]
    fn the_scheme_is_part_of_a_key() {
        let (settings, host) = (settings(""), FakeHost::get("/"));
        let question = settings.question(&host).unwrap();
        let mut other = question.clone();
        let scheme = other.headers.iter_mut().find(|header| header.name == "x-forwarded-proto");
        scheme.unwrap().value = "gopher".into();
        let cache = settings.cache.as_ref().unwrap();
        let memory = Memory::new(&settings);
        let key = |call| memory.key(&settings, cache, call, &host).unwrap();
        assert_ne!(key(&question), key(&other));
    }

    /// With them in it many a service would be asked each time: they are for `key` to say.
    #[test]
    fn path_and_client_are_for_the_settings_to_say() {
        let here = key("", "/", &FakeHost::get("/a").with_client("192.0.2.1"));
        assert_eq!(here, key("", "/", &FakeHost::get("/b").with_client("192.0.2.2")));
    }
}
