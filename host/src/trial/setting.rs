//! The configuration that a case stands for: its settings and grants on a route of its own.

use std::{collections::BTreeSet, ffi::OsString, path::Path, sync::Arc};

use toml::{Table, Value};
use torana_plugin_sdk::{
    cases::{Case, End},
    settings::SettingError,
};

use super::place;
use crate::{
    config::{Config, Diagnostic, Diagnostics, LoadOptions, Match, Rejected, Source},
    filter::Hooks,
    plugin::{Import, Mention, Mentioned},
};

/// A secret for a component that imports `secrets` in a case that has none.
const NO_SECRET: &str = "none";

/// What a case calls the route's own upstream.
pub(super) const UPSTREAM: &str = "upstream";

/// What a component cannot be loaded without, whatever a case needs of it.
pub(super) struct Wants(Vec<(&'static str, Value)>);

impl Wants {
    pub(super) fn of(imports: &[Import], hooks: Hooks) -> Self {
        let mut wants = Vec::new();
        for import in imports {
            match import.name() {
                "request-edit" => wants.push(("request-edit", true.into())),
                "response-edit" | "response-ahead" => wants.push(("response-edit", true.into())),
                "request-body" => wants.push(("request-body", "read".into())),
                "request-body-edit" => wants.push(("request-body", "read-write".into())),
                "response-body" => wants.push(("response-body", "read".into())),
                "response-body-edit" => wants.push(("response-body", "read-write".into())),
                "kv" => wants.push(("kv", true.into())),
                "rate-limit" => wants.push(("rate-limit", true.into())),
                "crypto" => wants.push(("crypto", true.into())),
                "fetch" => wants.push(("fetch", Value::Array(Vec::new()))),
                "secrets" => {
                    let reveal = [("reveal".to_owned(), vec![NO_SECRET].into())];
                    wants.push(("secrets", Value::Table(reveal.into_iter().collect())));
                }
                _ if matches!(import, Import::Wasi(_)) => wants.push(("wasi", true.into())),
                _ => {}
            }
        }
        if hooks.request_stream {
            wants.push(("request-body", "read-write".into()));
        }
        if hooks.response_stream {
            wants.push(("response-body", "read-write".into()));
        }
        Self(wants)
    }
}

/// A case, and the plugin that it is about.
pub(super) struct Setting<'a> {
    /// Where the case was read.
    pub(super) file: &'a Path,
    pub(super) case: &'a Case,
    /// As it was written: grants stand there in the gateway's own words.
    pub(super) text: &'a str,
    pub(super) component: &'a Path,
    pub(super) name: &'a str,
}

impl Setting<'_> {
    /// As the gateway reads it.
    pub(super) fn config(&self, wants: &Wants) -> Result<Config, String> {
        let text = in_its_order(&self.table(wants));
        let case = self.case.clone();
        let environment = move |name: &str| Some(OsString::from(case.secret(name)));
        let options = LoadOptions { environment: Arc::new(environment), ..LoadOptions::default() };
        let source = Arc::new(Source::new("case", text));
        let read = Config::parse(source, &options);
        read.map(|(config, _)| config).map_err(|rejected| self.explained(&rejected))
    }

    /// What is wrong, at its line of the case; the configuration that was made of it nobody has seen.
    fn explained(&self, rejected: &Rejected) -> String {
        let source = Source::new(self.file, self.text);
        let mut problems = Diagnostics::default();
        for problem in rejected.diagnostics.iter() {
            let made = (rejected.source.text.as_str(), problem.span);
            let span = place::in_case(made, &["plugins", self.name], self.text);
            problems.push(Diagnostic { span, ..problem.clone() });
        }
        problems.render(&source, false)
    }

    fn table(&self, wants: &Wants) -> Table {
        let mut plugin =
            self.own("config").map(|config| table([("config", config)])).unwrap_or_default();
        plugin.insert("component".into(), path(self.component));
        plugin.insert("grants".into(), self.grants(wants).into());
        let target =
            |name: &String| (name.clone(), table([("targets", vec!["127.0.0.1:9"].into())]).into());
        let upstreams: Table = self.upstreams().iter().map(target).collect();
        let secret = |name: String| (name.clone(), table([("env", name.into())]).into());
        let secrets: Table = self.secrets().into_iter().map(secret).collect();
        let route = table([
            ("name", self.case.route.name.clone().into()),
            ("match", table([("path", "/{*rest}".into())]).into()),
            ("chain", vec![self.name].into()),
            ("upstream", UPSTREAM.into()),
        ]);
        let listen = table([("address", "127.0.0.1:0".into())]);
        table([
            ("listen", table([("trial", listen.into())]).into()),
            ("upstreams", upstreams.into()),
            ("secrets", secrets.into()),
            ("plugins", table([(self.name, plugin.into())]).into()),
            ("routes", vec![Value::Table(route)].into()),
        ])
    }

    /// A key of the case, as it was written.
    fn own(&self, key: &str) -> Option<Value> {
        self.text.parse::<Table>().ok()?.remove(key)
    }

    /// Those of the case, and what it says nothing of but the component has.
    fn grants(&self, wants: &Wants) -> Table {
        let own = self.own("grants");
        let mut grants = own.and_then(|own| own.as_table().cloned()).unwrap_or_default();
        for (name, value) in &wants.0 {
            let is_less = |old: &Value| old.as_str() == Some("read") || *old == false.into();
            match (grants.get_mut(*name), value) {
                (None, value) => drop(grants.insert((*name).into(), value.clone())),
                (Some(Value::Table(old)), Value::Table(new)) => {
                    new.iter().for_each(|(key, value)| {
                        old.entry(key.clone()).or_insert_with(|| value.clone());
                    });
                }
                (Some(old), new) if is_less(old) && !new.is_array() => *old = new.clone(),
                _ => {}
            }
        }
        grants
    }

    fn upstreams(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = [UPSTREAM.to_owned()].into();
        names.extend(self.case.route.alternatives.iter().cloned());
        names.extend(self.case.grants.fetch.iter().filter(|to| !to.contains("://")).cloned());
        names
    }

    fn secrets(&self) -> BTreeSet<String> {
        let grants = &self.case.grants.secrets;
        let named = grants.use_.iter().chain(&grants.reveal).chain(self.case.secrets.keys());
        let mut all: BTreeSet<String> = named.cloned().chain([NO_SECRET.to_owned()]).collect();
        self.own("config").iter().for_each(|config| references(config, &mut all));
        all
    }
}

/// Names of secrets that settings refer to, `{ secret = "NAME" }`: whether a plugin may use them is for its
/// grants to say, but they must be there.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            names.extend(table.get("secret").and_then(Value::as_str).map(str::to_owned));
            table.values().for_each(|value| references(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// The end of a plugin that refuses its settings; none where something else is wrong.
pub(super) fn refused(name: &str, case: &Case, problems: &[Diagnostic]) -> Option<End> {
    let expected = case.expect.settings.iter().map(Some).chain(std::iter::repeat(None));
    let errors = problems.iter().zip(expected).map(|(problem, expected)| {
        let rest = problem.message.strip_prefix(&format!("plugin `{name}`"))?;
        let (at, message) = match rest.strip_prefix(": ") {
            Some(message) => ("", message),
            None => rest.strip_prefix(", setting `")?.split_once("`: ")?,
        };
        // Names may have dots: whether it is the expected path is seen by its text.
        let expected = expected.map(|expected| expected.path.clone());
        let expected = expected.filter(|path| path.join(".") == at);
        let split = || at.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Some(SettingError { path: expected.unwrap_or_else(split), message: message.to_owned() })
    });
    errors.collect::<Option<Vec<_>>>().map(End::Refuse)
}

/// The end of a plugin whose settings name what the case's route does not have. Of a route for any path nothing is
/// known.
pub(super) fn not_of_route(mentions: &[Mention], case: &Case) -> Option<End> {
    let route = &case.route;
    let matched = |path: &String| Match { path: path.clone(), ..Match::default() };
    let params = route.path.as_ref().map(|path| matched(path).params());
    let is_there = |mention: &Mention| match mention.what {
        Mentioned::Upstream => {
            mention.name == UPSTREAM || route.alternatives.contains(&mention.name)
        }
        Mentioned::NeededParam => params.as_ref().is_none_or(|of| of.contains(&mention.name)),
        Mentioned::Param => true,
    };
    let missing = mentions.iter().filter(|mention| !is_there(mention));
    let errors: Vec<_> = missing
        .map(|mention| SettingError {
            path: mention.path.clone(),
            message: mention.is_not_of(&route.name),
        })
        .collect();
    (!errors.is_empty()).then_some(End::Refuse(errors))
}

/// A line for each key: a document with `[tables]` has them behind all other keys.
fn in_its_order(table: &Table) -> String {
    table.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn path(path: &Path) -> Value {
    table([("path", path.display().to_string().into())]).into()
}
