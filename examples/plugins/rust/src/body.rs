//! What becomes of a body.

use serde_json::Value;

/// The JSON object `text` with a greeting in it; none for anything else, which is left alone.
pub(crate) fn greeted(text: &str, greeting: &str, call: u64) -> Option<String> {
    let Ok(Value::Object(mut object)) = serde_json::from_str(text) else { return None };
    object.insert("greeting".into(), greeting.into());
    object.insert("call".into(), call.into());
    serde_json::to_string(&object).ok()
}

/// Whether a content type is that of JSON, with parameters or without.
pub(crate) fn is_json(content_type: &str) -> bool {
    let (kind, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    kind.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_greeted_and_the_rest_is_left_alone() {
        let greeted = |text| greeted(text, "Hello, Ada!", 7);
        let expected = r#"{"id":1,"greeting":"Hello, Ada!","call":7}"#;
        assert_eq!(greeted(r#"{"id": 1}"#).as_deref(), Some(expected));
        assert_eq!(greeted("[1]"), None);
        assert_eq!(greeted(r#"{"a":"#), None);
    }

    #[test]
    fn what_is_json() {
        assert!(is_json("application/json") && is_json("Application/JSON ; charset=utf-8"));
        assert!(!is_json("application/jsonl") && !is_json("text/plain"));
    }
}
