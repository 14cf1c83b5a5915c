//! URIs (RFC 3986), IRIs (RFC 3987) and JSON Pointers (RFC 6901).

use std::net::Ipv6Addr;

/// With a scheme.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    is_scheme(scheme) && is_rest(rest)
}

/// With or without one.
pub(super) fn is_reference(text: &str) -> bool {
    if is_uri(text) {
        return true;
    }
    // What has a colon in its first segment would begin with a scheme.
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    !first.contains(':') && is_rest(text)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn is_rest(text: &str) -> bool {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !is_made_of(fragment, "/?:@") || !is_made_of(query, "/?:@") {
        return false;
    }
    match path.strip_prefix("//") {
        None => is_made_of(path, "/:@"),
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            is_authority(&rest[..end]) && is_made_of(&rest[end..], "/:@")
        }
    }
}

fn is_authority(text: &str) -> bool {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    if !is_made_of(user, ":") {
        return false;
    }
    let (host, port) = match host.rfind(']') {
        Some(end) => host.split_at(end + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    is_port && is_host(host)
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
        None => is_made_of(host, ""),
        Some(literal) => literal.is_some_and(|literal| {
            let is_future = || {
                let (version, rest) = literal[1..].split_once('.').unwrap_or_default();
                literal.starts_with(['v', 'V'])
                    && !version.is_empty()
                    && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && !rest.is_empty()
                    && is_made_of(rest, ":")
            };
            literal.parse::<Ipv6Addr>().is_ok()
                || !literal.is_empty() && literal.is_ascii() && is_future()
        }),
    }
}

/// Unreserved characters, delimiters, escapes, and these.
fn is_made_of(text: &str, more: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '%' => {
                let digits = rest.as_bytes().get(1..3).unwrap_or_default();
                if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return false;
                }
                3
            }
            c if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c) || more.contains(c) => {
                1
            }
            c if !c.is_ascii() && !c.is_control() => c.len_utf8(),
            _ => return false,
        };
        rest = &rest[length..];
    }
    true
}

/// Steps that begin with a slash, in which `~` is `~0` and `/` is `~1`.
pub(super) fn is_pointer(text: &str) -> bool {
    let is_escaped =
        |(at, _): (usize, &str)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1'));
    (text.is_empty() || text.starts_with('/')) && text.match_indices('~').all(is_escaped)
}

/// Levels up, and a pointer or `#`.
pub(super) fn is_relative_pointer(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (levels, rest) = text.split_at(end);
    let is_level = levels == "0" || !levels.is_empty() && !levels.starts_with('0');
    is_level && (rest == "#" || is_pointer(rest))
}
