//! What `format` may ask of a text. Nothing here knows the gateway.

mod address;
mod reference;
mod time;

/// A format that is held. Others mean something to people only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Date,
    Time,
    DateTime,
    Duration,
    Email,
    IdnEmail,
    Hostname,
    Ipv4,
    Ipv6,
    Uri,
    UriReference,
    Iri,
    IriReference,
    JsonPointer,
    RelativeJsonPointer,
    Regex,
    Uuid,
}

const ALL: [(Format, &str); 17] = [
    (Format::Date, "date"),
    (Format::Time, "time"),
    (Format::DateTime, "date-time"),
    (Format::Duration, "duration"),
    (Format::Email, "email"),
    (Format::IdnEmail, "idn-email"),
    (Format::Hostname, "hostname"),
    (Format::Ipv4, "ipv4"),
    (Format::Ipv6, "ipv6"),
    (Format::Uri, "uri"),
    (Format::UriReference, "uri-reference"),
    (Format::Iri, "iri"),
    (Format::IriReference, "iri-reference"),
    (Format::JsonPointer, "json-pointer"),
    (Format::RelativeJsonPointer, "relative-json-pointer"),
    (Format::Regex, "regex"),
    (Format::Uuid, "uuid"),
];

impl Format {
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        ALL.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
    }

    pub(crate) fn name(self) -> &'static str {
        ALL.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }

    /// Whether a text has this format.
    pub(crate) fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => time::is_date(text),
            Self::Time => time::is_time(text),
            Self::DateTime => time::is_date_time(text),
            Self::Duration => time::is_duration(text),
            Self::Email => text.is_ascii() && address::is_email(text),
            Self::IdnEmail => address::is_email(text),
            Self::Hostname => address::is_hostname(text),
            Self::Ipv4 => text.parse::<std::net::Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<std::net::Ipv6Addr>().is_ok(),
            Self::Uri => text.is_ascii() && reference::is_uri(text),
            Self::UriReference => text.is_ascii() && reference::is_reference(text),
            Self::Iri => reference::is_uri(text),
            Self::IriReference => reference::is_reference(text),
            Self::JsonPointer => reference::is_pointer(text),
            Self::RelativeJsonPointer => reference::is_relative_pointer(text),
            Self::Regex => jsonschema_regex::is_valid_ecma_regex(text),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// Thirty-two digits in five groups (RFC 4122, 3).
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_format_or_not() {
        for (name, good, bad) in [
            ("date", "2024-02-29", "2023-02-29"),
            ("time", "23:59:60Z", "22:59:60Z"),
            ("date-time", "2026-11-27T13:20:00.5+01:00", "2026-11-27 13:20:00Z"),
            ("duration", "P1DT12H", "P1H"),
            ("duration", "P4W", "PT1D"),
            ("email", "o'neil+a@shop.example", "a@b@"),
            ("email", "a@[IPv6:::1]", "a..b@shop.example"),
            ("idn-email", "実例@実例.example", "実例"),
            ("hostname", "xn--4gbwdl.xn--wgbh1c", "-a.example"),
            ("ipv4", "127.0.0.1", "127.0.0.01"),
            ("ipv6", "::ffff:192.0.2.1", "fe80::1%eth0"),
            ("uri", "http://[::1]:80/a?b#c", "//shop.example/"),
            ("uri", "urn:isbn:1", "http://shop.example/a b"),
            ("uri-reference", "../a%20b", "a%2"),
            ("iri", "http://é.example/é", "é"),
            ("json-pointer", "/a~1b/0", "/a~2"),
            ("relative-json-pointer", "1/a", "01#"),
            ("regex", "^a{2}$", "^(a"),
            ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380"),
        ] {
            let format = Format::of_name(name).unwrap();
            assert!(format.fits(good), "{name} {good}");
            assert!(!format.fits(bad), "{name} {bad}");
        }
        assert_eq!(Format::of_name("idn-hostname"), None, "it only says what is meant");
    }
}
