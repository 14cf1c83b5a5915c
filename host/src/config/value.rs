//! Reads the values of the file along their declarations ([`Kind`]).

use std::{borrow::Cow, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    Diagnostic, Span,
    context::Context,
    fault::{Fault, nearest, quote},
    keys::{Key, Kind},
    outside::Outside,
    table::{Name, Table, in_order},
    units,
};

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'a> {
    pub(super) cx: &'a Context,
    pub(super) span: Span,
    key: &'a str,
    place: Place,
    kind: &'static Kind,
    raw: &'a Spanned<DeValue<'a>>,
}

/// How a value belongs to its key.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// It is the key's value.
    Key,
    /// The key is a name of the operator's choice.
    Name,
    /// It is in the key's array.
    Item,
}

/// A string of the file, or one that it refers to.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) span: Span,
    /// How a message calls it: the text itself, or where it came from.
    pub(super) subject: String,
}

impl<'a> Text<'a> {
    /// Whether it stands in a file or variable that messages must not quote.
    pub(super) fn is_from_outside(&self) -> bool {
        self.subject != quote(&self.text)
    }

    /// What stands behind a prefix.
    pub(super) fn without_prefix(&self, prefix: char) -> Option<Text<'a>> {
        let text = self.text.strip_prefix(prefix)?.to_owned();
        let subject = if self.is_from_outside() { self.subject.clone() } else { quote(&text) };
        Some(Text { text: Cow::Owned(text), span: self.span, subject })
    }
}

impl<'a> Value<'a> {
    pub(super) fn of_key(
        cx: &'a Context,
        key: &'static Key,
        raw: &'a Spanned<DeValue<'a>>,
    ) -> Self {
        let (span, kind, key) = (raw.span().into(), &key.kind, key.name);
        Self { cx, span, key, place: Place::Key, kind, raw }
    }

    /// Whether it is a table, and not one that stands for a scalar.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.raw(), DeValue::Table(_)) && Outside::of(self.raw).is_none()
    }

    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self.raw(), DeValue::Array(array) if array.is_empty())
    }

    pub(super) fn is_bool(&self) -> bool {
        matches!(self.raw(), DeValue::Boolean(_))
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self.raw(), DeValue::Integer(_))
    }

    /// What it refers to, where it stands for a value outside the file.
    pub(super) fn outside(&self) -> Option<Outside<'a>> {
        Outside::of(self.raw)
    }

    pub(super) fn raw(&self) -> &'a DeValue<'a> {
        self.raw.get_ref()
    }

    pub(super) fn bool(&self) -> bool {
        let read = self.scalar(
            |raw| match raw {
                DeValue::Boolean(bool) => Some(*bool),
                _ => None,
            },
            |text| match text.trim() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(Fault::new("is neither true nor false")),
            },
        );
        read.unwrap_or_default()
    }

    /// A whole number within the declared bounds; the lower bound after an error.
    pub(super) fn integer(&self) -> u64 {
        let number = self.scalar(integer, |text| {
            text.trim().parse().map_err(|_| Fault::new("is not a whole number"))
        });
        self.bounded(number)
    }

    pub(super) fn duration(&self) -> Duration {
        Duration::from_millis(self.bounded(self.scalar(|_| None, milliseconds)))
    }

    /// A duration, or none if `word` stands in its place.
    pub(super) fn duration_or(&self, word: &str) -> Option<Duration> {
        let read = |text: &str| {
            if text == word { Ok(None) } else { milliseconds(text).map(Some) }
        };
        match self.scalar(|_| None, read) {
            Some(None) => None,
            number => Some(Duration::from_millis(self.bounded(number.flatten()))),
        }
    }

    pub(super) fn size(&self) -> u64 {
        let bytes = |text: &str| match text.trim().parse() {
            Ok(bytes) => Ok(bytes),
            Err(_) => units::size(text).map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        };
        self.bounded(self.scalar(integer, bytes))
    }

    pub(super) fn text(&self) -> Option<Text<'a>> {
        if let Some(outside) = Outside::of(self.raw) {
            let text = Cow::Owned(outside.text(self.cx)?);
            return Some(Text { text, span: self.span, subject: outside.name() });
        }
        let DeValue::String(text) = self.raw.get_ref() else {
            self.wrong_type();
            return None;
        };
        Some(Text { text: Cow::Borrowed(text), span: self.span, subject: quote(text) })
    }

    pub(super) fn parse<T>(&self, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<T> {
        let text = self.text()?;
        parse(&text.text).map_err(|fault| self.fault(&text, fault)).ok()
    }

    /// One of the declared words; the first of them after an error.
    pub(super) fn choice(&self) -> &'static str {
        let Some(Kind::Choice(words)) = self.kind.find(|kind| matches!(kind, Kind::Choice(_)))
        else {
            unreachable!("{} is not declared as a choice", self.key)
        };
        let chosen = self.parse(|text| {
            words.iter().find(|word| **word == text).ok_or_else(|| {
                let fault = Fault::new("is none of its values");
                let near = nearest(text, words.iter().copied());
                near.map_or(fault.clone(), |near| fault.help(format!("did you mean \"{near}\"?")))
            })
        });
        chosen.unwrap_or(&words[0])
    }

    /// The values of an array.
    pub(super) fn list(&self) -> Vec<Value<'a>> {
        let DeValue::Array(array) = self.raw() else {
            self.wrong_type();
            return Vec::new();
        };
        let Some(Kind::List(kind)) = self.kind.find(|kind| matches!(kind, Kind::List(_))) else {
            unreachable!("{} is not declared as an array", self.key)
        };
        let value = |raw: &'a Spanned<DeValue<'a>>| Value {
            span: raw.span().into(),
            key: self.key,
            place: Place::Item,
            kind,
            raw,
            cx: self.cx,
        };
        array.iter().map(value).collect()
    }

    /// The strings of an array, parsed. What stands twice gets a warning.
    pub(super) fn parsed_list<T: PartialEq>(
        &self,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for value in self.list() {
            let Some(item) = value.parse(&parse) else { continue };
            if all.contains(&item) {
                let message = format!("this stands twice in {}", quote(self.key));
                self.cx.report(Diagnostic::warning(value.span, message));
            } else {
                all.push(item);
            }
        }
        all
    }

    /// The table, opened along its declaration.
    pub(super) fn table(&self) -> Option<Table<'a>> {
        let Some(Kind::Table(shape)) = self.kind.find(Kind::is_table) else {
            unreachable!("{} is not declared as a table", self.key)
        };
        let DeValue::Table(raw) = self.raw() else {
            self.wrong_type();
            return None;
        };
        let name = (self.place == Place::Name).then_some(self.key);
        Some(Table::open(self.cx, shape, name, raw, self.span))
    }

    /// Names and values of a table whose keys are the operator's choice, in file order.
    pub(super) fn entries(&self) -> Vec<(Name<'a>, Value<'a>)> {
        let DeValue::Table(table) = self.raw() else {
            self.wrong_type();
            return Vec::new();
        };
        let Some(Kind::Map(_, kind)) = self.kind.find(|kind| matches!(kind, Kind::Map(..))) else {
            unreachable!("{} is not declared as a map", self.key)
        };
        let entry = |(name, raw): (Name<'a>, &'a Spanned<DeValue<'a>>)| {
            let (key, span) = (name.text, raw.span().into());
            (name, Value { span, key, place: Place::Name, kind, raw, cx: self.cx })
        };
        in_order(table).into_iter().map(entry).collect()
    }

    /// Says what should stand here, and what does.
    pub(super) fn wrong_type(&self) {
        let expected = self.kind.expected();
        let found = type_name(self.raw());
        let message = format!("{} must be {expected}, not {found}", self.name());
        self.cx.report(Diagnostic::error(self.span, message).label(found).help(self.meant()));
    }

    /// What to write, where a value of the wrong type shows what was meant.
    fn meant(&self) -> Option<String> {
        let text = self.cx.source.slice(self.span);
        let is_list = self.kind.find(|kind| matches!(kind, Kind::List(_))).is_some();
        let is_duration = self.kind.find(|kind| matches!(kind, Kind::Duration(..))).is_some();
        match (self.raw(), self.kind) {
            (DeValue::Integer(_), _) if is_duration => Some(format!("did you mean \"{text}s\"?")),
            (DeValue::String(text), Kind::Integer(..) | Kind::Bool) => {
                let bare =
                    text.parse::<u64>().is_ok() || ["true", "false"].contains(&text.as_ref());
                bare.then(|| format!("write {text} without quotes"))
            }
            (_, Kind::Map(name, Kind::Table(shape))) if shape.has_header() => {
                Some(format!("write {}", shape.place.replace("NAME", name)))
            }
            (_, Kind::List(Kind::Table(shape))) if shape.has_header() => {
                Some(format!("write {}", shape.place))
            }
            (DeValue::String(_), _) if is_list => Some(format!("write [{text}]")),
            (DeValue::Table(_), Kind::List(Kind::Table(_))) => Some("write [{ ... }]".to_owned()),
            (DeValue::Table(_), _) if is_list && Outside::of(self.raw).is_some() => {
                Some(format!("it stands for one value: write [{text}]"))
            }
            (DeValue::Table(table), _)
                if table.contains_key("env") || table.contains_key("file") =>
            {
                Some("a value has one place: { env = \"...\" } or { file = \"...\" }".to_owned())
            }
            _ => None,
        }
    }

    /// Reads a scalar: as it stands by `literal`, from outside the file by `text`.
    fn scalar<T>(
        &self,
        literal: impl Fn(&DeValue<'_>) -> Option<T>,
        text: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let written_as_text =
            self.kind.find(|kind| matches!(kind, Kind::Duration(..) | Kind::Size(..))).is_some();
        match self.raw() {
            DeValue::String(_) if written_as_text => self.parse(text),
            _ if Outside::of(self.raw).is_some() => self.parse(text),
            raw => {
                let value = literal(raw);
                if value.is_none() {
                    self.wrong_type();
                }
                value
            }
        }
    }

    /// Holds a number against the declared bounds. After an error it is the lower one.
    fn bounded(&self, number: Option<i64>) -> u64 {
        let Some(kind) = self.kind.find(|kind| kind.bounds().is_some()) else {
            unreachable!("{} is not declared as a number", self.key)
        };
        let (min, max) = kind.bounds().unwrap_or_default();
        let Some(number) = number else { return min };
        if let Ok(number) = u64::try_from(number)
            && (min..=max).contains(&number)
        {
            return number;
        }
        let range = format!("from {} to {}", kind.show(min), kind.show(max));
        let label = if number > 0 && number as u64 > max { "too large" } else { "too small" };
        let message = format!("{} must be {range}", self.name());
        self.cx.report(Diagnostic::error(self.span, message).label(label));
        min
    }

    /// How a message calls the value.
    fn name(&self) -> String {
        let key = quote(self.key);
        if self.place == Place::Item { format!("each of {key}") } else { key }
    }

    /// Says what is wrong with the text. Help is made of it, so there is none for a text that must
    /// not be shown.
    fn fault(&self, text: &Text<'_>, fault: Fault) {
        let fault = if text.is_from_outside() { fault.without_text(&text.text) } else { fault };
        let subject = &text.subject;
        let within = if self.place == Place::Item { "in " } else { "" };
        let message = format!("{within}{}: {subject} {}", quote(self.key), fault.what);
        let label = format!("expected {}", self.kind.expected());
        self.cx.report(Diagnostic::error(self.span, message).label(label).help(fault.help));
    }
}

fn milliseconds(text: &str) -> Result<i64, Fault> {
    Ok(i64::try_from(units::duration(text)?.as_millis()).unwrap_or(i64::MAX))
}

/// A whole number; one that is too large for 64 bits is at least out of all bounds.
fn integer(raw: &DeValue<'_>) -> Option<i64> {
    let DeValue::Integer(integer) = raw else { return None };
    let negative = integer.as_str().starts_with('-');
    let limit = if negative { i64::MIN } else { i64::MAX };
    Some(i64::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(limit))
}

fn type_name(raw: &DeValue<'_>) -> &'static str {
    match raw {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
