//! An expression as a tree, and how it is written.

use std::fmt::{self, Write as _};

use serde_json::Value as Json;

/// A part of an expression, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expr {
    pub(super) at: Column,
    pub(super) kind: Kind,
}

/// In characters from 1 on. Expressions are equal wherever their parts stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column(pub(super) usize);

impl PartialEq for Column {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What a part is. Chains of `&&` and `||` are flat, so that a long one is not a deep one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// null, true, false, a number or a text.
    Literal(Json),
    List(Vec<Expr>),
    Name(Name),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Attribute(String),
    /// Names from the outside in; none for all claims.
    Claims(Vec<String>),
    ClientAddress,
    ConsumerId,
    ConsumerTier,
    Header(String),
    Host,
    Method,
    Param(String),
    Path,
    Query(String),
    Route,
    Scheme,
    Scopes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    EndsWith,
    Lower,
    Matches,
    StartsWith,
}

impl Comparison {
    pub(super) const ALL: [Self; 6] = [
        Self::Equal,
        Self::NotEqual,
        Self::LessOrEqual,
        Self::Less,
        Self::GreaterOrEqual,
        Self::Greater,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Function {
    pub(super) const ALL: [Self; 5] =
        [Self::Contains, Self::EndsWith, Self::Lower, Self::Matches, Self::StartsWith];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::EndsWith => "endsWith",
            Self::Lower => "lower",
            Self::Matches => "matches",
            Self::StartsWith => "startsWith",
        }
    }

    /// How many values it takes.
    pub(super) fn arity(self) -> usize {
        if self == Self::Lower { 1 } else { 2 }
    }
}

impl Name {
    /// A root, and what stands after it. None: there is no such thing.
    pub(super) fn of(root: &str, mut rest: Vec<String>) -> Option<Self> {
        Some(match (root, rest.as_mut_slice()) {
            ("claims", _) => Self::Claims(rest),
            ("attributes", [_, ..]) => Self::Attribute(rest.join(".")),
            ("client", [part]) if part == "address" => Self::ClientAddress,
            ("consumer", [part]) if part == "id" => Self::ConsumerId,
            ("consumer", [part]) if part == "tier" => Self::ConsumerTier,
            ("headers", [name]) => Self::Header(name.to_ascii_lowercase()),
            ("params", [name]) => Self::Param(std::mem::take(name)),
            ("query", [name]) => Self::Query(std::mem::take(name)),
            ("host", []) => Self::Host,
            ("method", []) => Self::Method,
            ("path", []) => Self::Path,
            ("route", []) => Self::Route,
            ("scheme", []) => Self::Scheme,
            ("scopes", []) => Self::Scopes,
            _ => return None,
        })
    }

    /// Whether only somebody who is known has it.
    pub(crate) fn is_of_identity(&self) -> bool {
        matches!(self, Self::Claims(_) | Self::ConsumerId | Self::ConsumerTier | Self::Scopes)
    }
}

/// All that there is, for error texts.
pub(super) const NAMES: &str = "attributes.NAME, claims.NAME, client.address, consumer.id, \
                                consumer.tier, headers.NAME, host, method, params.NAME, path, \
                                query.NAME, route, scheme, scopes";

impl Expr {
    /// Every name in it.
    pub(super) fn names(&self) -> Vec<&Name> {
        match &self.kind {
            Kind::Name(name) => vec![name],
            Kind::Literal(_) => Vec::new(),
            Kind::Not(inner) => inner.names(),
            Kind::Compare(_, left, right) | Kind::In(left, right) => {
                [left, right].into_iter().flat_map(|side| side.names()).collect()
            }
            Kind::List(parts) | Kind::And(parts) | Kind::Or(parts) | Kind::Call(_, parts) => {
                parts.iter().flat_map(Self::names).collect()
            }
        }
    }

    /// How tightly its parts hold together.
    fn strength(&self) -> u8 {
        match self.kind {
            Kind::Or(_) => 0,
            Kind::And(_) => 1,
            Kind::Compare(..) | Kind::In(..) => 2,
            _ => 3,
        }
    }

    /// In parentheses if it holds together less than this.
    fn write_as(&self, f: &mut fmt::Formatter<'_>, strength: u8) -> fmt::Result {
        if self.strength() < strength { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Literal(Json::String(text)) => quoted(text, f),
            Kind::Literal(value) => write!(f, "{value}"),
            Kind::Name(name) => write!(f, "{name}"),
            Kind::List(items) => {
                f.write_char('[')?;
                joined(items, ", ", 0, f)?;
                f.write_char(']')
            }
            Kind::Not(inner) => {
                f.write_char('!')?;
                inner.write_as(f, 3)
            }
            Kind::And(parts) => joined(parts, " && ", 2, f),
            Kind::Or(parts) => joined(parts, " || ", 1, f),
            Kind::Compare(comparison, left, right) => {
                left.write_as(f, 3)?;
                write!(f, " {} ", comparison.as_str())?;
                right.write_as(f, 3)
            }
            Kind::In(left, right) => {
                left.write_as(f, 3)?;
                f.write_str(" in ")?;
                right.write_as(f, 3)
            }
            Kind::Call(function, arguments) => {
                write!(f, "{}(", function.as_str())?;
                joined(arguments, ", ", 0, f)?;
                f.write_char(')')
            }
        }
    }
}

fn joined(parts: &[Expr], by: &str, strength: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(by)?;
        }
        part.write_as(f, strength)?;
    }
    Ok(())
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |root: &str, name: &str, f: &mut fmt::Formatter<'_>| {
            f.write_str(root)?;
            segment(name, f)
        };
        match self {
            Self::Attribute(name) => of("attributes", name, f),
            Self::Claims(path) => {
                f.write_str("claims")?;
                path.iter().try_for_each(|name| segment(name, f))
            }
            Self::ClientAddress => f.write_str("client.address"),
            Self::ConsumerId => f.write_str("consumer.id"),
            Self::ConsumerTier => f.write_str("consumer.tier"),
            Self::Header(name) => of("headers", name, f),
            Self::Host => f.write_str("host"),
            Self::Method => f.write_str("method"),
            Self::Param(name) => of("params", name, f),
            Self::Path => f.write_str("path"),
            Self::Query(name) => of("query", name, f),
            Self::Route => f.write_str("route"),
            Self::Scheme => f.write_str("scheme"),
            Self::Scopes => f.write_str("scopes"),
        }
    }
}

fn segment(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_word(name) {
        return write!(f, ".{name}");
    }
    f.write_char('[')?;
    quoted(name, f)?;
    f.write_char(']')
}

/// Whether it can stand without quotes.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(starts_word) && text.chars().all(goes_on)
}

pub(super) fn starts_word(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

/// Names of headers and claims have dashes; there is no subtraction that they could be.
pub(super) fn goes_on(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char('"')
}
