//! Path and query that the service is asked for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use template::{Fault, Name, Piece, Template};
use torana_plugin_sdk::{host::Request, prelude::*};

/// The longest that services take.
const MAX_LENGTH: usize = 8 << 10;

/// All that is not unreserved (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A template, filled in. No value in it becomes syntax.
pub(crate) fn filled_in(template: &Template, host: &impl Host) -> Result<String, Fault> {
    let mut target = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(text) => target.push_str(text),
            Piece::Value { name, default } => {
                let value = name.header_value(host)?.or_else(|| default.clone());
                let value = value.ok_or_else(|| absent(name))?;
                if !target.contains('?') {
                    fit_for_path(name, &value)?;
                }
                target.extend(utf8_percent_encode(&value, ESCAPED));
            }
        }
    }
    sound(target)
}

/// The request's own path and query behind a prefix.
pub(crate) fn prefixed(prefix: &str, host: &impl Host) -> Result<String, Fault> {
    sound(format!("{prefix}{}", uri(&host.request())))
}

/// The request's path and query, as they were received.
pub(crate) fn uri(request: &impl Request) -> String {
    let mut uri = request.path();
    if let Some(query) = request.query() {
        uri.push('?');
        uri.push_str(&query);
    }
    uri
}

/// Escaping alone is not enough in a path: many servers decode before they resolve dot segments. And without a value it
/// is that of another resource, where a query is still the same one.
fn fit_for_path(name: &Name, value: &str) -> Result<(), Fault> {
    if value.is_empty() {
        return Err(Fault::Client(format!("The value of {name} is empty.")));
    }
    if climbs(value) { Err(leads_elsewhere()) } else { Ok(()) }
}

fn leads_elsewhere() -> Fault {
    Fault::Client("The request would lead to another path.".to_owned())
}

/// Values that are harmless alone may not be so together.
fn sound(target: String) -> Result<String, Fault> {
    let path = target.split('?').next().unwrap_or_default();
    if climbs(path) {
        return Err(leads_elsewhere());
    }
    if target.len() > MAX_LENGTH {
        return Err(Fault::Client("The request is too long to be judged.".to_owned()));
    }
    Ok(target)
}

/// Which parameters there are is the route's to say; all else is the client's.
fn absent(name: &Name) -> Fault {
    match name {
        Name::Param(_) => {
            Fault::Hook(Failure::new(format!("{name} has no value, and `path` needs it")))
        }
        _ => Fault::Client(format!("There is no {name}.")),
    }
}

/// Whether a path has a segment of dots, which servers resolve; some decode it before.
pub(crate) fn climbs(path: &str) -> bool {
    has_dots(path) || has_dots(&percent_decode_str(path).decode_utf8_lossy())
}

/// A percent sign that begins no escape, with what follows it.
pub(crate) fn half_escape(target: &str) -> Option<&str> {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let escapes = target.match_indices('%').map(|(at, _)| &target[at..]);
    let is_half = |rest: &&str| !is_hex(rest.as_bytes().get(1)) || !is_hex(rest.as_bytes().get(2));
    escapes.filter(is_half).map(|rest| rest.get(..3).unwrap_or(rest)).next()
}

fn has_dots(path: &str) -> bool {
    // `..;a=b` is `..` for servers that know path parameters (RFC 3986, 3.3).
    let mut segments = path.split(['/', '\\']).map(|segment| segment.split(';').next());
    segments.any(|segment| matches!(segment, Some("." | "..")))
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use torana_plugin_sdk::fake::FakeHost;

    use super::*;

    fn asked(template: &str, host: &FakeHost) -> Result<String, String> {
        filled_in(&Template::parse(template).unwrap(), host).map_err(|fault| match fault {
            Fault::Client(text) => text,
            Fault::Hook(failure) => format!("failure: {}", failure.log),
        })
    }

    #[test]
    fn values_become_no_syntax() {
        let host = FakeHost::get("/a/b?c=d%26e").with_param("id", "a/b?c#d e");
        assert_eq!(asked("/auth", &host).unwrap(), "/auth");
        assert_eq!(asked("/auth/{params.id}", &host).unwrap(), "/auth/a%2Fb%3Fc%23d%20e");
        let all = asked("/auth?rd={request.path}&q={request.query}", &host);
        assert_eq!(all.unwrap(), "/auth?rd=%2Fa%2Fb&q=c%3Dd%2526e");
    }

    #[test]
    fn no_value_leads_elsewhere() {
        for id in ["..", ".", "../admin", "..;x", "a/..", "%2e%2e"] {
            let host = FakeHost::get("/a").with_param("id", id);
            assert!(asked("/auth/{params.id}/x", &host).is_err(), "{id}");
            assert!(asked("/auth?id={params.id}", &host).is_ok(), "{id}");
        }
        let host = FakeHost::get("/a").with_param("id", "");
        assert!(asked("/auth/{params.id}", &host).unwrap_err().contains("is empty"));
        assert_eq!(asked("/auth?id={params.id}", &host).unwrap(), "/auth?id=");
    }

    #[test]
    fn what_is_missing_is_theirs_who_have_it_to_say() {
        let host = FakeHost::get("/a");
        let header = asked("/auth?t={request.header.x-t}", &host).unwrap_err();
        assert_eq!(header, "There is no header `x-t`.");
        assert!(asked("/auth/{params.id}", &host).unwrap_err().starts_with("failure: "));
        assert_eq!(asked("/auth/{params.id:-none}", &host).unwrap(), "/auth/none");
    }

    #[test]
    fn an_escape_has_two_digits() {
        for (target, half) in
            [("/%zz", "%zz"), ("/a%2", "%2"), ("/%", "%"), ("/%2x/%", "%2x"), ("/%é", "%é")]
        {
            assert_eq!(half_escape(target), Some(half), "{target}");
        }
        assert_eq!(half_escape("/%2F%25%aa"), None);
    }

    #[test]
    fn a_prefix_stands_before_path_and_query_as_they_came() {
        let host = FakeHost::get("/a%20b?c=%2e%2e");
        assert_eq!(prefixed("/auth", &host).unwrap(), "/auth/a%20b?c=%2e%2e");
        assert_eq!(prefixed("", &host).unwrap(), "/a%20b?c=%2e%2e");
        assert!(prefixed("/auth", &FakeHost::get("/a/%2e%2e/b")).is_err());
        assert!(prefixed("/auth", &FakeHost::get(&format!("/{}", "a".repeat(8 << 10)))).is_err());
    }

    proptest! {
        #[test]
        fn a_value_stays_in_its_segment(value in r"[./\\%2eE;a?#]{1,12}") {
            let host = FakeHost::get("/a").with_param("id", &value);
            let target = asked("/a/{params.id}/b", &host);
            prop_assume!(target.is_ok());
            let target = target.unwrap();
            prop_assert_eq!(target.split('/').count(), 4);
            prop_assert!(!target.contains(['?', '#']));
            // As a server that decodes first, and once more, would resolve it.
            let once = percent_decode_str(&target).decode_utf8_lossy().into_owned();
            prop_assert!(!climbs(&once), "{}", once);
        }
    }
}
