//! What the types alone do not refuse.

use std::fmt::Display;

use template::{Piece, Template};
use torana_plugin_sdk::{http::are_twins, prelude::*, settings::Duration};

use crate::{
    ask::{CREDENTIALS, FORWARDED},
    refusal,
    settings::{Cache, Settings, Speak},
    target,
    uses::read_headers,
};

/// Looks at settings as a whole.
pub(crate) fn check(settings: &Settings) -> Result<(), SettingErrors> {
    let mut errors = SettingErrors::new();
    match settings.speak {
        Speak::Http => check_http(settings, &mut errors),
        Speak::Opa => check_opa(settings, &mut errors),
    }
    if let Some(path) = &settings.path {
        check_path(path, &mut errors);
    }
    check_headers(settings, &mut errors);
    check_spellings(settings, &mut errors);
    check_lists(settings, &mut errors);
    check_attributes(settings, &mut errors);
    check_statuses(&settings.denied.statuses, &mut errors);
    check_duration(settings.timeout, 60, &["timeout"], &mut errors);
    if let Some(cache) = &settings.cache {
        check_cache(cache, settings, &mut errors);
    }
    if settings.max_body.bytes() > MAX_BODY {
        errors.add(["max_body"], "write 1MiB at most: answers are judged in memory");
    }
    errors.or(())
}

const MAX_BODY: usize = 1 << 20;
/// What a list of names or key parts has at most: each is looked at for each request.
const MAX_LIST: usize = 64;

fn check_http(settings: &Settings, errors: &mut SettingErrors) {
    match (&settings.path, &settings.prefix) {
        (None, None) => errors.add(
            [""; 0],
            "write `path`, what the service is asked for, or `prefix`, what stands before the request's own path",
        ),
        (Some(_), Some(_)) => errors.add(["prefix"], "there is `path` already: remove one of the two"),
        (_, Some(prefix)) => check_prefix(prefix, errors),
        _ => {}
    }
    let told: Vec<_> = settings.x_forwarded.iter().flatten().collect();
    for (index, which) in told.iter().enumerate() {
        check_once(&["x_forwarded"], index, which, told[..index].iter(), errors);
    }
}

/// A policy is asked with its input, and with nothing else.
fn check_opa(settings: &Settings, errors: &mut SettingErrors) {
    if settings.path.is_none() {
        errors.add(
            [""; 0],
            "`path` is missing: write that of the decision, like \"/v1/data/gateway/allow\"",
        );
    }
    let only_http = [
        ("prefix", settings.prefix.is_some()),
        ("method", settings.method.is_some()),
        ("x_forwarded", settings.x_forwarded.is_some()),
    ];
    for (name, _) in only_http.into_iter().filter(|(_, is_set)| *is_set) {
        errors.add([name], "this is for `speak = \"http\"`: a policy finds it in its `input`");
    }
}

fn check_path(path: &Template, errors: &mut SettingErrors) {
    let begins = matches!(path.pieces().first(), Some(Piece::Text(text)) if text.starts_with('/'));
    // An `x` in the place of values: no dot and no hex digit.
    let texts = path.pieces().iter().map(|piece| match piece {
        Piece::Text(text) => text.as_str(),
        Piece::Value { .. } => "x",
    });
    if begins {
        check_target(&texts.collect::<String>(), "path", errors);
    } else {
        errors.add(["path"], "a path begins with a slash: write \"/auth\"");
    }
}

/// Looks at what is sent to the service as it stands there.
fn check_target(target: &str, at: &str, errors: &mut SettingErrors) {
    let path = target.split('?').next().unwrap_or_default();
    if let Some(wrong) = target.chars().find(|c| !may_stand_in_target(*c)) {
        errors.add([at], format!("{wrong:?} cannot stand there: write it percent-encoded"));
    } else if let Some(wrong) = target::half_escape(target) {
        errors.add([at], format!("`{wrong}` is no escape: write `%25` for a percent sign"));
    } else if target::climbs(path) {
        let text = "a segment of dots leads to another path: write the one that is meant";
        errors.add([at], text);
    }
}

fn check_prefix(prefix: &str, errors: &mut SettingErrors) {
    if !prefix.is_empty() && !prefix.starts_with('/') {
        errors.add(["prefix"], "a path begins with a slash: write \"/auth\", or \"\" for nothing");
    } else if prefix.ends_with('/') {
        errors.add(["prefix"], "the request's path follows, with its own slash: write \"/auth\"");
    } else if prefix.contains('?') {
        errors.add(["prefix"], "'?' cannot stand there: write it percent-encoded");
    } else {
        check_target(prefix, "prefix", errors);
    }
}

/// RFC 3986, 3.3 and 3.4.
fn may_stand_in_target(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%[]".contains(c)
}

/// Each header of the question is said by one setting alone.
fn check_headers(settings: &Settings, errors: &mut SettingErrors) {
    let told: Vec<_> = FORWARDED
        .iter()
        .filter(|(which, _)| settings.tells(*which))
        .map(|(_, name)| *name)
        .collect();
    for (index, name) in settings.forward.iter().enumerate() {
        if told.contains(&&**name) {
            let text = format!("`{name}` is set by `x_forwarded`, a client's own is for nobody");
            errors.add(["forward", &index.to_string()], text);
        }
        let before = settings.forward[..index].iter();
        check_once(&["forward"], index, name, before, errors);
    }
    for name in settings.headers.keys() {
        if told.contains(&&**name) {
            errors.add(["headers", name], format!("`{name}` is set by `x_forwarded`"));
        } else if settings.speak == Speak::Opa && OF_INPUT.contains(&&**name) {
            errors
                .add(["headers", name], format!("`{name}` is set by `speak = \"opa\"`: remove it"));
        } else if settings.forward.contains(name) {
            errors.add(
                ["headers", name],
                format!("`{name}` is in `forward` too: remove one of the two"),
            );
        }
    }
}

/// What describes an `input` and the answer to it.
const OF_INPUT: [&str; 2] = ["accept", "content-type"];

/// Where the host removes one spelling with underscores, all others go: two of them cannot both be kept.
fn check_spellings(settings: &Settings, errors: &mut SettingErrors) {
    let judged: Vec<_> = settings.judged().filter(|name| name.contains('_')).collect();
    for (index, name) in judged.iter().enumerate() {
        if let Some(twin) = judged[..index].iter().find(|known| are_twins(known, name)) {
            let text =
                format!("`{name}` and `{twin}` are one header to services: read one of them");
            errors.add([""; 0], text);
        }
    }
}

fn check_lists(settings: &Settings, errors: &mut SettingErrors) {
    let lists: [(&[&str], _); 3] = [
        (&["request"], &settings.request),
        (&["response"], &settings.response),
        (&["denied", "headers"], &settings.denied.headers),
    ];
    for (at, patterns) in lists {
        check_length(at, patterns.len(), errors);
        for (index, pattern) in patterns.iter().enumerate() {
            check_once(at, index, pattern, patterns[..index].iter(), errors);
        }
    }
    check_length(&["forward"], settings.forward.len(), errors);
    check_length(&["headers"], settings.headers.len(), errors);
    check_length(&["attributes"], settings.attributes.len(), errors);
}

fn check_length(at: &[&str], length: usize, errors: &mut SettingErrors) {
    if length > MAX_LIST {
        errors.add(at, format!("{length} are more than {MAX_LIST}: make fewer"));
    }
}

fn check_once<T: Display + PartialEq>(
    at: &[&str],
    index: usize,
    one: T,
    mut before: impl Iterator<Item = T>,
    errors: &mut SettingErrors,
) {
    if before.any(|known| known == one) {
        let index = index.to_string();
        let path = at.iter().copied().chain([index.as_str()]);
        errors.add(path, format!("`{one}` stands there twice: remove it"));
    }
}

/// As `attributes.set` takes them: a plugin's own have no dot, and of those with one four may be granted.
fn check_attributes(settings: &Settings, errors: &mut SettingErrors) {
    const RESERVED: [&str; 4] = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];
    for name in settings.attributes.keys() {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let is_own = (1..=64).contains(&name.len()) && name.bytes().all(is_legal);
        if !is_own && !RESERVED.contains(&name.as_str()) {
            let text = format!(
                "`{name}` is none that can be set: write one of {}, or 1 to 64 letters, digits, `_` and `-`",
                RESERVED.join(", ")
            );
            errors.add(["attributes", name], text);
        }
    }
}

fn check_statuses(statuses: &[u16], errors: &mut SettingErrors) {
    for (index, status) in statuses.iter().enumerate() {
        if !refusal::may_have(*status) {
            let text =
                format!("{status} is no refusal: write statuses from 300 to 499, but not 304");
            errors.add(["denied", "statuses", &index.to_string()], text);
        }
        check_once(&["denied", "statuses"], index, status, statuses[..index].iter(), errors);
    }
}

fn check_cache(cache: &Cache, settings: &Settings, errors: &mut SettingErrors) {
    if cache.key.is_empty() {
        let text = "without a key one answer would be everybody's: write what it depends on, \
                    [\"{request.header.cookie}\"]";
        errors.add(["cache", "key"], text);
    }
    check_length(&["cache", "key"], cache.key.len(), errors);
    for (index, template) in cache.key.iter().enumerate() {
        if template.fixed().is_some() {
            let text = "this is the same for everybody: write a value in braces";
            errors.add(["cache", "key", &index.to_string()], text);
        }
    }
    check_credentials(cache, settings, errors);
    check_duration(cache.ttl, 3600, &["cache", "ttl"], errors);
    if let Some(ttl) = cache.denied_ttl {
        check_duration(ttl, 3600, &["cache", "denied_ttl"], errors);
    }
}

/// Who is asked for by what he shows gets no answer that somebody else was given. (All of a policy's question is part of
/// the key.)
fn check_credentials(cache: &Cache, settings: &Settings, errors: &mut SettingErrors) {
    let in_key = |name: &str| cache.key.iter().flat_map(read_headers).any(|known| known == name);
    let forwarded = settings.forward.iter().filter(|name| CREDENTIALS.contains(&&***name));
    for name in forwarded.filter(|name| settings.speak == Speak::Http && !in_key(name)) {
        let text = format!(
            "`forward` has `{name}`, and an answer to one caller would be others' too: add \
             \"{{request.header.{name}}}\""
        );
        errors.add(["cache", "key"], text);
    }
}

fn check_duration(duration: Duration, seconds: u64, at: &[&str], errors: &mut SettingErrors) {
    if !(1..=seconds * 1000).contains(&duration.millis) {
        let most = if seconds == 3600 { "1h" } else { "1m" };
        errors.add(at, format!("write a time from \"1ms\" to \"{most}\""));
    }
}
