//! What a request says of who asks and by which way. Of that only trusted proxies are believed.

use http::{HeaderName, header};

use crate::fields::Fields;

/// Takes off what is not believed, before any plugin sees it: another proxy's fields, unless they are a trusted one's,
/// and names that some services take for a field that is ours to write (CGI knows no dashes: RFC 3875, 4.1.18).
/// Whether there are other names with an underscore.
pub(super) fn take_claims(headers: &mut Fields, from_proxy: bool) -> bool {
    let is_suspect = |name: &HeaderName| is_of_proxy(name.as_str()) || has_underscore(name);
    // Nearly all requests have none.
    if !headers.names().any(is_suspect) {
        return false;
    }
    let is_claim = |name: &HeaderName| match has_underscore(name) {
        true => is_ours(&name.as_str().replace('_', "-")),
        false => !from_proxy && is_of_proxy(name.as_str()),
    };
    headers.retain(|name, _| !is_claim(name));
    headers.names().any(has_underscore)
}

fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().as_bytes().contains(&b'_')
}

/// Whether proxies write it of those before them.
fn is_of_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip")
}

/// Whether nobody but the gateway and its plugins says it.
fn is_ours(name: &str) -> bool {
    let names = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::HOST,
        header::PROXY_AUTHORIZATION,
        header::VIA,
    ];
    is_of_proxy(name)
        || names.iter().any(|ours| ours == name)
        || matches!(name, "x-request-id" | "traceparent" | "tracestate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_where_a_request_comes_from() {
        let names = [
            "x-forwarded-for",
            "x-forwarded-prefix",
            "x-forwarded-ssl",
            "forwarded",
            "x-real-ip",
            "x_forwarded_for",
            "x-forwarded_host",
            "proxy_authorization",
            "x_user_id",
            "accept",
        ];
        let headers = |names: &[&str]| -> Fields {
            names.iter().map(|name| (name.parse().unwrap(), "1".parse().unwrap())).collect()
        };
        let mut left = headers(&names);
        assert!(take_claims(&mut left, false));
        assert_eq!(left, headers(&["x_user_id", "accept"]));
        let mut left = headers(&names);
        assert!(take_claims(&mut left, true));
        assert_eq!(left, headers(&[&names[..5], &["x_user_id", "accept"]].concat()));
        let mut left = headers(&["host", "accept", "user-agent"]);
        assert!(!take_claims(&mut left, false));
        assert_eq!(left.len(), 3);
    }
}
