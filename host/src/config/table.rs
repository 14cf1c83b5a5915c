//! Walks the tables of the file along their declarations ([`Shape`]).
//!
//! A reader gets a value for whatever it asks, a stand-in where the file has none or a wrong one:
//! the problem is noted, the result will be thrown away, and the reading goes on.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Diagnostic, Span,
    context::Context,
    fault::{Fault, quote},
    keys::{Key, Kind, Shape},
    misplaced::unknown_key,
    names, units,
    value::{Text, Value},
};

/// A table of the file.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) cx: &'a Context,
    pub(super) span: Span,
    shape: &'static Shape,
    /// None where the file has no such table and the defaults hold.
    raw: Option<&'a DeTable<'a>>,
}

impl<'a> Table<'a> {
    /// Looks at a table as a whole: keys that it does not know, keys that it lacks.
    pub(super) fn open(
        cx: &'a Context,
        shape: &'static Shape,
        name: Option<&str>,
        raw: &'a DeTable<'a>,
        span: Span,
    ) -> Self {
        let place = name.map_or(shape.place.to_owned(), |name| shape.place.replace("NAME", name));
        let table = Self { cx, span, shape, raw: Some(raw) };
        for (key, _) in in_order(raw).iter().filter(|(key, _)| shape.key(key.text).is_none()) {
            cx.report(unknown_key(cx.root, shape, &place, key.text, key.span));
        }
        shape.keys.iter().filter(|key| key.required).for_each(|key| table.require(key, &place));
        table
    }

    fn require(&self, key: &Key, place: &str) {
        if self.has(key.name) {
            return;
        }
        let message = format!("{place} needs `{}`", key.name);
        let problem =
            Diagnostic::error(self.span, message).label(format!("no `{}` here", key.name));
        self.cx.report(problem.help(format!("add {} = {}", key.name, key.kind.sample())));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw.is_some_and(|raw| raw.contains_key(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<Value<'a>> {
        let key = self.declared(name);
        Some(Value::of_key(self.cx, key, self.raw?.get(name)?))
    }

    /// Where the value of `name` stands; the table itself where there is none.
    pub(super) fn span_of(&self, name: &str) -> Span {
        self.get(name).map_or(self.span, |value| value.span)
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        self.get(name).map_or(self.default_for(name) == "true", |value| value.bool())
    }

    pub(super) fn integer(&self, name: &str) -> u64 {
        let default = || self.default_for(name).parse().unwrap_or_default();
        self.get(name).map_or_else(default, |value| value.integer())
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        let default = || units::duration(self.default_for(name)).unwrap_or_default();
        self.get(name).map_or_else(default, |value| value.duration())
    }

    pub(super) fn size(&self, name: &str) -> u64 {
        let default = || units::size(self.default_for(name)).unwrap_or_default();
        self.get(name).map_or_else(default, |value| value.size())
    }

    pub(super) fn choice(&self, name: &str) -> &'static str {
        self.get(name).map_or_else(|| self.default_for(name), |value| value.choice())
    }

    pub(super) fn text(&self, name: &str) -> Option<Text<'a>> {
        self.get(name)?.text()
    }

    pub(super) fn parse<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.get(name)?.parse(parse)
    }

    /// A path of the file, which is relative to the file.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.output_path(name).inspect(|path| self.cx.will_read(path))
    }

    /// A path that is written to.
    pub(super) fn output_path(&self, name: &str) -> Option<PathBuf> {
        self.parse(name, |text| match text {
            "" => Err(Fault::new("is not a path")),
            path => Ok(self.cx.resolve(path)),
        })
    }

    pub(super) fn list(&self, name: &str) -> Vec<Value<'a>> {
        self.get(name).map(|value| value.list()).unwrap_or_default()
    }

    /// A table inside this one; where there is none, one that holds the defaults.
    pub(super) fn sub(&self, name: &str) -> Table<'a> {
        let table = self.get(name).and_then(|value| value.table());
        table.unwrap_or_else(|| self.defaults(&self.declared(name).kind))
    }

    /// The values under this key, by their names, in file order.
    pub(super) fn named_values(&self, name: &str, dots: bool) -> Vec<(Name<'a>, Value<'a>)> {
        let entries = self.get(name).map(|value| value.entries()).unwrap_or_default();
        for (name, _) in &entries {
            if let Err(fault) = names::check(name.text, dots) {
                let message = format!("{} {}", quote(name.text), fault.what);
                self.cx.report(Diagnostic::error(name.span, message).help(fault.help));
            }
        }
        entries
    }

    /// The tables under this key, by their names, in file order.
    pub(super) fn named(&self, name: &str, dots: bool) -> Vec<(Name<'a>, Table<'a>)> {
        let entries = self.named_values(name, dots).into_iter();
        entries.filter_map(|(name, value)| Some((name, value.table()?))).collect()
    }

    /// A table of this kind in which nothing is set.
    fn defaults(&self, kind: &'static Kind) -> Table<'a> {
        let Some(Kind::Table(shape)) = kind.find(Kind::is_table) else {
            unreachable!("{} has a key that is not declared as a table", self.shape.id)
        };
        Table { shape, raw: None, ..*self }
    }

    fn declared(&self, name: &str) -> &'static Key {
        let key = self.shape.key(name);
        key.unwrap_or_else(|| unreachable!("`{name}` is not declared in {}", self.shape.id))
    }

    fn default_for(&self, name: &str) -> &'static str {
        self.declared(name).default.unwrap_or_default()
    }
}

/// A name of the operator's choice.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

/// Keys and values in the order of the file; the parser sorts them by name.
pub(super) fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<(Name<'a>, &'a Spanned<DeValue<'a>>)> {
    let name =
        |key: &'a Spanned<Cow<'a, str>>| Name { text: key.get_ref(), span: key.span().into() };
    let mut entries: Vec<_> = table.iter().map(|(key, value)| (name(key), value)).collect();
    entries.sort_by_key(|(name, _)| name.span);
    entries
}
