//! What holds for every expression there is.

use proptest::prelude::*;
use serde_json::json;

use super::{
    Expression,
    ast::{Column, Comparison, Expr, Function, Kind, Name},
    parse::parse,
};

fn name() -> impl Strategy<Value = Name> {
    let text = "[a-z ._\"'\\\\ä-]{0,6}";
    prop_oneof![
        prop::collection::vec(text, 0..3).prop_map(Name::Claims),
        text.prop_map(Name::Attribute),
        text.prop_map(Name::Header),
        text.prop_map(Name::Param),
        text.prop_map(Name::Query),
        prop::sample::select(vec![
            Name::ClientAddress,
            Name::ConsumerId,
            Name::ConsumerTier,
            Name::Host,
            Name::Method,
            Name::Path,
            Name::Route,
            Name::Scheme,
            Name::Scopes,
        ]),
    ]
}

fn leaf() -> impl Strategy<Value = Kind> {
    prop_oneof![
        any::<i64>().prop_map(|number| Kind::Literal(json!(number))),
        any::<u64>().prop_map(|number| Kind::Literal(json!(number))),
        (-1000..1000_i32).prop_map(|number| Kind::Literal(json!(f64::from(number) / 8.0))),
        any::<bool>().prop_map(|value| Kind::Literal(json!(value))),
        any::<String>().prop_map(|text| Kind::Literal(json!(text))),
        Just(Kind::Literal(json!(null))),
        name().prop_map(Kind::Name),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let at = |kind| Expr { at: Column(0), kind };
    leaf().prop_map(at).prop_recursive(5, 32, 4, move |inner| {
        let comparison = prop::sample::select(Comparison::ALL.to_vec());
        let many = prop::collection::vec(inner.clone(), 2..4);
        let pattern = any::<String>().prop_map(move |text| at(Kind::Literal(json!(text))));
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Kind::List),
            boxed.clone().prop_map(Kind::Not),
            many.clone().prop_map(Kind::And),
            many.prop_map(Kind::Or),
            (comparison, boxed.clone(), boxed.clone()).prop_map(|(c, a, b)| Kind::Compare(c, a, b)),
            (boxed.clone(), boxed).prop_map(|(a, b)| Kind::In(a, b)),
            inner.clone().prop_map(|text| Kind::Call(Function::Lower, vec![text])),
            (inner, pattern).prop_map(|(a, b)| Kind::Call(Function::Matches, vec![a, b])),
        ]
        .prop_map(at)
    })
}

/// Texts that are near to expressions.
fn nearly() -> impl Strategy<Value = String> {
    let words = [
        "claims", ".", "a-b", "[", "]", "(", ")", "\"x\"", "'", "\"", "\\", "==", "=", "!=", "!",
        "<", ">=", "&&", "&", "||", "in", "null", "true", "5", "-1", "0.", ",", "lower", "matches",
        "path", "scopes", " ", "ä",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24).prop_map(|w| w.concat())
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(expr in expr()) {
        let text = expr.to_string();
        prop_assume!(text.len() <= 4096);
        prop_assert_eq!(parse(&text).map_err(|error| format!("{text}: {error}")), Ok(expr));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn a_mistake_is_inside_the_text(text in nearly()) {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{}", error);
        }
    }
}
