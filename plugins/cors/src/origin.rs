//! Origins: which ones the settings can name, and which ones they let in. Nothing here knows the
//! gateway.

use std::collections::BTreeSet;

/// What an `Origin` is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    /// Every origin, known or not.
    Any,
    /// These. Browsers serialise an origin in one way only, so that bytes are compared.
    Listed { exact: BTreeSet<String>, patterns: Vec<Pattern> },
}

/// `https://*.example.com`: one label in the place of the star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// `https://`
    before: String,
    /// `.example.com:8443`
    after: String,
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    Any,
    Exact(String),
    Pattern(Pattern),
}

/// The origin of sandboxed frames, `data:` pages, files and redirects across origins.
pub(crate) const OPAQUE: &str = "null";

/// The longest name in DNS.
const LONGEST_LABEL: usize = 63;

impl Origins {
    pub(crate) fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed { exact, patterns } => {
                exact.contains(origin) || patterns.iter().any(|pattern| pattern.fits(origin))
            }
        }
    }
}

impl Pattern {
    fn fits(&self, origin: &str) -> bool {
        let label = origin.strip_prefix(&*self.before).and_then(|o| o.strip_suffix(&*self.after));
        label.is_some_and(is_label)
    }
}

/// One label of a host, as browsers serialise it: no dot, so that nothing else can be in it.
fn is_label(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= LONGEST_LABEL
        && text.bytes().all(|byte| is_legal(byte) || byte == b'_')
}

impl Allowed {
    /// Reads one entry. What no browser would ever send is a mistake; the error says what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == OPAQUE {
            return Ok(Self::Exact(text.into()));
        }
        let wrong = |why: String| format!("`{text}` is not an origin: {why}");
        let Some((scheme, rest)) = text.split_once("://") else {
            let why = "write scheme, host and maybe a port, like \"https://app.example.com\"";
            return Err(wrong(why.into()));
        };
        check_scheme(scheme).map_err(wrong)?;
        let (host, port) = split(scheme, rest).map_err(wrong)?;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        match host.strip_prefix('*') {
            Some(base) => {
                check_base(base).map_err(wrong)?;
                let (before, after) = (format!("{scheme}://"), format!("{base}{port}"));
                Ok(Self::Pattern(Pattern { before, after }))
            }
            None => {
                check_host(host).map_err(wrong)?;
                Ok(Self::Exact(format!("{scheme}://{host}{port}")))
            }
        }
    }
}

fn check_scheme(scheme: &str) -> Result<(), String> {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let begins = scheme.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && scheme.bytes().all(|byte| is_legal(byte) || b"+-.".contains(&byte)) {
        return Ok(());
    }
    let lower = scheme.to_ascii_lowercase();
    if lower != scheme && check_scheme(&lower).is_ok() {
        return Err(format!("browsers write schemes in lower case: write `{lower}://`"));
    }
    Err(format!("`{scheme}` is no scheme; write `https` or `http`"))
}

/// `example.com:8443` -> host and port.
fn split<'a>(scheme: &str, rest: &'a str) -> Result<(&'a str, Option<u16>), String> {
    if let Some((authority, _)) = rest.split_once(['/', '?', '#']) {
        return Err(format!("an origin has no path: write `{scheme}://{authority}`"));
    }
    if let Some((_, host)) = rest.rsplit_once('@') {
        return Err(format!("an origin has no user: write `{scheme}://{host}`"));
    }
    // The colons of `[::1]` are not about ports.
    let after_bracket = rest.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = rest[after_bracket..].find(':') else { return Ok((rest, None)) };
    let (host, port) = (&rest[..after_bracket + colon], &rest[after_bracket + colon + 1..]);
    let number: u16 = port.parse().unwrap_or(0);
    if number == 0 || port != number.to_string() {
        return Err(format!("`{port}` is no port; write 1 to 65535"));
    }
    if default_port(scheme) == Some(number) {
        return Err(format!("browsers leave the default port out: write `{scheme}://{host}`"));
    }
    Ok((host, Some(number)))
}

/// The port that browsers leave out.
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if host.contains('*') {
        return Err("a star stands for one whole label at the beginning, like \
                    \"https://*.example.com\""
            .into());
    }
    if let Some(inside) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Result<std::net::Ipv6Addr, _> = inside.parse();
        return match address {
            Ok(address) if address.to_string() == inside => Ok(()),
            Ok(address) => Err(format!("browsers write this address as `[{address}]`")),
            Err(_) => Err(format!("`{inside}` is no IPv6 address")),
        };
    }
    if host.is_empty() {
        return Err("its host is missing".into());
    }
    if !host.is_ascii() {
        return Err("browsers send international names in their ASCII form: write the `xn--` \
                    name"
            .into());
    }
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = host.to_ascii_lowercase();
        return Err(format!("browsers write hosts in lower case: write `{lower}`"));
    }
    match host.split('.').all(is_label) {
        true => Ok(()),
        false => Err(format!("`{host}` is no host")),
    }
}

/// What stands behind the star of a pattern: a dot, and a domain of two labels at the least. (One
/// label is nobody's: `*.com` would let everybody in who buys a name.)
fn check_base(base: &str) -> Result<(), String> {
    let Some(domain) = base.strip_prefix('.') else {
        return Err("a star stands for one whole label: write a dot behind it, like \
                    \"https://*.example.com\""
            .into());
    };
    check_host(domain)?;
    match domain.contains('.') && !domain.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        true => Ok(()),
        false => Err(format!(
            "`*.{domain}` would let strangers in; write a domain of yours behind the star, like \
             \"https://*.example.com\""
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(entries: &[&str]) -> Origins {
        let (mut exact, mut patterns) = (BTreeSet::new(), Vec::new());
        for entry in entries {
            match Allowed::parse(entry).unwrap() {
                Allowed::Any => return Origins::Any,
                Allowed::Exact(origin) => drop(exact.insert(origin)),
                Allowed::Pattern(pattern) => patterns.push(pattern),
            }
        }
        Origins::Listed { exact, patterns }
    }

    fn wrong(entry: &str) -> String {
        Allowed::parse(entry).unwrap_err()
    }

    #[test]
    fn an_origin_is_itself_and_nothing_like_it() {
        let origins = origins(&["https://example.com", "http://localhost:3000"]);
        assert!(origins.allow("https://example.com"));
        assert!(origins.allow("http://localhost:3000"));
        for other in [
            "",
            "*",
            "null",
            "http://example.com",
            "HTTPS://example.com",
            "https://EXAMPLE.com",
            "https://example.com/",
            "https://example.com.",
            "https://example.com:443",
            "https://example.com:8443",
            "https://example.com.evil.example",
            "https://example.comevil.example",
            "https://evilexample.com",
            "https://evil.example/https://example.com",
            "https://evil.example#https://example.com",
            "https://example.com@evil.example",
            "https://user@example.com",
            "https://www.example.com",
            "https://example.com https://evil.example",
            "https://example.com,https://evil.example",
            " https://example.com",
            "https://example.com ",
            "https://example.com\t",
            "https://example.com\0",
            "https://ex\u{430}mple.com",
            "http://localhost",
            "http://localhost:30000",
        ] {
            assert!(!origins.allow(other), "{other:?}");
        }
    }

    #[test]
    fn a_pattern_takes_one_label() {
        let origins = origins(&["https://*.example.com", "http://*.dev.example:8080"]);
        for good in
            ["https://a.example.com", "https://pr-17_x.example.com", "http://a.dev.example:8080"]
        {
            assert!(origins.allow(good), "{good}");
        }
        let long = format!("https://{}.example.com", "a".repeat(64));
        for other in [
            "https://example.com",
            "https://.example.com",
            "https://a.b.example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com.evil.example",
            "https://a.example.comevil.example",
            "https://aexample.com",
            "https://evil.example/.example.com",
            "https://evil.example#.example.com",
            "https://evil.example?.example.com",
            "https://evil.example\\.example.com",
            "https://evil@.example.com",
            "https://evil:80.example.com",
            "https://A.example.com",
            "https://a%2eb.example.com",
            "https://a b.example.com",
            "https://\u{e4}.example.com",
            "https://*.example.com",
            "https://a.example.com/",
            "https://a.example.com.",
            "http://a.dev.example",
            "https://",
            &long,
        ] {
            assert!(!origins.allow(other), "{other:?}");
        }
    }

    /// Whatever is let in has a host that is one label and ours, for any reader of URLs.
    #[test]
    fn nothing_gets_in_by_a_trick() {
        use proptest::prelude::*;

        let origins = origins(&["https://*.example.com"]);
        let trick = "(https?:/{0,2})?[a.@/:#?\\\\%0-9 ]{0,6}(\\.?example\\.com)?[a.@/:#?]{0,3}";
        proptest!(ProptestConfig::with_cases(5000), |(tail in trick, label in "[a-z0-9-]{1,20}")| {
            let (rest, middle) = (format!("https://{tail}"), format!("https://{tail}.example.com"));
            for origin in [tail, rest, middle] {
                if origins.allow(&origin) {
                    let label = &origin["https://".len()..origin.len() - ".example.com".len()];
                    prop_assert!(label.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", origin);
                }
            }
            let good = format!("https://{label}.example.com");
            prop_assert!(origins.allow(&good));
        });
    }

    #[test]
    fn no_text_makes_the_parser_panic() {
        use proptest::prelude::*;

        let like_a_host = "[a-z*.:@/\\[\\]0-9]{0,16}";
        proptest!(ProptestConfig::with_cases(2000), |(any in ".{0,20}", part in like_a_host)| {
            let _ = Allowed::parse(&any);
            let entry = format!("https://{part}");
            match Allowed::parse(&entry) {
                // What is listed as it stands lets itself in.
                Ok(Allowed::Exact(origin)) => prop_assert_eq!(origin, entry),
                Ok(Allowed::Pattern(pattern)) => {
                    prop_assert!(pattern.fits(&entry.replacen('*', "a", 1)));
                }
                Ok(Allowed::Any) => prop_assert!(false),
                Err(why) => prop_assert!(!why.is_empty()),
            }
        });
    }

    #[test]
    fn a_pattern_and_an_origin_shorter_than_it_do_not_overlap() {
        let origins = origins(&["https://*.example.com"]);
        assert!(!origins.allow("https://example.com"));
        assert!(!origins.allow("https:/"));
    }

    #[test]
    fn only_what_browsers_send_can_be_listed() {
        for good in [
            "https://example.com",
            "https://xn--bcher-kva.example",
            "http://192.0.2.1:8080",
            "http://[::1]:3000",
            "http://[2001:db8::1]",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
            "null",
        ] {
            assert_eq!(Allowed::parse(good), Ok(Allowed::Exact(good.into())));
        }
        assert_eq!(Allowed::parse("*"), Ok(Allowed::Any));
    }

    #[test]
    fn a_mistake_is_answered_with_what_to_write() {
        for (entry, told) in [
            ("", "write scheme, host and maybe a port"),
            ("example.com", "write scheme, host and maybe a port"),
            ("//example.com", "write scheme, host and maybe a port"),
            ("https://example.com/", "an origin has no path: write `https://example.com`"),
            ("https://example.com/a?b", "an origin has no path: write `https://example.com`"),
            ("https://example.com:443", "leave the default port out: write `https://example.com`"),
            ("http://example.com:80", "leave the default port out: write `http://example.com`"),
            ("https://example.com:", "`` is no port; write 1 to 65535"),
            ("https://example.com:08", "`08` is no port"),
            ("https://example.com:+8", "`+8` is no port"),
            ("https://example.com:65536", "`65536` is no port"),
            ("https://example.com:*", "`*` is no port"),
            ("https://Example.com", "write `example.com`"),
            ("HTTPS://example.com", "write `https://`"),
            ("ht tp://example.com", "`ht tp` is no scheme"),
            ("*://example.com", "`*` is no scheme"),
            ("https://user@example.com", "an origin has no user: write `https://example.com`"),
            ("https://b\u{fc}cher.example", "write the `xn--` name"),
            ("https://", "its host is missing"),
            ("https://example.com.", "`example.com.` is no host"),
            ("https://a..b", "`a..b` is no host"),
            ("https://exa mple.com", "is no host"),
            ("http://[::1", "is no"),
            ("http://[::g]", "`::g` is no IPv6 address"),
            ("http://[0:0::1]", "browsers write this address as `[::1]`"),
            ("https://*", "write a dot behind it"),
            ("https://*example.com", "write a dot behind it"),
            ("https://*.com", "would let strangers in"),
            ("https://*.0.2.1", "would let strangers in"),
            ("https://*.", "its host is missing"),
            ("https://a*.example.com", "a star stands for one whole label at the beginning"),
            ("https://a.*.example.com", "a star stands for one whole label at the beginning"),
            ("https://*.*.example.com", "a star stands for one whole label at the beginning"),
        ] {
            assert!(wrong(entry).contains(told), "{entry}: {}", wrong(entry));
        }
    }
}
