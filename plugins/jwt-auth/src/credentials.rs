//! How a token stands in a header, a cookie or a query, and how it is taken out of there. Nothing
//! here knows the gateway.

use torana_plugin_sdk::http::{self, Malformed};

/// The token in the value of a header, after the scheme (RFC 6750, 2.1). None where the value is of
/// another scheme.
pub(crate) fn in_header<'a>(
    value: &'a str,
    scheme: Option<&str>,
) -> Option<Result<&'a str, Malformed>> {
    let Some(scheme) = scheme else { return Some(Ok(value)) };
    let token = http::credentials(value.as_bytes(), scheme)?;
    // (It stands behind ASCII, so that it is a text as well.)
    Some(token.map(|token| &value[value.len() - token.len()..]))
}

/// The values of a cookie (RFC 6265, 4.2.1).
pub(crate) fn in_cookies<'a>(header: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    cookies(header).filter_map(move |(known, value)| (known == name).then_some(value))
}

/// The cookies without the one of this name; none if nothing is left.
pub(crate) fn without_cookie(header: &str, name: &str) -> Option<String> {
    let others = header.split(';').filter(|pair| cookie(pair).0 != name).map(str::trim);
    let others: Vec<_> = others.filter(|pair| !pair.is_empty()).collect();
    (!others.is_empty()).then(|| others.join("; "))
}

fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').map(cookie)
}

fn cookie(pair: &str) -> (&str, &str) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (name.trim(), value.trim())
}

/// The query without the parameter of this name, the rest as it was; none if nothing is left.
pub(crate) fn without_parameter(query: &str, name: &str) -> Option<String> {
    let is_other = |pair: &&str| {
        let key = pair.split_once('=').map_or(*pair, |(key, _)| key);
        !is_spelling_of(key, name)
    };
    let others: Vec<_> = query.split('&').filter(is_other).collect();
    (!others.is_empty()).then(|| others.join("&"))
}

/// Whether a name in a query, form-encoded, is this one.
fn is_spelling_of(key: &str, name: &str) -> bool {
    let mut rest = key.as_bytes();
    let decoded = std::iter::from_fn(|| {
        let (&first, after) = rest.split_first()?;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                rest = &after[2..];
                Some(byte)
            }
            (b'+', _) => {
                rest = after;
                Some(b' ')
            }
            (first, _) => {
                rest = after;
                Some(first)
            }
        }
    });
    decoded.eq(name.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_has_no_case_and_its_own_word() {
        let bearer = |value| in_header(value, Some("Bearer"));
        assert_eq!(bearer("Bearer a.b.c"), Some(Ok("a.b.c")));
        assert_eq!(bearer("bEARER   a.b.ü"), Some(Ok("a.b.ü")));
        assert_eq!(bearer("Bearer"), Some(Ok("")));
        assert_eq!(bearer("Bearer\ta.b.c"), Some(Err(Malformed)));
        assert_eq!(bearer("Basic YTpi"), None);
        assert_eq!(bearer("Bearera.b.c"), None);
        assert_eq!(bearer("a.b.c"), None);
        assert_eq!(bearer(""), None);
        assert_eq!(in_header("Bearer a.b.c", None), Some(Ok("Bearer a.b.c")));
    }

    #[test]
    fn cookies_are_told_apart() {
        let header = "a=1; token=x.y.z;token2=2; TOKEN=3; token =4";
        assert_eq!(in_cookies(header, "token").collect::<Vec<_>>(), ["x.y.z", "4"]);
        assert_eq!(without_cookie(header, "token").unwrap(), "a=1; token2=2; TOKEN=3");
        assert_eq!(without_cookie("token=x", "token"), None);
        assert_eq!(without_cookie("token; ;", "token"), None);
    }

    #[test]
    fn a_parameter_is_found_in_any_spelling() {
        for query in ["a=1&token=x&b=%20", "token&a=1&b=%20", "a=1&b=%20&%74oken=x&t%6Fken=y"] {
            assert_eq!(without_parameter(query, "token").unwrap(), "a=1&b=%20", "{query}");
        }
        assert_eq!(without_parameter("my+token=1&a", "my token").unwrap(), "a");
        assert_eq!(without_parameter("token=x", "token"), None);
        assert_eq!(
            without_parameter("tok%en=1&%zz&%+1ken", "token").unwrap(),
            "tok%en=1&%zz&%+1ken"
        );
    }
}
