//! What the TOML can say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use template::Template;
use torana_plugin_sdk::{prelude::*, settings::Duration};

use crate::{
    algorithm::AlgorithmName,
    lists::{Listed, OneOrMany},
    location::Location,
};

/// Whose tokens are taken, and what becomes of them.
#[settings]
pub(crate) struct Settings {
    /// Who issues the tokens: `iss` must be one of these, by the letter. If there are no `jwks` and
    /// no `keys`, this issuer is asked where its keys are (OpenID Connect Discovery).
    #[serde(default)]
    #[schemars(extend("x-torana-fetches" = json!({ "unless": ["jwks", "keys"] })))]
    pub(crate) issuer: OneOrMany,
    /// Whom the tokens are for: one of these must be in `aud`. `"*"` takes tokens that are for
    /// anybody.
    #[serde(default)]
    pub(crate) audience: OneOrMany,
    /// Where the keys are: a URL, or an upstream and a path.
    pub(crate) jwks: Option<Location>,
    /// Keys that are known beforehand.
    #[serde(default)]
    pub(crate) keys: Vec<StaticKey>,
    /// The algorithms that are taken. Without it: all that sign with a private key.
    pub(crate) algorithms: Option<Vec<AlgorithmName>>,
    /// Where the token is. Without it: `Authorization: Bearer`.
    pub(crate) token: Option<TokenPlaces>,
    /// Lets requests without a token through, as nobody. A bad token is refused all the same.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether the token goes on to the upstream. Without it: yes, but never in a query.
    pub(crate) forward: Option<bool>,
    /// How far clocks may be apart.
    #[serde(default = "defaults::leeway")]
    pub(crate) leeway: Duration,
    /// How old tokens get, by their `iat`.
    pub(crate) max_age: Option<Duration>,
    /// Whether tokens must expire.
    #[serde(default = "defaults::yes")]
    pub(crate) require_exp: bool,
    /// The `typ` that tokens must have, as `at+jwt`. Without it: `JWT`, `at+jwt`, or none.
    pub(crate) typ: Option<String>,
    /// Scopes that a token must have.
    #[serde(default)]
    pub(crate) scopes: Listed<String>,
    /// The claim with the scopes. Without it: `scope`, or else `scp`.
    pub(crate) scope_claim: Option<String>,
    /// Roles that a token must have.
    #[serde(default)]
    pub(crate) roles: Listed<String>,
    /// The claim with the roles, as `realm_access.roles`.
    #[serde(default = "defaults::role_claim")]
    pub(crate) role_claim: String,
    /// Claims that a token must have: a value, or `any` and `all` of several.
    #[serde(default)]
    pub(crate) claims: BTreeMap<String, Listed<Value>>,
    /// Headers for the upstream, made of claims. A client's own are always removed.
    #[serde(default)]
    pub(crate) headers: HeaderTable<EditableName, Template>,
    /// Claims that say who the consumer is.
    #[serde(default)]
    pub(crate) consumer: Consumer,
    /// The realm in `WWW-Authenticate`.
    #[serde(default = "defaults::realm")]
    pub(crate) realm: String,
    /// How the keys of an identity provider are kept new.
    #[serde(default)]
    pub(crate) refresh: RefreshSettings,
    /// The longest token that is looked at, in bytes.
    #[serde(default = "defaults::max_token_bytes")]
    pub(crate) max_token_bytes: usize,
    /// The largest JWK Set that is taken, in bytes.
    #[serde(default = "defaults::max_jwks_bytes")]
    pub(crate) max_jwks_bytes: usize,
    /// The most keys that a JWK Set may have.
    #[serde(default = "defaults::max_keys")]
    pub(crate) max_keys: usize,
    /// How many verified tokens an instance remembers.
    #[serde(default = "defaults::cache")]
    pub(crate) cache: usize,
}

/// A key: one of `jwk`, `pem` and `hmac`.
#[settings]
pub(crate) struct StaticKey {
    /// A public JSON Web Key, as a table or as JSON text.
    pub(crate) jwk: Option<Value>,
    /// A public key in PEM.
    pub(crate) pem: Option<String>,
    /// A shared secret, by its name. The plugin never sees it.
    pub(crate) hmac: Option<SecretName>,
    /// Its name. Without it, the key is tried for every token that it could be for.
    pub(crate) kid: Option<String>,
    /// The one algorithm that it is for.
    pub(crate) algorithm: Option<AlgorithmName>,
}

/// Where a token is looked for: in one of these places, or in any of several.
#[settings]
#[derive(Debug, Default)]
#[serde(default)]
pub(crate) struct TokenPlaces {
    /// A header.
    pub(crate) header: Option<HeaderName>,
    /// What stands before the token in the header. Without it: `Bearer` in `authorization`, nothing
    /// in others.
    pub(crate) scheme: Option<String>,
    /// A cookie.
    pub(crate) cookie: Option<String>,
    /// A query parameter. It never goes on to the upstream.
    pub(crate) query: Option<String>,
}

/// Claims that say who the consumer is.
#[settings]
#[derive(Debug)]
#[serde(default)]
pub(crate) struct Consumer {
    /// The claim for the attribute `consumer.id`.
    pub(crate) id: String,
    /// The claim for the attribute `consumer.tier`.
    pub(crate) tier: Option<String>,
}

impl Default for Consumer {
    fn default() -> Self {
        Self { id: "sub".into(), tier: None }
    }
}

/// How the keys of an identity provider are kept new.
#[settings]
#[derive(Debug)]
#[serde(default)]
pub(crate) struct RefreshSettings {
    /// How old they get before they are fetched again.
    pub(crate) every: Duration,
    /// The least time between two fetches, whatever clients do.
    pub(crate) cooldown: Duration,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// How old they get while they cannot be fetched.
    pub(crate) max_stale: Duration,
}

impl Default for RefreshSettings {
    fn default() -> Self {
        Self {
            every: Duration::seconds(600),
            cooldown: Duration::seconds(30),
            timeout: Duration::seconds(3),
            max_stale: Duration::seconds(24 * 3600),
        }
    }
}

mod defaults {
    use super::Duration;

    pub(super) fn leeway() -> Duration {
        Duration::seconds(10)
    }
    pub(super) fn yes() -> bool {
        true
    }
    pub(super) fn role_claim() -> String {
        "roles".into()
    }
    pub(super) fn realm() -> String {
        "api".into()
    }
    pub(super) fn max_token_bytes() -> usize {
        8 << 10
    }
    pub(super) fn max_jwks_bytes() -> usize {
        64 << 10
    }
    pub(super) fn max_keys() -> usize {
        100
    }
    pub(super) fn cache() -> usize {
        500
    }
}
