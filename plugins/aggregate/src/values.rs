//! Values of names: of the exchange, and of what the other parts answered.

use std::{borrow::Cow, cell::RefCell};

use template::{Name, Piece};
use torana_plugin_sdk::{claims, host::HeaderError, prelude::*};

use crate::{
    fault::Fault,
    fields::Each,
    json,
    source::{Source, Template},
};

/// Why there is no value, or no call.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The part's policy says what comes of it.
    Fault(Fault),
    /// The hook cannot do its work.
    Failure(Failure),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What clients repeat or garble is looked at before: no more than a failure is left.
impl From<template::Fault> for Trouble {
    fn from(fault: template::Fault) -> Self {
        Self::Failure(match fault {
            template::Fault::Client(text) => Failure::new(text),
            template::Fault::Hook(failure) => failure,
        })
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// A value that a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Json(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// As one text. A list or an object is none.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, &'static str> {
        match self {
            Self::Text(text) => Ok(Cow::Borrowed(text)),
            Self::Json(json) => scalar(json),
        }
    }

    /// As several texts: those of a list, or the one.
    pub(crate) fn texts(&self) -> Result<Vec<Cow<'_, str>>, &'static str> {
        match self {
            Self::Json(json) if json.starts_with('[') => {
                let elements = json::elements(json).ok_or("is no list")?;
                elements.into_iter().filter(|element| *element != "null").map(scalar).collect()
            }
            _ => Ok(vec![self.text()?]),
        }
    }

    /// As JSON.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Text(text) => json::quoted(text),
            Self::Json(json) => json.clone().into_owned(),
        }
    }
}

/// A claim, in whose name there may be dots, or what lies at a path.
fn named<'a>(claims: &'a str, path: &[String]) -> Option<Cow<'a, str>> {
    let member = |value: &&'a str, name: &str| json::member(value, name);
    let found = claims::find_by(path, &|name| member(&claims, name), &member);
    found.map(Cow::Borrowed).or_else(|| json::select(claims, path))
}

fn scalar(json: &str) -> Result<Cow<'_, str>, &'static str> {
    match json.as_bytes().first() {
        Some(b'"') => json::text(json).ok_or("is a string that is no Unicode"),
        Some(b'{') => Err("is an object, and here goes a text"),
        Some(b'[') => Err("is a list, and here goes a text"),
        _ => Ok(Cow::Borrowed(json)),
    }
}

/// What other parts answered.
pub(crate) trait Results {
    /// The result of a part as JSON; None where it is left out.
    fn of(&self, part: &str) -> Option<&str>;
}

/// The values of names, for one part. What is the same for each of its calls is looked up once.
pub(crate) struct Values<'a, H, R> {
    host: &'a H,
    results: &'a R,
    known: RefCell<Vec<(&'a Source, Option<Value<'a>>)>>,
}

impl<'a, H: Host, R: Results> Values<'a, H, R> {
    pub(crate) fn new(host: &'a H, results: &'a R) -> Self {
        Self { host, results, known: RefCell::default() }
    }

    /// The value of a name; `item` is the element that the call is for. `null` is none.
    pub(crate) fn of<'i>(
        &'i self,
        source: &'a Source,
        item: Option<&'i str>,
    ) -> Result<Option<Value<'i>>, Trouble> {
        let path = match source {
            Source::Item(path) => path,
            _ => return self.common(source),
        };
        Ok(item.and_then(|item| selected(item, path)))
    }

    fn common(&self, source: &'a Source) -> Result<Option<Value<'a>>, Trouble> {
        let known = self.known.borrow().iter().find(|(known, _)| *known == source).cloned();
        if let Some((_, value)) = known {
            return Ok(value);
        }
        let value = match source {
            Source::Part { part, path } => {
                self.results.of(part).and_then(|result| selected(result, path))
            }
            Source::Exchange(name) => self.exchange(source, name)?,
            Source::Item(_) => None,
        };
        self.known.borrow_mut().push((source, value.clone()));
        Ok(value)
    }

    fn exchange(&self, source: &Source, name: &Name) -> Result<Option<Value<'a>>, Trouble> {
        let request = self.host.request();
        let text = match name {
            // Its numbers keep their digits.
            Name::Claim(path) => return self.claim(path),
            // What a client repeats or garbles is its own fault, not a failure.
            Name::RequestHeader(name) => match request.header(name) {
                Err(Refused { why: HeaderError::Repeated, .. }) => return repeated(source),
                Err(Refused { why: HeaderError::NotText, .. }) => {
                    return Err(Fault::BadValue(source.clone(), "is not UTF-8").into());
                }
                answer => answer.map_err(Failure::from)?,
            },
            Name::RequestQueryValue(name) => match request.query_values(name) {
                values if values.len() > 1 => return repeated(source),
                mut values => values.pop(),
            },
            other => other.value(self.host)?,
        };
        Ok(text.map(|text| Value::Text(Cow::Owned(text))))
    }

    fn claim(&self, path: &[String]) -> Result<Option<Value<'a>>, Trouble> {
        let Some(claims) = self.host.attributes().get("auth.claims") else { return Ok(None) };
        let claims = json::value(&claims)
            .map_err(|_| Failure::new("the attribute `auth.claims` is no JSON object"))?;
        let found = named(claims, path).filter(|value| *value != "null");
        Ok(found.map(|value| Value::Json(Cow::Owned(value.into_owned()))))
    }

    /// The array that `each` names. None where the service left it out: then there is nothing to
    /// call for. A part that was left out itself is a fault.
    pub(crate) fn array(&self, each: &'a Each) -> Result<Option<Cow<'a, str>>, Fault> {
        let absent = || Fault::NoValue(each.source.clone());
        let result = self.results.of(&each.part).ok_or_else(absent)?;
        Ok(json::select(result, &each.path).filter(|value| *value != "null"))
    }

    /// Fills a template in with texts. None when a value is absent that has no default.
    pub(crate) fn text(
        &self,
        template: &'a Template,
        item: Option<&str>,
    ) -> Result<Option<String>, Trouble> {
        let mut text = String::new();
        for piece in template.pieces() {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Value { name, default } => match self.of(name, item)? {
                    Some(value) => {
                        let value =
                            value.text().map_err(|why| Fault::BadValue(name.clone(), why))?;
                        text.push_str(&value);
                    }
                    None => match default {
                        Some(default) => text.push_str(default),
                        None => return Ok(None),
                    },
                },
            }
        }
        Ok(Some(text))
    }

    /// The JSON of a template: of a lone name, its value as it is.
    pub(crate) fn json(
        &self,
        template: &'a Template,
        item: Option<&str>,
    ) -> Result<Option<String>, Trouble> {
        if let [Piece::Value { name, default }] = template.pieces() {
            let value = self.of(name, item)?.map(|value| value.json());
            return Ok(value.or_else(|| default.as_deref().map(json::quoted)));
        }
        Ok(self.text(template, item)?.map(|text| json::quoted(&text)))
    }
}

fn repeated<T>(source: &Source) -> Result<T, Trouble> {
    Err(Fault::BadValue(source.clone(), "stands there more than once").into())
}

fn selected<'a>(value: &'a str, path: &[String]) -> Option<Value<'a>> {
    json::select(value, path).filter(|value| *value != "null").map(Value::Json)
}
