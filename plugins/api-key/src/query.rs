//! Takes a parameter out of a query and leaves the rest as it is. Nothing here knows the gateway.

use percent_encoding::{CONTROLS, utf8_percent_encode};

/// The query without a parameter; none when nothing is left. Names are compared decoded, as the
/// host reads them: `api%5Fkey` is `api_key`.
pub(crate) fn without(query: &str, name: &str) -> Option<String> {
    let is_it = |pair: &str| form_urlencoded::parse(pair.as_bytes()).any(|(key, _)| key == name);
    let kept: Vec<_> = query.split('&').filter(|pair| !is_it(pair)).collect();
    if kept.iter().all(|pair| pair.is_empty()) {
        return None;
    }
    // Some clients send raw UTF-8; a request target is ASCII (RFC 3986, 3.4).
    Some(utf8_percent_encode(&kept.join("&"), CONTROLS).to_string())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn a_parameter_goes_in_every_spelling() {
        for (query, rest) in [
            ("key=1", None),
            ("key", None),
            ("key=", None),
            ("%6Bey=1", None),
            ("&key=1&", None),
            ("key=1&key=2", None),
            ("a=1&key=2&b=3", Some("a=1&b=3")),
            ("keys=1&Key=2&a=key", Some("keys=1&Key=2&a=key")),
            ("a=%26key%3D1&b=1;key=2", Some("a=%26key%3D1&b=1;key=2")),
            ("a=+%20%zz&key=1", Some("a=+%20%zz")),
            ("a=ü&key=1", Some("a=%C3%BC")),
        ] {
            assert_eq!(without(query, "key").as_deref(), rest, "{query}");
        }
        assert_eq!(without("api+key=1&b=2", "api key").as_deref(), Some("b=2"));
    }
}
