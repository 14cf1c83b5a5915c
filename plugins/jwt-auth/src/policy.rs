//! From the settings to what is done: everything is checked once, at the start.

use std::collections::BTreeMap;

use serde_json::Value;
use torana_plugin_sdk::{prelude::*, settings::Duration};

use crate::{
    algorithm::{ASYMMETRIC, Algorithm, AlgorithmName, Method, method},
    identity::Disclosure,
    jwks::{Refresh, Remote, Source},
    keyset::KeySet,
    location::Location,
    places::{HeaderPlace, Places},
    settings::{RefreshSettings, Settings, TokenPlaces},
    static_keys,
    validity::Validity,
    wanted::Requirements,
};

/// The settings, checked.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) places: Places,
    pub(crate) optional: bool,
    pub(crate) forward: bool,
    pub(crate) max_token_bytes: usize,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) validity: Validity,
    pub(crate) requirements: Requirements,
    pub(crate) disclosure: Disclosure,
    pub(crate) realm: String,
    pub(crate) cache: usize,
    /// Keys that are known beforehand.
    pub(crate) keys: KeySet,
    /// Keys that are fetched.
    pub(crate) remote: Option<Remote>,
}

impl Policy {
    pub(crate) fn new(settings: Settings) -> Result<Self, SettingErrors> {
        let mut wrong = SettingErrors::new();
        check_bounds(&settings, &mut wrong);
        check_texts(&settings, &mut wrong);
        let places = places(&settings, &mut wrong);
        let algorithms = algorithms(&settings, &mut wrong);
        let keys = static_keys::read(&settings.keys, &algorithms, &mut wrong);
        let remote = remote(&settings, &mut wrong);
        let policy = Self {
            optional: settings.optional,
            forward: settings.forward.unwrap_or(true),
            max_token_bytes: settings.max_token_bytes,
            validity: validity(&settings, &mut wrong),
            requirements: requirements(&settings),
            disclosure: disclosure(&settings, &mut wrong),
            realm: settings.realm,
            cache: settings.cache,
            places,
            algorithms,
            keys,
            remote,
        };
        wrong.or(policy)
    }
}

/// A path of names: `realm_access.roles`.
fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

fn check_bounds(settings: &Settings, wrong: &mut SettingErrors) {
    let bounds = [
        ("max_token_bytes", settings.max_token_bytes, 256, 64 << 10),
        // A value of `kv` has at most 1 MiB.
        ("max_jwks_bytes", settings.max_jwks_bytes, 1 << 10, 512 << 10),
        ("max_keys", settings.max_keys, 1, 500),
        ("cache", settings.cache, 0, 10_000),
    ];
    for (name, value, least, most) in bounds {
        if !(least..=most).contains(&value) {
            wrong.add([name], format_args!("{value} is out of bounds: {least} to {most}"));
        }
    }
    if settings.leeway > Duration::seconds(3600) {
        wrong.add(["leeway"], "tokens would be taken long after they expired: 1h at most");
    }
    if settings.max_age.is_some_and(|age| age < Duration::seconds(1)) {
        wrong.add(["max_age"], "no token would be new enough: 1s at least");
    }
    check_refresh(&settings.refresh, wrong);
}

fn check_refresh(refresh: &RefreshSettings, wrong: &mut SettingErrors) {
    let mut check = |name: &str, is_good: bool, text: &str| {
        if !is_good {
            wrong.add(["refresh", name], text);
        }
    };
    let seconds = Duration::seconds;
    check("cooldown", refresh.cooldown >= seconds(1), "at least 1s, or clients drive the fetches");
    check(
        "every",
        refresh.every >= refresh.cooldown,
        "not below `cooldown`: nothing is fetched then",
    );
    check("max_stale", refresh.max_stale >= refresh.every, "not below `every`");
    let timeout = Duration { millis: 100 }..=seconds(30);
    check("timeout", timeout.contains(&refresh.timeout), "100ms to 30s");
}

fn check_texts(settings: &Settings, wrong: &mut SettingErrors) {
    let names = [("issuer", &settings.issuer.0), ("audience", &settings.audience.0)];
    for (name, _) in names.into_iter().filter(|(_, texts)| texts.iter().any(String::is_empty)) {
        wrong.add([name], "an empty text is nobody's name: write one, or leave it out");
    }
    if settings.realm.bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
        wrong.add(["realm"], "a realm goes into a header: ASCII without control characters");
    }
    // RFC 6749, 3.3.
    let is_scope = |scope: &str| {
        let is_legal = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        !scope.is_empty() && scope.bytes().all(is_legal)
    };
    let scopes = &settings.scopes.0;
    for (name, list) in [("all", &scopes.all), ("any", &scopes.any)] {
        for scope in list.iter().filter(|scope| !is_scope(scope)) {
            let text = format!("`{scope}` in `{name}` is no scope: write several as a list");
            wrong.add(["scopes"], text);
        }
    }
    let paths = [
        (vec!["role_claim"], Some(&settings.role_claim)),
        (vec!["scope_claim"], settings.scope_claim.as_ref()),
        (vec!["consumer", "id"], Some(&settings.consumer.id)),
        (vec!["consumer", "tier"], settings.consumer.tier.as_ref()),
    ];
    for (at, _) in paths.into_iter().filter(|(_, path)| path.is_some_and(|path| !is_path(path))) {
        wrong.add(at, "a claim has a name: \"sub\", \"realm_access.roles\"");
    }
    for name in settings.claims.keys().filter(|name| !is_path(name)) {
        wrong.add(["claims", name], "a claim has a name: \"sub\", \"realm_access.roles\"");
    }
}

/// Eight names are deeper than any token goes, and looking for a claim stays cheap.
fn is_path(text: &str) -> bool {
    !text.is_empty() && text.split('.').count() <= 8
}

fn places(settings: &Settings, wrong: &mut SettingErrors) -> Places {
    let Some(token) = &settings.token else {
        let name = header_name("authorization");
        let header = HeaderPlace { name, scheme: Some("Bearer".into()) };
        return Places { header: Some(header), ..Places::default() };
    };
    check_places(token, settings.forward, wrong);
    let header = token.header.clone().map(|name| {
        let scheme = match &token.scheme {
            Some(scheme) => Some(scheme.clone()).filter(|scheme| !scheme.is_empty()),
            None => (&*name == "authorization").then(|| "Bearer".into()),
        };
        HeaderPlace { name, scheme }
    });
    Places { header, cookie: token.cookie.clone(), query: token.query.clone() }
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::try_from(name.to_owned()).expect("a header's name")
}

fn check_places(token: &TokenPlaces, forward: Option<bool>, wrong: &mut SettingErrors) {
    let TokenPlaces { header, scheme, cookie, query } = token;
    if header.is_none() && cookie.is_none() && query.is_none() {
        wrong.add(["token"], "nowhere to look: write `header`, `cookie` or `query`");
    }
    if header.is_none() && scheme.is_some() {
        wrong.add(["token", "scheme"], "a scheme stands in a header: write `header` too");
    }
    if header.as_ref().is_some_and(|name| name.is_reserved()) {
        wrong.add(["token", "header"], "the host keeps this header for itself");
    }
    if header.as_deref() == Some("cookie") {
        wrong.add(["token", "header"], "write `cookie` with the cookie's name");
    }
    let is_token = |text: &String| HeaderName::try_from(text.clone()).is_ok();
    if scheme.as_ref().is_some_and(|scheme| !scheme.is_empty() && !is_token(scheme)) {
        wrong.add(["token", "scheme"], "a scheme is one word: \"Bearer\", or \"\" for none");
    }
    if cookie.as_ref().is_some_and(|name| !is_token(name)) {
        wrong.add(["token", "cookie"], "this is no cookie's name");
    }
    if query.as_ref().is_some_and(String::is_empty) {
        wrong.add(["token", "query"], "a parameter has a name");
    }
    if query.is_some() && forward == Some(true) {
        wrong.add(["forward"], "a token in a query never goes on: URLs are logged everywhere");
    }
}

fn algorithms(settings: &Settings, wrong: &mut SettingErrors) -> Vec<Algorithm> {
    let Some(named) = &settings.algorithms else { return ASYMMETRIC.to_vec() };
    if named.is_empty() {
        wrong.add(["algorithms"], "no token would be taken: name one, or leave it out");
    }
    let has_secret = settings.keys.iter().any(|key| key.hmac.is_some());
    for (index, AlgorithmName(algorithm)) in named.iter().enumerate() {
        if matches!(method(*algorithm), Some(Method::Hmac(_))) && !has_secret {
            let text = format!(
                "{algorithm:?} needs a shared secret: add {{ hmac = {{ secret = \"NAME\" }} }} to `keys`"
            );
            wrong.add(["algorithms", &index.to_string()], text);
        }
    }
    named.iter().map(|AlgorithmName(algorithm)| *algorithm).collect()
}

fn remote(settings: &Settings, wrong: &mut SettingErrors) -> Option<Remote> {
    let source = source(settings, wrong)?;
    let RefreshSettings { every, cooldown, timeout, max_stale } = settings.refresh;
    let refresh = Refresh {
        every: every.millis,
        cooldown: cooldown.millis,
        timeout: u32::try_from(timeout.millis).unwrap_or(u32::MAX),
        max_stale: max_stale.millis,
    };
    Some(Remote::new(source, refresh, settings.max_jwks_bytes, settings.max_keys))
}

fn source(settings: &Settings, wrong: &mut SettingErrors) -> Option<Source> {
    if let Some(at) = &settings.jwks {
        return Some(Source::Jwks(at.clone()));
    }
    if !settings.keys.is_empty() {
        return None;
    }
    match &settings.issuer.0[..] {
        [] => {
            wrong.add([""; 0], "there are no keys: write `issuer` (to ask it), `jwks`, or `keys`");
            None
        }
        [issuer] => match Location::of_discovery(issuer) {
            Ok(at) => Some(Source::Discovery { issuer: issuer.clone(), at }),
            Err(why) => {
                let text =
                    format!("it cannot be asked for its keys ({why}); or write `jwks` or `keys`");
                wrong.add(["issuer"], text);
                None
            }
        },
        _ => {
            wrong.add(
                ["issuer"],
                "of several issuers none can be asked: write `jwks` or `keys` too",
            );
            None
        }
    }
}

fn validity(settings: &Settings, wrong: &mut SettingErrors) -> Validity {
    let audiences = &settings.audience.0;
    if audiences.is_empty() {
        let text = "`audience` is missing: say whom the tokens are for, or \"*\" to take those that \
                    were made for others";
        wrong.add([""; 0], text);
    }
    let is_any = |audience: &String| audience == "*";
    if audiences.len() > 1 && audiences.iter().any(is_any) {
        wrong.add(["audience"], "\"*\" is any audience: write it alone");
    }
    if settings.typ.as_ref().is_some_and(String::is_empty) {
        wrong.add(["typ"], "a type is a text like \"at+jwt\"; leave it out for the usual ones");
    }
    let typ = settings.typ.as_ref().map(|typ| {
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
    });
    Validity {
        issuers: settings.issuer.0.clone(),
        audiences: audiences.iter().filter(|audience| !is_any(audience)).cloned().collect(),
        typ,
        require_exp: settings.require_exp,
        leeway: settings.leeway.millis,
        max_age: settings.max_age.map(|age| age.millis),
    }
}

fn requirements(settings: &Settings) -> Requirements {
    let claim = |(name, wanted): (&String, &crate::lists::Listed<Value>)| {
        (name.clone(), (path(name), wanted.0.clone()))
    };
    Requirements {
        scopes: settings.scopes.0.clone(),
        scope_claim: settings.scope_claim.as_deref().map(path),
        roles: settings.roles.0.clone(),
        role_claim: path(&settings.role_claim),
        claims: settings.claims.iter().map(claim).collect::<BTreeMap<_, _>>(),
    }
}

fn disclosure(settings: &Settings, wrong: &mut SettingErrors) -> Disclosure {
    let token_header = settings.token.as_ref().and_then(|token| token.header.as_deref());
    for name in settings.headers.keys() {
        if **name == *token_header.unwrap_or("authorization") {
            wrong.add(["headers", name], "the token comes in this header: choose another one");
        }
    }
    let headers = settings.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    Disclosure {
        consumer: path(&settings.consumer.id),
        tier: settings.consumer.tier.as_deref().map(path),
        headers: headers.collect(),
    }
}
