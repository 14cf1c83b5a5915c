//! The parameters of a route's path.

use crate::percent::percent_decoded;

/// `/users/{id}/{*rest}` holds a path's segments against names.
pub(super) fn params(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut params = Vec::new();
    let mut rest = path;
    for expected in pattern.split_inclusive('/') {
        if let Some(name) = expected.strip_prefix("{*").and_then(|name| name.strip_suffix('}')) {
            params.push((name.to_owned(), percent_decoded(rest)));
            return (!rest.is_empty()).then_some(params);
        }
        let end = rest.find('/').map_or(rest.len(), |slash| slash + 1);
        let (segment, after) = rest.split_at(end);
        rest = after;
        params.extend(matched(expected, segment)?);
    }
    rest.is_empty().then_some(params)
}

/// One segment, with its slash. None: no match. `Some(None)`: a match without a name.
#[expect(clippy::option_option, reason = "a match may or may not have a name")]
fn matched(expected: &str, segment: &str) -> Option<Option<(String, String)>> {
    let name = expected.trim_end_matches('/');
    let value = segment.trim_end_matches('/');
    if expected.ends_with('/') != segment.ends_with('/') {
        return None;
    }
    match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) if !value.is_empty() => Some(Some((name.to_owned(), percent_decoded(value)))),
        Some(_) => None,
        None => (name == value).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::params;

    #[test]
    fn a_pattern_names_segments() {
        let named = |pattern, path| {
            let found = params(pattern, path)?;
            Some(found.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(named("/users/{id}", "/users/a%20b").unwrap(), "id=a b");
        assert_eq!(named("/u/{id}/x/{*rest}", "/u/7/x/a/b").unwrap(), "id=7 rest=a/b");
        assert_eq!(named("/users", "/users").unwrap(), "");
        for (pattern, path) in [
            ("/users/{id}", "/users/"),
            ("/users/{id}", "/users/7/x"),
            ("/users/{id}", "/other/7"),
            ("/users/{*rest}", "/users/"),
        ] {
            assert_eq!(named(pattern, path), None, "{pattern} {path}");
        }
    }
}
