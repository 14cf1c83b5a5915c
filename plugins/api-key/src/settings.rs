//! What the TOML can say.

use std::collections::{BTreeMap, BTreeSet};

use template::Template;
use torana_plugin_sdk::prelude::*;

use crate::{expiry::Moment, hash::KeyHash, source::Source};

/// Who is known by which keys, and what follows from that.
#[settings]
#[serde(default)]
pub(crate) struct Settings {
    /// Who has keys.
    pub(crate) consumers: Vec<Consumer>,
    /// Where in the request the key is. All places are looked at, in this order; different keys
    /// are refused.
    pub(crate) from: Vec<Source>,
    /// Whether the upstream sees the key.
    pub(crate) forward: bool,
    /// Whether requests without a key pass, as nobody's. A key that is not good is refused all the
    /// same.
    pub(crate) optional: bool,
    /// The realm in `WWW-Authenticate`.
    pub(crate) realm: String,
    /// Headers for the upstream. Those of the client are always removed.
    pub(crate) headers: HeaderTable<EditableName, Template>,
    /// Which upstream a tier gets: one that the route names.
    pub(crate) upstreams: BTreeMap<String, String>,
}

/// Somebody who has keys.
#[settings]
pub(crate) struct Consumer {
    /// Who it is: the attribute `consumer.id`.
    pub(crate) id: String,
    /// What it may have: the attribute `consumer.tier`.
    pub(crate) tier: Option<String>,
    /// Attributes for later plugins, which read them as `attributes.ENTRY.NAME`.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    /// The hashes of its keys.
    #[serde(default)]
    pub(crate) keys: Vec<KeySetting>,
    /// Refuses all of its keys.
    #[serde(default)]
    pub(crate) disabled: bool,
    /// Headers for the upstream, beside the general ones or in their place.
    #[serde(default)]
    pub(crate) headers: HeaderTable<EditableName, Template>,
    /// Its upstream: one that the route names. It goes before that of its tier.
    pub(crate) upstream: Option<String>,
}

/// One key of a consumer.
#[derive(Clone, Debug)]
pub(crate) struct KeySetting {
    pub(crate) hash: KeyHash,
    pub(crate) expires: Option<Moment>,
    pub(crate) name: Option<String>,
    pub(crate) disabled: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consumers: Vec::new(),
            from: vec![Source::default()],
            forward: false,
            optional: false,
            realm: "api".into(),
            headers: HeaderTable::default(),
            upstreams: BTreeMap::new(),
        }
    }
}

/// A key without an ID is held against the hash of each of these, for every request whose key is
/// not found by its ID. 100 of them take 0.05 ms for keys of usual length, 0.4 ms for the longest.
pub(crate) const MAX_WITHOUT_ID: usize = 100;

impl Settings {
    /// What the types alone do not refuse.
    pub(crate) fn check(&self) -> Result<(), SettingErrors> {
        let mut errors = SettingErrors::new();
        self.check_from(&mut errors);
        self.check_realm(&mut errors);
        self.check_consumers(&mut errors);
        self.check_keys(&mut errors);
        for (tier, upstream) in &self.upstreams {
            if upstream.is_empty() {
                errors.add(["upstreams", tier], "write the name of an upstream of the route");
            }
        }
        errors.or(())
    }

    fn check_from(&self, errors: &mut SettingErrors) {
        if self.from.is_empty() {
            errors.add(["from"], "no key would be found: write [{ header = \"x-api-key\" }]");
        }
        for (index, source) in self.from.iter().enumerate() {
            if self.from[..index].iter().any(|other| other.overlaps(source)) {
                let text = "this place is looked at already: leave one of the two";
                errors.add(["from", &index.to_string()], text);
            }
        }
    }

    /// It stands in a quoted string (RFC 9110, 5.6.4).
    fn check_realm(&self, errors: &mut SettingErrors) {
        let fits = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if !self.realm.bytes().all(fits) {
            errors.add(["realm"], "write plain ASCII, without quotes and backslashes");
        }
    }

    fn check_consumers(&self, errors: &mut SettingErrors) {
        if self.consumers.is_empty() {
            let text = "nobody has a key: write [[plugins.NAME.config.consumers]] with `id` and \
                        `keys`";
            errors.add(["consumers"], text);
        }
        let mut ids = BTreeMap::new();
        for (index, consumer) in self.consumers.iter().enumerate() {
            let here = At(index);
            consumer.check(here, errors);
            if let Some(first) = ids.insert(&consumer.id, index) {
                let text = format!("consumer {first} has this id already: give both one entry");
                errors.add(here.key("id"), text);
            }
        }
    }

    fn check_keys(&self, errors: &mut SettingErrors) {
        let (mut ids, mut hashes) = (BTreeSet::new(), Vec::<&KeyHash>::new());
        for (index, consumer) in self.consumers.iter().enumerate() {
            for (key, setting) in consumer.keys.iter().enumerate() {
                let is_new = match &setting.hash.id {
                    Some(id) => ids.insert(*id),
                    None => !hashes.contains(&&setting.hash),
                };
                if !is_new {
                    let text = "this key is listed already: a key belongs to one consumer, once";
                    errors.add(At(index).item("keys", key), text);
                } else if setting.hash.id.is_none() {
                    hashes.push(&setting.hash);
                    if hashes.len() == MAX_WITHOUT_ID + 1 {
                        let text = format!(
                            "more than {MAX_WITHOUT_ID} keys have no ID and must be tried one \
                             after the other: give out keys of `torana secret new`"
                        );
                        errors.add(At(index).item("keys", key), text);
                    }
                }
            }
        }
    }
}

/// Where a consumer stands.
#[derive(Clone, Copy)]
struct At(usize);

impl At {
    fn key(self, key: &str) -> [String; 3] {
        ["consumers".into(), self.0.to_string(), key.into()]
    }

    fn item(self, key: &str, item: impl ToString) -> [String; 4] {
        ["consumers".into(), self.0.to_string(), key.into(), item.to_string()]
    }
}

impl Consumer {
    fn check(&self, here: At, errors: &mut SettingErrors) {
        check_name(&self.id, here.key("id"), errors);
        if let Some(tier) = &self.tier {
            check_name(tier, here.key("tier"), errors);
        }
        for name in self.attributes.keys() {
            if let Err(text) = is_own_attribute(name) {
                errors.add(here.item("attributes", name), text);
            }
        }
        if self.keys.is_empty() && !self.disabled {
            let text = "this consumer has no keys: list hashes, or write `disabled = true`";
            errors.add(here.key("keys"), text);
        }
        if self.upstream.as_deref() == Some("") {
            errors.add(here.key("upstream"), "write the name of an upstream of the route");
        }
        for (index, key) in self.keys.iter().enumerate() {
            if let Some(name) = &key.name {
                let [a, b, c, d] = here.item("keys", index);
                check_name(name, [a, b, c, d, "name".into()], errors);
            }
        }
    }
}

/// Names go into logs and headers.
fn check_name<const N: usize>(name: &str, path: [String; N], errors: &mut SettingErrors) {
    if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        errors.add(path, "write 1 to 256 bytes of text without control characters");
    }
}

fn is_own_attribute(name: &str) -> Result<(), &'static str> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match name {
        "key" => Err("`key` is the name of the key that was used: take another name"),
        _ if name.contains('.') => {
            Err("a name with a dot belongs to another plugin: leave the dot")
        }
        _ if name.is_empty() || name.len() > 64 || !name.bytes().all(is_legal) => {
            Err("an attribute's name is 1 to 64 letters, digits, `_` and `-`")
        }
        _ => Ok(()),
    }
}
