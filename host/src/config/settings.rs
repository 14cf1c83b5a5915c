//! A plugin's own settings: JSON for the guest, spans for the operator.

use serde_json::{Map, Number, Value as Json};
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use super::{
    Diagnostic, Span, context::Context, fault::quote, outside::Outside, table::in_order,
    value::Value,
};

/// The merged `config` of a plugin use.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A JSON object in one line, as the guest gets it. `{ secret = "NAME" }` has become
    /// `{"secret":"NAME"}`: a name, not a value.
    pub json: String,
    /// Path of keys and indices -> where the value stands in the TOML.
    pub spans: Vec<(Vec<String>, Span)>,
    /// Where `config` stands; the entry's span where there is none.
    pub span: Span,
}

impl Settings {
    /// The span of the value at `path`, or of its nearest ancestor that stands in the TOML.
    pub fn locate(&self, path: &[String]) -> Span {
        let at = |path: &[String]| {
            let exact = self.spans.iter().find(|(known, _)| known == path);
            // Plugins name headers in lower case, however the file does.
            let same = || self.spans.iter().find(|(known, _)| is_same_but_for_case(known, path));
            exact.or_else(same).map(|(_, span)| *span)
        };
        (0..=path.len()).rev().find_map(|length| at(&path[..length])).unwrap_or(self.span)
    }
}

fn is_same_but_for_case(one: &[String], other: &[String]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// Settings that can still be overridden, key by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    entries: Vec<Entry>,
    span: Span,
}

/// One top-level key.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    json: Json,
    spans: Vec<(Vec<String>, Span)>,
    secrets: Vec<(String, Span)>,
}

impl Draft {
    /// Settings without a key, for a plugin whose table stands at `span`.
    pub(super) fn empty(span: Span) -> Self {
        Self { entries: Vec::new(), span }
    }

    /// Reads a `config` table.
    pub(super) fn read(value: &Value<'_>) -> Self {
        let mut draft = Self::empty(value.span);
        let DeValue::Table(table) = value.raw() else {
            value.wrong_type();
            return draft;
        };
        for (name, raw) in in_order(table) {
            let mut entry = Entry::new(name.text);
            let mut path = vec![name.text.to_owned()];
            entry.json = entry.convert(value.cx, raw, &mut path);
            draft.entries.push(entry);
        }
        draft
    }

    /// This one, with the top-level keys of `other` in the place of its own.
    pub(super) fn overridden_by(&self, other: &Draft) -> Self {
        let theirs = |key: &str| other.entries.iter().find(|entry| entry.key == key);
        let known = |key: &str| self.entries.iter().any(|entry| entry.key == key);
        let mine = self.entries.iter().map(|entry| theirs(&entry.key).unwrap_or(entry));
        let added = other.entries.iter().filter(|entry| !known(&entry.key));
        Self { entries: mine.chain(added).cloned().collect(), span: other.span }
    }

    /// Secrets that the settings name, and where.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &(String, Span)> {
        self.entries.iter().flat_map(|entry| &entry.secrets)
    }

    pub(super) fn finish(&self) -> Settings {
        let pairs = self.entries.iter().map(|entry| (entry.key.clone(), entry.json.clone()));
        let json = Json::Object(pairs.collect::<Map<_, _>>()).to_string();
        let spans = self.entries.iter().flat_map(|entry| entry.spans.iter().cloned()).collect();
        Settings { json, spans, span: self.span }
    }
}

impl Entry {
    fn new(key: &str) -> Self {
        let (spans, secrets) = (Vec::new(), Vec::new());
        Self { key: key.to_owned(), json: Json::Null, spans, secrets }
    }

    fn convert<'a>(
        &mut self,
        cx: &Context,
        raw: &'a Spanned<DeValue<'a>>,
        path: &mut Vec<String>,
    ) -> Json {
        let span: Span = raw.span().into();
        self.spans.push((path.clone(), span));
        if let Some(outside) = Outside::of(raw) {
            return outside.text(cx).map_or(Json::Null, Json::String);
        }
        match raw.get_ref() {
            DeValue::String(text) => Json::String(text.to_string()),
            DeValue::Boolean(bool) => Json::Bool(*bool),
            DeValue::Datetime(datetime) => Json::String(datetime.to_string()),
            DeValue::Integer(integer) => Json::Number(exact(cx, integer, span)),
            DeValue::Float(float) => Json::Number(finite(cx, float.as_str(), span)),
            DeValue::Array(array) => self.array(cx, array, path),
            DeValue::Table(table) => self.table(cx, table, path),
        }
    }

    fn array<'a>(
        &mut self,
        cx: &Context,
        array: &'a [Spanned<DeValue<'a>>],
        path: &mut Vec<String>,
    ) -> Json {
        let items = array.iter().enumerate();
        items.map(|(index, item)| self.step(cx, index.to_string(), item, path)).collect()
    }

    fn table<'a>(&mut self, cx: &Context, table: &'a DeTable<'a>, path: &mut Vec<String>) -> Json {
        if let Some((name, span)) = secret_name(table) {
            self.secrets.push((name, span));
        }
        let entries = in_order(table).into_iter();
        entries
            .map(|(name, value)| {
                let json = self.step(cx, name.text.to_owned(), value, path);
                (name.text.to_owned(), json)
            })
            .collect()
    }

    fn step<'a>(
        &mut self,
        cx: &Context,
        segment: String,
        raw: &'a Spanned<DeValue<'a>>,
        path: &mut Vec<String>,
    ) -> Json {
        path.push(segment);
        let json = self.convert(cx, raw, path);
        path.pop();
        json
    }
}

/// The name in `{ secret = "NAME" }`.
fn secret_name(table: &DeTable<'_>) -> Option<(String, Span)> {
    let value = table.get("secret").filter(|_| table.len() == 1)?;
    let DeValue::String(name) = value.get_ref() else { return None };
    Some((name.to_string(), value.span().into()))
}

/// An integer without loss: JSON for the guest has no other numbers than those of 64 bits.
fn exact(cx: &Context, integer: &DeInteger<'_>, span: Span) -> Number {
    let (text, radix) = (integer.as_str(), integer.radix());
    if let Ok(number) = i64::from_str_radix(text, radix) {
        return number.into();
    }
    u64::from_str_radix(text, radix).map_or_else(
        |_| {
            let message = format!("{} does not fit into 64 bits", quote(text));
            cx.report(Diagnostic::error(span, message).help("write it as a string".to_owned()));
            0.into()
        },
        Number::from,
    )
}

fn finite(cx: &Context, text: &str, span: Span) -> Number {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.unwrap_or_else(|| {
        let message = format!("{} cannot be written in JSON", quote(text));
        cx.report(Diagnostic::error(span, message).label("not a finite number"));
        0.into()
    })
}
