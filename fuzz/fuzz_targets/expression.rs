//! `authz`: an expression on the first line, the claims of a token on the rest.
//!
//! What is written of an expression reads as the same, and the negation of a mistake is a mistake.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/authz/src/expression/mod.rs"]
mod expression;

use std::borrow::Cow;

use expression::{Expression, Facts, Name};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use torana_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    let Some([text, claims]) = lines(data) else { return };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}");
            return;
        }
    };
    let request = Request(serde_json::from_str(claims).unwrap_or(Json::Null));
    let holds = expression.holds(&request).ok();
    if let Ok(negation) = Expression::parse(&format!("!({text})")) {
        assert_eq!(negation.holds(&request).ok(), holds.map(|holds| !holds));
    }
    let _ = expression.mentions(|name| name.to_string().is_empty());
});

/// Claims, and for all else a text or nothing.
struct Request(Json);

impl Facts for Request {
    fn value(&self, name: &Name) -> Result<Cow<'_, Json>, String> {
        match name {
            Name::Claims(path) => {
                let found = path.iter().try_fold(&self.0, |value, name| value.get(name));
                Ok(found.map_or(Cow::Owned(Json::Null), Cow::Borrowed))
            }
            Name::Scopes => Ok(Cow::Owned(Json::Array(vec!["a:read".into(), "b".into()]))),
            Name::Query(name) => Err(format!("`{name}` stands there twice")),
            Name::Header(_) => Ok(Cow::Owned(Json::Null)),
            name => Ok(Cow::Owned(name.to_string().into())),
        }
    }
}
