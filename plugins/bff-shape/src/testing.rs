//! Documents and paths for property tests.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Names that meet one another often, and some odd ones.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[abc]", 1 => Just("größe".to_owned()), 1 => Just("a\"b\\c.d".to_owned())]
}

/// Any document.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|n| Number::from_f64(n).map_or(Value::Null, Value::Number)),
        "\\PC{0,6}".prop_map(Value::from),
        "[\"\\\\\\[\\]{},:]{0,4}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// JSON with a few mistakes in it, maybe none.
pub(crate) fn nearly_json() -> impl Strategy<Value = String> {
    let slip = (any::<prop::sample::Index>(), prop::sample::select(SLIPS));
    (json(), prop::collection::vec(slip, 0..3)).prop_map(|(value, slips)| {
        let mut text = value.to_string();
        for (place, slip) in slips {
            let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            text.insert_str(*place.get(&places), slip);
        }
        text
    })
}

const SLIPS: &[&str] = &[
    "\"", "\\", ",", ":", "{", "}", "[", "]", " ", "\n", "\t", "0", "1", "-", "+", ".", "e", "E5",
    "\\u12", "\\ud800", "\\n", "true", "nul", "\u{1}", "é", "\u{feff}", "/",
];

/// A path to a place that documents are likely to have.
pub(crate) fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        5 => "[abc]".prop_map(|name| format!(".{name}")),
        2 => Just("[*]".to_owned()),
        1 => Just(".*".to_owned()),
        1 => "[0-2]".prop_map(|index| format!("[{index}]")),
    ];
    prop::collection::vec(segment, 1..4).prop_map(|segments| format!("${}", segments.concat()))
}
