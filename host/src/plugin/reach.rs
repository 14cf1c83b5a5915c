//! Whom a plugin calls by its settings. A schema marks those that name an upstream, an origin or a URL
//! with `x-torana-fetches`; so a grant that is missing is told at the setting's line, and not by the
//! first call that fails.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::host_calls::fetch::is_granted;
use crate::config::{Diagnostic, PluginUse, nearest};

const MARK: &str = "x-torana-fetches";
/// A schema comes from a component: it may be large, and its references may lead in circles.
const MAX_STEPS: usize = 100_000;

/// Holds what the settings name against `grants.fetch`.
pub(super) fn check(wanted: &PluginUse, schema: &Value) -> Result<(), Vec<Diagnostic>> {
    let Ok(settings) = serde_json::from_str(&wanted.settings.json) else { return Ok(()) };
    let is_missing = |called: &Called| !is_granted(&called.to, &wanted.grants.fetch);
    let missing = called(schema, &settings).into_iter().filter(is_missing);
    let problems: Vec<_> = missing.map(|called| ungranted(wanted, &called)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn ungranted(wanted: &PluginUse, Called { path, to }: &Called) -> Diagnostic {
    let (name, at) = (&wanted.name, path.join("."));
    let message = format!("plugin `{name}`, setting `{at}`: it calls `{to}`, which is not granted");
    let granted: Vec<String> = wanted.grants.fetch.iter().map(ToString::to_string).collect();
    let add = format!("add \"{to}\" to `fetch` of its grants, if it may call that");
    let help = match nearest(to, granted.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"? Or {add}"),
        None => add,
    };
    Diagnostic::error(wanted.settings.locate(path), message).help(help)
}

/// A setting that names somebody.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Called {
    path: Vec<String>,
    /// As a plugin says it in `fetch`: an upstream's name, or an origin.
    to: String,
}

/// What several ways through the schema lead to is there once.
fn called(schema: &Value, settings: &Value) -> BTreeSet<Called> {
    let (mut found, mut seen) = (BTreeSet::new(), HashSet::new());
    let mut steps = vec![Step { schema, setting: settings, beside: None, path: Vec::new() }];
    while let Some(step) = steps.pop() {
        if seen.len() == MAX_STEPS {
            break;
        }
        if !seen.insert(step.identity()) {
            continue;
        }
        step.find(&mut found);
        let next = step.same(schema).chain(step.members()).chain(step.elements());
        let is_new = |step: &Step<'_>| !seen.contains(&step.identity());
        steps.extend(next.filter(is_new).take(MAX_STEPS.saturating_sub(steps.len())));
    }
    found
}

/// A setting, and a schema that is about it.
struct Step<'a> {
    schema: &'a Value,
    setting: &'a Value,
    /// The table in which the setting stands.
    beside: Option<&'a Map<String, Value>>,
    path: Vec<String>,
}

impl<'a> Step<'a> {
    /// What it is about, and by what: going there once is enough.
    fn identity(&self) -> (*const Value, *const Value) {
        (self.schema, self.setting)
    }

    fn find(&self, found: &mut BTreeSet<Called>) {
        if !self.is_marked() {
            return;
        }
        match self.setting {
            Value::String(text) => {
                found.insert(Called { path: self.path.clone(), to: place(text) });
            }
            Value::Array(texts) => {
                found.extend(texts.iter().enumerate().filter_map(|(at, text)| {
                    Some(Called { path: self.under(at.to_string()), to: place(text.as_str()?) })
                }))
            }
            _ => {}
        }
    }

    /// `true`, or `{ "unless": [...] }`: settings beside it, each of which makes the call needless.
    fn is_marked(&self) -> bool {
        match &self.schema[MARK] {
            Value::Bool(is_marked) => *is_marked,
            Value::Object(terms) => {
                let unless = terms.get("unless").and_then(Value::as_array).into_iter().flatten();
                let is_there = |name| self.beside.is_some_and(|table| table.contains_key(name));
                !unless.filter_map(Value::as_str).any(is_there)
            }
            _ => false,
        }
    }

    /// Other schemas about the same setting. Which of several it fits is for the plugin to say.
    fn same(&self, root: &'a Value) -> impl Iterator<Item = Self> {
        let reference = self.schema["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        let referred = reference.and_then(|pointer| root.pointer(pointer));
        let lists = ["allOf", "anyOf", "oneOf"].map(|key| self.schema[key].as_array());
        let all = lists.into_iter().flatten().flatten().chain(referred);
        all.map(|schema| Self { schema, path: self.path.clone(), ..*self })
    }

    fn members(&self) -> impl Iterator<Item = Self> {
        let members = self.setting.as_object();
        members.into_iter().flatten().filter_map(move |(key, setting)| {
            let schema = self.schema["properties"].get(key);
            let schema = schema.or_else(|| self.schema.get("additionalProperties"))?;
            Some(Self { schema, setting, beside: members, path: self.under(key.clone()) })
        })
    }

    fn elements(&self) -> impl Iterator<Item = Self> {
        let elements = self.setting.as_array().into_iter().flatten().enumerate();
        elements.filter_map(|(at, setting)| {
            let schema = match &self.schema["items"] {
                Value::Array(places) => places.get(at)?,
                Value::Null => return None,
                all => all,
            };
            Some(Self { schema, setting, beside: None, path: self.under(at.to_string()) })
        })
    }

    fn under(&self, segment: String) -> Vec<String> {
        [self.path.as_slice(), &[segment]].concat()
    }
}

/// Of a URL its origin, without a user.
fn place(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: Value, settings: Value) -> Vec<(String, String)> {
        let called = called(&schema, &settings).into_iter();
        called.map(|called| (called.path.join("."), called.to)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, to)| (path.to_string(), to.to_string())).collect()
    }

    #[test]
    fn marked_settings_are_found_wherever_they_stand() {
        let schema = json!({
            "definitions": { "part": { "properties": { "to": { "x-torana-fetches": true } } } },
            "properties": {
                "parts": { "additionalProperties": { "$ref": "#/definitions/part" } },
                "first": { "allOf": [{ "$ref": "#/definitions/part" }] },
                "list": { "items": { "anyOf": [
                    { "type": "string", "x-torana-fetches": true },
                    { "$ref": "#/definitions/part" },
                ] } },
                "pair": { "items": [{}, { "x-torana-fetches": true }] },
                "many": { "x-torana-fetches": true },
                "other": { "x-torana-fetches": false },
            },
        });
        let settings = json!({
            "parts": { "a": { "to": "catalog" }, "b": { "to": "https://a.example", "path": "/" } },
            "first": { "to": "stock" },
            "list": ["users", { "to": "HTTPS://u@B.example:8443/x?y" }, 7],
            "pair": ["no", "yes", "no"],
            "many": ["one", "two"],
            "other": "no",
            "unknown": "no",
        });
        let expected = pairs(&[
            ("first.to", "stock"),
            ("list.0", "users"),
            ("list.1.to", "HTTPS://B.example:8443"),
            ("many.0", "one"),
            ("many.1", "two"),
            ("pair.1", "yes"),
            ("parts.a.to", "catalog"),
            ("parts.b.to", "https://a.example"),
        ]);
        assert_eq!(found(schema, settings), expected);
    }

    #[test]
    fn what_stands_beside_a_setting_may_make_its_call_needless() {
        let mark = json!({ "unless": ["keys", "jwks"] });
        let schema = json!({ "properties": { "issuer": { "x-torana-fetches": mark } } });
        let issuer = "https://idp.example/realm";
        let asked = found(schema.clone(), json!({ "issuer": issuer, "other": 1 }));
        assert_eq!(asked, pairs(&[("issuer", "https://idp.example")]));
        assert_eq!(found(schema, json!({ "issuer": issuer, "keys": [] })), []);
    }

    #[test]
    fn a_schema_that_leads_in_circles_comes_to_an_end() {
        let circle = json!({ "$ref": "#", "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(found(circle, json!({ "a": "b" })), []);
        let wide: Vec<_> = (0..50_000).map(|_| json!({ "$ref": "#" })).collect();
        let wide = json!({ "x-torana-fetches": true, "anyOf": wide, "items": { "$ref": "#" } });
        let texts: Vec<_> = (0..100).map(|text| text.to_string()).collect();
        assert_eq!(found(wide, json!(texts)).len(), texts.len());
        for nonsense in [json!(true), json!([]), json!({ "$ref": "#/no", "allOf": 7, "items": 7 })]
        {
            assert_eq!(found(nonsense, json!(["a"])), []);
        }
    }
}
