//! A document as a tree, for JMESPath. Every document that is JSON has one: what a tree cannot hold
//! has a stand-in, so that no single value makes a response unreadable.

use std::collections::BTreeMap;

use jmespath::{Rcvar, Variable};

use crate::json::Document;

/// How deep a tree may be. It is walked with recursion, here and in expressions.
pub(crate) const MAX_LEVELS: usize = 127;

/// The tree of a document. None where it is too deep.
pub(crate) fn tree(document: Document<'_>) -> Option<Variable> {
    Some(value(document, document.root(), MAX_LEVELS)?.0)
}

/// A value and its end. `levels` is how many there may be below.
fn value(document: Document<'_>, at: usize, levels: usize) -> Option<(Variable, usize)> {
    match document.byte(at) {
        b'{' => object(document, at, levels.checked_sub(1)?),
        b'[' => array(document, at, levels.checked_sub(1)?),
        _ => {
            let end = document.end_of(at);
            Some((scalar(document, at, end), end))
        }
    }
}

/// Of several members of one name the last counts.
fn object(document: Document<'_>, at: usize, levels: usize) -> Option<(Variable, usize)> {
    let mut found = BTreeMap::new();
    let mut members = document.members(at);
    while let Some(key) = members.next() {
        let (member, end) = value(document, key.value, levels)?;
        found.insert(document.string(key.start, key.end).into_owned(), Rcvar::new(member));
        members.go_on(end);
    }
    Some((Variable::Object(found), members.end()))
}

fn array(document: Document<'_>, at: usize, levels: usize) -> Option<(Variable, usize)> {
    let mut found = Vec::new();
    let mut items = document.items(at);
    while let Some(item) = items.next() {
        let (item, end) = value(document, item, levels)?;
        found.push(Rcvar::new(item));
        items.go_on(end);
    }
    Some((Variable::Array(found), items.end()))
}

fn scalar(document: Document<'_>, at: usize, end: usize) -> Variable {
    match document.byte(at) {
        // Half a surrogate pair becomes U+FFFD.
        b'"' => Variable::String(document.string(at, end).into_owned()),
        b't' => Variable::Bool(true),
        b'f' => Variable::Bool(false),
        b'n' => Variable::Null,
        _ => number(document.text(at, end)),
    }
}

fn number(text: &str) -> Variable {
    if let Ok(integer) = text.parse::<i64>() {
        return Variable::Number(integer.into());
    }
    if let Ok(integer) = text.parse::<u64>() {
        return Variable::Number(integer.into());
    }
    // Beyond all doubles it stays a number that is larger than others: the largest one.
    let double = text.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX);
    serde_json::Number::from_f64(double).map_or(Variable::Null, Variable::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn written(text: &str) -> String {
        let tree = tree(Document::parse(text, 512).unwrap()).unwrap();
        serde_json::to_string(&tree).unwrap()
    }

    #[test]
    fn what_a_tree_cannot_hold_has_a_stand_in() {
        for (text, is) in [
            (r#""a\ud83d""#, "\"a\u{fffd}\""),
            (r#"{"\udc00":"\ud83d\ude00"}"#, "{\"\u{fffd}\":\"😀\"}"),
            ("[1e400,-1e400]", "[1.7976931348623157e+308,-1.7976931348623157e+308]"),
            ("[1e-400,-0]", "[0.0,0]"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(written(text), is, "{text}");
        }
    }

    #[test]
    fn depth_has_a_cap() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let tree = |depth: usize| tree(Document::parse(&nested(depth), 512).unwrap());
        assert!(tree(MAX_LEVELS).is_some() && tree(MAX_LEVELS + 1).is_none());
    }

    proptest! {
        #[test]
        fn a_tree_is_what_serde_json_reads(json in testing::json()) {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let text = format!("{json:#}");
            prop_assert_eq!(read(&written(&text)), read(&text));
        }

        #[test]
        fn every_document_has_a_tree(text in testing::nearly_json()) {
            if let Ok(document) = Document::parse(&text, MAX_LEVELS) {
                prop_assert!(tree(document).is_some());
            }
        }
    }
}
