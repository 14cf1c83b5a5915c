//! Every table of the file declares its keys once. The walker takes unknown keys, missing keys and
//! wrong types from the declaration, messages take their samples from it, and the JSON Schema is
//! made of it.

use super::{fault::join, units};

/// A table and the keys that may stand in it.
#[derive(Debug)]
pub(super) struct Shape {
    /// Its name in the JSON Schema.
    pub(super) id: &'static str,
    /// How a message calls it.
    pub(super) place: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// In the order in which one would write them.
    pub(super) keys: &'static [Key],
}

impl Shape {
    /// The declaration of a key.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// This table and all that can stand below it, each once.
    pub(super) fn tree(&'static self) -> Vec<&'static Shape> {
        let mut all = Vec::new();
        self.collect(&mut all);
        all
    }

    /// Whether `other` may stand directly in this table.
    pub(super) fn contains(&self, other: &Shape) -> bool {
        self.keys.iter().flat_map(|key| key.kind.tables()).any(|shape| shape.id == other.id)
    }

    fn collect(&'static self, all: &mut Vec<&'static Shape>) {
        if all.iter().any(|shape| shape.id == self.id) {
            return;
        }
        all.push(self);
        for key in self.keys {
            key.kind.tables().iter().for_each(|shape| shape.collect(all));
        }
    }
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    pub(super) required: bool,
    /// As one would write it, without quotes.
    pub(super) default: Option<&'static str>,
}

/// Declares a key that may be left out.
pub(super) const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about, required: false, default: None }
}

impl Key {
    /// It must be there.
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What holds where it is left out.
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }
}

/// What may stand for a key.
#[derive(Debug)]
pub(super) enum Kind {
    /// `true` or `false`
    Bool,
    /// A string; the sample is for messages.
    Text(&'static str),
    /// A whole number, both bounds included.
    Integer(u64, u64),
    /// `"10s"`; bounds in milliseconds.
    Duration(u64, u64),
    /// `"64KiB"`, or bytes; bounds in bytes.
    Size(u64, u64),
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// An array.
    List(&'static Kind),
    /// A table with declared keys.
    Table(&'static Shape),
    /// Values under names of the operator's choice; a sample of such a name.
    Map(&'static str, &'static Kind),
    /// A table that is not ours to check.
    Free,
    /// Any of these.
    OneOf(&'static [Kind]),
}

/// One hour, one day, in milliseconds.
pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;

impl Kind {
    /// Completes "must be ...".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Text(_) | Self::Duration(..) | Self::Size(..) => {
                format!("a string such as {}", self.sample())
            }
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Choice(words) => join(&quoted(words), "or"),
            Self::List(Self::Table(shape)) if shape.has_header() => {
                format!("an array of tables, each under {}", shape.place)
            }
            Self::Map(_, Self::Table(shape)) => {
                format!("a table of named tables, each under {}", shape.place)
            }
            Self::List(_) => format!("an array such as {}", self.sample()),
            Self::Table(_) | Self::Map(..) => format!("a table such as {}", self.sample()),
            Self::Free => "a table".into(),
            Self::OneOf(kinds) => join(&kinds.iter().map(Self::expected).collect::<Vec<_>>(), "or"),
        }
    }

    /// A value that one could write.
    pub(super) fn sample(&self) -> String {
        match self {
            Self::Bool => "true".into(),
            Self::Text(sample) => format!("\"{sample}\""),
            Self::Integer(min, _) => min.to_string(),
            Self::Duration(..) => "\"10s\"".into(),
            Self::Size(..) => "\"16MiB\"".into(),
            Self::Choice(words) => quoted(words).remove(0),
            Self::List(kind) => format!("[{}]", kind.sample()),
            Self::Table(shape) => shape.sample(),
            Self::Map(name, kind) => format!("{{ {name} = {} }}", kind.sample()),
            Self::Free => "{ ... }".into(),
            Self::OneOf(kinds) => kinds.first().map(Self::sample).unwrap_or_default(),
        }
    }

    /// This kind, or the one of the alternatives, that `wanted` wants.
    pub(super) fn find(
        &'static self,
        wanted: impl Fn(&Kind) -> bool + Copy,
    ) -> Option<&'static Kind> {
        match self {
            Self::OneOf(kinds) => kinds.iter().find_map(|kind| kind.find(wanted)),
            kind => wanted(kind).then_some(kind),
        }
    }

    /// The smallest and the largest number.
    pub(super) fn bounds(&self) -> Option<(u64, u64)> {
        match self {
            Self::Integer(min, max) | Self::Duration(min, max) | Self::Size(min, max) => {
                Some((*min, *max))
            }
            _ => None,
        }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// The declared tables that may stand here.
    fn tables(&self) -> Vec<&'static Shape> {
        match self {
            Self::Table(shape) => vec![shape],
            Self::List(kind) | Self::Map(_, kind) => kind.tables(),
            Self::OneOf(kinds) => kinds.iter().flat_map(Self::tables).collect(),
            _ => Vec::new(),
        }
    }

    /// A bound or a default in the way that one would write it.
    pub(super) fn show(&self, number: u64) -> String {
        match self {
            Self::Duration(..) => {
                format!("\"{}\"", units::show_duration(std::time::Duration::from_millis(number)))
            }
            Self::Size(..) => format!("\"{}\"", units::show_size(number)),
            _ => number.to_string(),
        }
    }
}

impl Shape {
    /// Whether it has a header of its own, `[...]` or `[[...]]`, and not a place in another table.
    pub(super) fn has_header(&self) -> bool {
        self.place.starts_with('[')
    }

    /// Its required keys, or else its first.
    fn sample(&self) -> String {
        let required = self.keys.iter().filter(|key| key.required);
        let mut keys: Vec<_> = required.collect();
        if keys.is_empty() {
            keys = self.keys.iter().take(1).collect();
        }
        let pairs = keys.iter().map(|key| format!("{} = {}", key.name, key.kind.sample()));
        format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
    }
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("\"{word}\"")).collect()
}
