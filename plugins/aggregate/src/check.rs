//! What the types alone do not refuse: all that can be known before the first request.

use std::collections::BTreeMap;

use template::Piece;
use torana_plugin_sdk::prelude::*;

use crate::{
    cache, escape, pass,
    place::Place,
    plan::Plan,
    settings::{Part, Settings},
    source::{Source, Template, dotted},
};

/// Request headers that would make an answer partial, empty or compressed: it could not be read.
const SPOILING: [&str; 7] = [
    "accept-encoding",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// Methods whose answers have no body, or that no service is called with.
const BODILESS: [&str; 3] = ["CONNECT", "HEAD", "TRACE"];

/// Checks the settings and plans the calls.
pub(crate) fn check(settings: &Settings) -> Result<Plan, SettingErrors> {
    let mut errors = SettingErrors::new();
    of_all(settings, &mut errors);
    for (name, part) in &settings.parts.0 {
        let at = At { part: name, errors: &mut errors };
        of_part(part, at);
    }
    places(settings, &mut errors);
    cache::check(settings, &mut errors);
    let needs = needs(settings, &mut errors);
    match Plan::new(&needs) {
        Ok(plan) => errors.or(plan),
        Err(circles) => {
            for circle in circles {
                errors.add(["parts", name(settings, circle[0])], told(settings, &circle));
            }
            Err(errors)
        }
    }
}

/// Errors of one part.
struct At<'e> {
    part: &'e str,
    errors: &'e mut SettingErrors,
}

impl At<'_> {
    fn say(&mut self, keys: &[&str], message: impl std::fmt::Display) {
        self.errors.add(["parts", self.part].iter().chain(keys), message);
    }
}

fn of_all(settings: &Settings, errors: &mut SettingErrors) {
    if settings.parts.0.is_empty() {
        errors.add(["parts"], "there is no part: write parts.NAME = { to = ..., path = ... }");
    }
    let calls = settings.parts.0.iter().map(|(_, part)| u64::from(part.calls())).sum::<u64>();
    if calls > u64::from(settings.max_calls) {
        let text = format!(
            "the parts make up to {calls} calls and {} are allowed: lower `max` of the parts with \
             `each`, or raise `max_calls` (and `limits.fetches` of the plugin, which is 32 if it \
             says nothing)",
            settings.max_calls
        );
        errors.add(["max_calls"], text);
    }
    let is_legal = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if settings.cache_control.is_empty() || !settings.cache_control.bytes().all(is_legal) {
        let text = "this is no value of cache-control: write \"no-store\" or \"max-age=60\"";
        errors.add(["cache_control"], text);
    }
    if let Some(header) = settings.report.header.0.as_ref().filter(|name| is_taken(name)) {
        let text = format!("`{header}` has a meaning of its own: write another name");
        errors.add(["report", "header"], text);
    }
}

/// Whether a header of the reply is made by the plugin or the host.
fn is_taken(name: &HeaderName) -> bool {
    name.is_reserved()
        || matches!(&**name, "cache-control" | "content-type" | "set-cookie" | "vary")
}

fn of_part(part: &Part, mut at: At<'_>) {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if at.part.is_empty() || at.part.len() > 64 || !at.part.bytes().all(is_legal) {
        at.say(&[], "name a part with 1 to 64 letters, digits, `-` and `_`");
    }
    if part.to.is_empty() {
        at.say(&["to"], "write the name of an upstream, or an origin like \"https://api.example\"");
    }
    let behind_scheme = part.to.split_once("://").map(|(_, rest)| rest);
    let host = behind_scheme.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    if host.is_some_and(|host| host.contains(['/', '?', '#', '@'])) {
        at.say(
            &["to"],
            "an origin ends with its host and port, and has no user: a path is for `path`",
        );
    }
    path(&part.path, &mut at);
    method(part.method.as_ref(), &mut at);
    headers(part, &mut at);
    for (index, why) in pass::faults(part) {
        at.say(&["pass", &index.to_string()], why);
    }
    fan_out(part, &mut at);
}

fn path(path: &Template, at: &mut At<'_>) {
    let begins = matches!(path.pieces().first(), Some(Piece::Text(text)) if text.starts_with('/'));
    if !begins {
        at.say(&["path"], "a path begins with `/`");
    }
    let text: String = path
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Value { .. } => "x",
        })
        .collect();
    if text.contains('?') {
        at.say(&["path"], "a path has no query: write query = { NAME = \"{...}\" }");
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        at.say(&["path"], "a path is percent-encoded and has no `#`: write %20 for a space");
    } else if escape::climbs(&text) {
        at.say(&["path"], "a path has no dot segments: write where it leads");
    }
}

fn method(method: Option<&Template>, at: &mut At<'_>) {
    let Some([Piece::Text(text)]) = method.map(Template::pieces) else {
        if method.is_some_and(|method| method.pieces().is_empty()) {
            at.say(&["method"], "write a method, like \"GET\"");
        }
        return;
    };
    if BODILESS.contains(&text.as_str()) {
        at.say(&["method"], format!("`{text}` has no answer to compose a reply of: write \"GET\""));
    } else if !escape::is_token(text) || text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        at.say(&["method"], format!("`{text}` is no method: write \"GET\", \"POST\", ..."));
    }
}

fn headers(part: &Part, at: &mut At<'_>) {
    for (name, _) in &part.headers.0 {
        if let Some(why) = unwanted(name) {
            at.say(&["headers", name], why);
        }
    }
    for (index, name) in part.forward.iter().enumerate() {
        let at_index = &["forward", &index.to_string()];
        if let Some(why) = unwanted(name) {
            at.say(at_index, why);
        } else if part.headers.0.iter().any(|(known, _)| known == name) {
            at.say(at_index, format!("`{name}` stands in `headers` too: write it once"));
        }
    }
}

fn unwanted(name: &HeaderName) -> Option<String> {
    if name.is_reserved() {
        Some(format!("`{name}` is kept by the host: no plugin can send it"))
    } else if SPOILING.contains(&&**name) {
        Some(format!("with `{name}` the answer may be one that cannot be read: leave it out"))
    } else {
        None
    }
}

fn fan_out(part: &Part, at: &mut At<'_>) {
    let Some(each) = &part.each else {
        for (key, is_there) in [("gather", part.gather.is_some()), ("max", part.max.is_some())] {
            if is_there {
                at.say(
                    &[key],
                    format!("`{key}` needs `each`: write each = \"{{parts.NAME.key}}\""),
                );
            }
        }
        return;
    };
    if part.max == Some(0) {
        at.say(&["max"], "no call would be made: write 1 or more");
    }
    if part.gather.is_some() && part.into.is_some() {
        at.say(
            &["gather"],
            "`into` joins the results with the elements, `gather` does not: write one",
        );
    }
    let is_joined = part.gather.is_none() && part.into != Some(Place::Nowhere);
    if is_joined && each.path.iter().any(|key| key == "*") {
        at.say(&["each"], "with `*` there is no one array to join with: write `gather`");
    }
}

/// No two parts may take the same place.
fn places(settings: &Settings, errors: &mut SettingErrors) {
    let mut taken: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    if let Some(field) = &settings.report.field {
        taken.insert(vec![field.clone()], "report.field");
    }
    for (name, part) in &settings.parts.0 {
        let Some((key, path)) = place(name, part) else { continue };
        if let Some(other) = taken.insert(path.clone(), name) {
            let text =
                format!("`{}` is the place of `{other}` too: write another one", path.join("."));
            errors.add(["parts", name, key], text);
        }
    }
}

/// The key of the reply that a part has for itself, and the setting that says so.
fn place(name: &str, part: &Part) -> Option<(&'static str, Vec<String>)> {
    match (&part.gather, &part.each, &part.into) {
        (Some(gather), ..) => Some(("gather", gather.0.clone())),
        (None, Some(_), _) => None,
        (None, None, None) => Some(("into", vec![name.to_owned()])),
        (None, None, Some(Place::At(path))) if !path.is_empty() => Some(("into", path.clone())),
        _ => None,
    }
}

/// Which parts each part needs.
fn needs(settings: &Settings, errors: &mut SettingErrors) -> Vec<Vec<usize>> {
    let known: BTreeMap<_, _> =
        settings.parts.0.iter().enumerate().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let mut all = Vec::new();
    for (name, part) in &settings.parts.0 {
        let mut needed = Vec::new();
        for (path, source) in part.names() {
            let path = ["parts", name].into_iter().chain(path.iter().map(String::as_str));
            match source {
                Source::Part { part, path: keys } => match known.get(part.as_str()) {
                    Some(at) => needed.push(*at),
                    None => errors.add(path, unknown(part, keys, &known)),
                },
                Source::Item(_) if part.each.is_none() => {
                    let text = "`item` is an element of what `each` names: write \
                                each = \"{parts.NAME.key}\"";
                    errors.add(path, text);
                }
                Source::Item(_) | Source::Exchange(_) => {}
            }
        }
        needed.sort_unstable();
        needed.dedup();
        all.push(needed);
    }
    all
}

fn unknown(part: &str, keys: &[String], known: &BTreeMap<&str, usize>) -> String {
    let known: Vec<_> = known.keys().copied().collect();
    let whole = dotted(part, keys);
    format!("`parts.{whole}` names no part; there are {}", known.join(", "))
}

fn name(settings: &Settings, part: usize) -> &str {
    &settings.parts.0[part].0
}

/// "`a` needs `b`, `b` needs `a`".
fn told(settings: &Settings, circle: &[usize]) -> String {
    let next = circle.iter().cycle().skip(1);
    let steps: Vec<_> = circle
        .iter()
        .zip(next)
        .map(|(part, needed)| {
            format!("`{}` needs `{}`", name(settings, *part), name(settings, *needed))
        })
        .collect();
    format!("{}: none could begin; take one of these names out", steps.join(", "))
}
