//! Whom a plugin calls: an upstream, by name, or an origin.

/// Whether both are the same upstream or origin: an origin may be written with its usual port, a slash or capitals.
pub fn is_same(one: &str, other: &str) -> bool {
    match (origin(one), origin(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Scheme, host and port; none for what is no origin.
fn origin(text: &str) -> Option<(String, String, u16)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, usual),
    };
    Some((scheme, host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn an_origin_is_written_in_several_ways() {
        for same in ["https://idp.example/", "https://idp.example:443", "HTTPS://IDP.example"] {
            assert!(is_same("https://idp.example", same), "{same}");
        }
        assert!(is_same("http://[::1]", "http://[::1]:80/") && is_same("users", "users"));
        for other in [
            "http://idp.example",
            "https://idp.example:8443",
            "https://idp.example/realm",
            "https://u@idp.example",
            "https://idp.example:no",
            "idp.example",
        ] {
            assert!(!is_same("https://idp.example", other), "{other}");
        }
        assert!(!is_same("users", "Users"));
    }
}
