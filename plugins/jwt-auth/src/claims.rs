//! What stands in a token: how claims are found, and how they are read as text. Nothing here knows
//! the gateway.

use serde_json::{Map, Value};
pub(crate) use torana_plugin_sdk::claims::find;

/// The claims of a token.
pub(crate) type Claims = Map<String, Value>;

/// A claim as a list of words: a text of words (`scope` of RFC 8693, 4.2), or an array of them. What
/// is neither, or has something else in it, is none.
///
/// What is no word is left out: `["a b"]` must not become two scopes where it is told to others.
pub(crate) fn words(value: &Value) -> Vec<&str> {
    let mut words = match value {
        Value::String(text) => text.split(' ').collect(),
        Value::Array(values) => texts(values).unwrap_or_default(),
        _ => Vec::new(),
    };
    let is_word =
        |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    words.retain(|text| is_word(text));
    words
}

/// A claim as a list of names that may have spaces in them: an array of texts, or one text.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => texts(values).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn texts(values: &[Value]) -> Option<Vec<&str>> {
    values.iter().map(Value::as_str).collect()
}

/// Whether a claim is this value, or a list that has it. Numbers are compared as numbers.
pub(crate) fn has(claim: &Value, wanted: &Value) -> bool {
    match claim {
        Value::Array(values) => values.iter().any(|value| is(value, wanted)),
        value => is(value, wanted),
    }
}

fn is(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        // Integers by the digit: as floats, large ones would be equal to their neighbours.
        (Some(_), Some(_)) if value.is_f64() || wanted.is_f64() => {
            value.as_f64() == wanted.as_f64()
        }
        _ => value == wanted,
    }
}

/// A claim as a header's value, or an attribute's: texts, numbers and booleans as they are, a list
/// of them joined with commas, all else as JSON. None where there is nothing to say.
///
/// The error is for the log: a value that would not arrive as it is in the token is not sent.
pub(crate) fn text(value: &Value) -> Result<Option<String>, &'static str> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Array(values) => joined(values)?.unwrap_or_else(|| value.to_string()),
        other => other.to_string(),
    };
    if text.chars().any(char::is_control) {
        return Err("has a control character");
    }
    // Whoever receives the header strips these, so that "admin " would arrive as "admin".
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("begins or ends with a space");
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// None where something in the list is itself a list or an object.
fn joined(values: &[Value]) -> Result<Option<String>, &'static str> {
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        texts.push(match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Ok(None),
        });
    }
    // One role that is called "reader,admin" must not arrive as two.
    if texts.iter().any(|text| text.contains(',')) {
        return Err("is a list with a comma in one of its values");
    }
    Ok(Some(texts.join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scopes_are_words_and_roles_are_names() {
        assert_eq!(words(&json!("a  b ")), ["a", "b"]);
        assert_eq!(words(&json!(["a", "b c", "", "d\ne"])), ["a"]);
        assert_eq!(words(&json!("a\tb c")), ["c"]);
        assert_eq!(names(&json!("shop admin")), ["shop admin"]);
        for nonsense in [json!(7), json!(["a", 7]), json!({ "a": true }), json!(null)] {
            assert!(words(&nonsense).is_empty() && names(&nonsense).is_empty(), "{nonsense}");
        }
    }

    #[test]
    fn a_value_is_had_by_the_letter() {
        assert!(has(&json!("a"), &json!("a")) && has(&json!(["b", "a"]), &json!("a")));
        assert!(has(&json!(true), &json!(true)) && has(&json!(1), &json!(1.0)));
        assert!(!has(&json!("true"), &json!(true)) && !has(&json!("1"), &json!(1)));
        assert!(!has(&json!("a b"), &json!("a")) && !has(&json!([["a"]]), &json!("a")));
        assert!(!has(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64)));
    }

    #[test]
    fn a_value_arrives_as_it_is_or_not_at_all() {
        for (value, expected) in [
            (json!("a b"), Some("a b")),
            (json!("ä"), Some("ä")),
            (json!(7), Some("7")),
            (json!(["a", 1, true]), Some("a,1,true")),
            (json!([["a"], "b,c"]), Some(r#"[["a"],"b,c"]"#)),
            (json!({ "a": "x\ny" }), Some(r#"{"a":"x\ny"}"#)),
            (json!(""), None),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(text(&value), Ok(expected.map(str::to_owned)), "{value}");
        }
        for value in ["a\r\nx-admin: 1", "a\0", "a\u{7f}", "a\u{85}", "a\t", " a", "a "] {
            assert!(text(&json!(value)).is_err(), "{value:?}");
        }
        assert!(text(&json!(["reader,admin"])).is_err());
        assert!(text(&json!(["reader\n"])).is_err());
    }
}
