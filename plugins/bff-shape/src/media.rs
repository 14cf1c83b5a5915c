//! Media types.

/// Whether a Content-Type says JSON: `application/json`, `text/json`, or any type with the suffix
/// `+json` (RFC 6839). Problems (RFC 9457) are for every client alike, so they are none.
pub(crate) fn is_json(content_type: &str) -> bool {
    let kind = essence(content_type);
    let has_suffix = kind.ends_with("+json") && kind != PROBLEM;
    kind == "application/json" || kind == "text/json" || has_suffix
}

/// Whether a Content-Type says that this is a problem.
pub(crate) fn is_problem(content_type: &str) -> bool {
    essence(content_type) == PROBLEM
}

const PROBLEM: &str = "application/problem+json";

/// The type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_the_rest() {
        for json in ["application/json", "Application/JSON ; charset=utf-8", "application/hal+json"]
        {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "application/problem+json", "application/jsonp", "text/html", "json"] {
            assert!(!is_json(other), "{other}");
        }
        assert!(is_problem("application/problem+json; charset=utf-8"));
        assert!(!is_problem("application/json"));
    }
}
