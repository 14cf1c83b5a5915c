//! A configuration for people to look at, without its secrets.
//!
//! It is made of the text and not of what the text stands for: `{ env = "X" }` stays a name. What
//! is written into the file in plain, though it should not be, is recognised by its key or its form.

use serde_json::{Map, Value, json};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Diagnostics, Reads, Source, credential::may_be_credential, syntax, table::in_order};

/// What stands for a text that is not shown.
const HIDDEN: &str = "***";

/// Outside values that are shorter are no secrets, and could be found in any text.
const SHORTEST: usize = 4;

/// Keys whose texts are not shown, without `-` and `_`, wherever they stand in a key.
const SECRET_KEYS: [&str; 14] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "accesskey",
    "encryptionkey",
    "hmackey",
    "privatekey",
    "signingkey",
    "authorization",
    "cookie",
    "credential",
];

/// Members of a key of RFC 7517 that are its private half, or all of a shared one.
const PRIVATE_JWK: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

impl Source {
    /// The file as JSON, in its own order. Comments are left out.
    pub fn show(&self, reads: &Reads) -> Value {
        let parsed = syntax::parse(self);
        Curtain::of(reads).table(parsed.tree.get_ref(), false)
    }
}

impl Diagnostics {
    /// The same as [`to_json`](Self::to_json), without what may be a secret.
    pub fn show(&self, source: &Source, reads: &Reads) -> Value {
        let mut problems = self.to_json(source);
        let curtain = Curtain::of(reads);
        for problem in problems.as_array_mut().into_iter().flatten() {
            for key in ["message", "label", "help"] {
                if let Some(text) = problem[key].as_str() {
                    problem[key] = curtain.text(text).into();
                }
            }
        }
        problems
    }
}

impl Reads {
    /// A page that was made of a configuration's values, without what may be a secret.
    pub fn censored(&self, page: Value) -> Value {
        Curtain::of(self).page(page, false)
    }
}

/// Hides what must not be seen.
struct Curtain<'a> {
    /// Values from outside, the longest first: one may be a part of another.
    outside: Vec<&'a str>,
}

impl<'a> Curtain<'a> {
    fn of(reads: &'a Reads) -> Self {
        let texts = reads.values.iter().filter_map(|value| std::str::from_utf8(value).ok());
        let mut outside: Vec<_> = texts.filter(|value| value.len() >= SHORTEST).collect();
        outside.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
        Self { outside }
    }

    fn table(&self, table: &DeTable<'_>, all_hidden: bool) -> Value {
        if is_reference(table) {
            return table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), plain(value)))
                .collect();
        }
        let is_jwk = table.contains_key("kty");
        let mut shown = Map::new();
        for (name, value) in in_order(table) {
            let hidden =
                all_hidden || is_secret(name.text) || (is_jwk && PRIVATE_JWK.contains(&name.text));
            shown.insert(self.text(name.text), self.value(value, hidden));
        }
        Value::Object(shown)
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, hidden: bool) -> Value {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, hidden),
            DeValue::Array(array) => array.iter().map(|item| self.value(item, hidden)).collect(),
            DeValue::Boolean(bool) => json!(bool),
            _ if hidden => HIDDEN.into(),
            DeValue::String(text) => self.text(text).into(),
            _ => plain(value),
        }
    }

    fn page(&self, page: Value, hidden: bool) -> Value {
        match page {
            Value::String(_) if hidden => HIDDEN.into(),
            Value::String(text) => self.text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.page(item, hidden)).collect(),
            Value::Object(members) => {
                let one = |(key, value): (String, Value)| {
                    let hidden = hidden || is_secret(&key);
                    (key, self.page(value, hidden))
                };
                members.into_iter().map(one).collect()
            }
            other => other,
        }
    }

    /// A text without values from outside, private keys, credentials and the users of URLs.
    fn text(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for value in &self.outside {
            shown = shown.replace(value, HIDDEN);
        }
        if may_be_credential(&shown) {
            return HIDDEN.to_owned();
        }
        without_userinfo(&shown)
    }
}

/// `{ env = ... }`, `{ file = ... }`, `{ secret = ... }`: where a value is, not what it is.
fn is_reference(table: &DeTable<'_>) -> bool {
    table.len() == 1 && ["env", "file", "secret"].iter().any(|key| table.contains_key(*key))
}

fn is_secret(key: &str) -> bool {
    let key = key.replace(['-', '_'], "").to_ascii_lowercase();
    SECRET_KEYS.iter().any(|word| key.contains(word)) || ["pass", "pwd"].contains(&&*key)
}

fn plain(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(integer) => {
            let (text, radix) = (integer.as_str(), integer.radix());
            i64::from_str_radix(text, radix).map_or_else(|_| text.into(), Value::from)
        }
        DeValue::Float(float) => {
            float.as_str().parse::<f64>().map_or_else(|_| float.as_str().into(), Value::from)
        }
        DeValue::Boolean(bool) => json!(bool),
        DeValue::Datetime(datetime) => datetime.to_string().into(),
        DeValue::Array(_) | DeValue::Table(_) => Value::Null,
    }
}

/// `redis://user:password@host` becomes `redis://***@host` (RFC 3986, 3.2.1). A password may have
/// an `@` of its own, and quotes: all up to the last one before the path belongs to it.
fn without_userinfo(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let end = after.find(|c: char| "/?#".contains(c) || c.is_whitespace());
        let authority = &after[..end.unwrap_or(after.len())];
        shown.push_str(before);
        rest = after;
        if let Some(user) = authority.rfind('@') {
            shown.push_str(HIDDEN);
            rest = &after[user..];
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_urls_are_not_shown() {
        for (text, shown) in [
            ("redis://:pa@ss@host:1/0", "redis://***@host:1/0"),
            (
                "`https://me:pw@a.example/x@y` and http://b",
                "`https://***@a.example/x@y` and http://b",
            ),
            ("http://a.example/?x=http://u:p@b", "http://a.example/?x=http://***@b"),
            ("me@example.org", "me@example.org"),
            ("http://", "http://"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
    }

    #[test]
    fn secrets_of_every_form_are_hidden_and_the_rest_is_shown() {
        let text = r#"
[secrets]
idp = { env = "IDP_SECRET" }
[admin]
address = "127.0.0.1:9090"   # the old password was canary-comment
token = { secret = "idp" }
[plugins.p]
component = "p"
grants = { secrets = { use = ["idp"] }, headers = { read = ["cookie"] } }
[plugins.p.config]
store = "redis://:canary-url@10.0.0.1:6379/0"
client_secret = "canary-key"
Api-Key = "canary-api-key"
passwords = ["canary-list", { env = "PW" }]
outside = "prefix-canary-outside"
pem = """
-----BEGIN PRIVATE KEY-----
canary-pem
-----END PRIVATE KEY-----"""
keys = [{ kty = "oct", k = "canary-jwk", kid = "one" }]
numbers = [1, 2.5, 0x10, true, 2026-11-25]
[plugins.p.config.set]
authorization = "canary-header"
x-upstream-auth = "Basic canary-basic"
x-kind = "shown"
x-partner = "sk-live-canary-0123456789"
password.inner = "canary-inner"
"#;
        let values = vec![b"can"[..].into(), b"canary"[..].into(), b"canary-outside"[..].into()];
        let reads = Reads { values, ..Reads::default() };
        let shown = Source::new("x.toml", text).show(&reads);
        assert!(!shown.to_string().contains("canary"), "{shown:#}");
        assert_eq!(shown["secrets"]["idp"]["env"], "IDP_SECRET");
        assert_eq!(shown["admin"]["token"]["secret"], "idp");
        let plugin = &shown["plugins"]["p"];
        assert_eq!(plugin["grants"]["headers"]["read"][0], "cookie");
        let config = &plugin["config"];
        assert_eq!(config["store"], "redis://***@10.0.0.1:6379/0");
        assert_eq!(config["client_secret"], "***");
        assert_eq!(config["passwords"], json!(["***", { "env": "PW" }]));
        assert_eq!(config["outside"], "prefix-***");
        assert_eq!(config["keys"][0], json!({ "kty": "oct", "k": "***", "kid": "one" }));
        assert_eq!(config["numbers"], json!([1, 2.5, 16, true, "2026-11-25"]));
        assert_eq!(config["set"]["x-kind"], "shown");
        assert_eq!(config["set"]["password"]["inner"], "***");
        let order: Vec<&String> = shown.as_object().unwrap().keys().collect();
        assert_eq!(order, ["secrets", "admin", "plugins"]);
    }
}
