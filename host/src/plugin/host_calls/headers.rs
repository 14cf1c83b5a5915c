//! Reading and changing header fields, for requests and responses alike.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use crate::{
    fields::{Fields, remove_aliases},
    plugin::bindings::types::{EditError, HeaderError},
};

/// The most field lines that a plugin may leave in a head: as many as clients may send, and room
/// for what plugins add. (What stands is not held against it, but counts for who comes later.)
pub(super) const MAX_FIELDS: usize = 200;

/// The most bytes of names and values that a plugin may leave in a head.
const MAX_BYTES: usize = 128 << 10;

/// Credentials: they need a grant of their own, for reading and for writing.
static HIDDEN: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::SET_COOKIE];

/// Framing and hop-by-hop fields (RFC 9110, 7.6.1), which are the host's business: a plugin that
/// could set them could smuggle requests.
static RESERVED: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

fn is_hidden(name: &HeaderName) -> bool {
    HIDDEN.contains(name)
}

pub(super) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
}

/// The first of these fields that a plugin with these grants may not write.
pub(super) fn ungranted<'m>(map: &'m Fields, writable: &[String]) -> Option<&'m HeaderName> {
    let is_granted = |name: &HeaderName| writable.iter().any(|granted| granted == name.as_str());
    map.names().find(|name| is_hidden(name) && !is_granted(name))
}

/// Header fields as a plugin with these grants sees them.
pub(super) struct View<'a> {
    pub(super) map: &'a Fields,
    pub(super) readable: &'a [String],
}

impl View<'_> {
    pub(super) fn value(&self, name: &str) -> Result<Option<String>, HeaderError> {
        self.only(name)?.map(text).transpose()
    }

    pub(super) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, HeaderError> {
        Ok(self.only(name)?.map(|value| value.as_bytes().to_vec()))
    }

    pub(super) fn values(&self, name: &str) -> Result<Vec<String>, HeaderError> {
        self.map.get_all(self.name(name)?).map(text).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let shown = self.map.names().filter(|name| self.shows(name));
        let mut names: Vec<&str> = shown.map(HeaderName::as_str).collect();
        // Not each held against all: over HTTP/2 only the head's size bounds their number.
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(str::to_owned).collect()
    }

    fn only(&self, name: &str) -> Result<Option<&HeaderValue>, HeaderError> {
        let mut values = self.map.get_all(self.name(name)?);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(HeaderError::Repeated),
            (first, None) => Ok(first),
        }
    }

    fn name(&self, name: &str) -> Result<HeaderName, HeaderError> {
        readable_name(name, self.readable)
    }

    fn shows(&self, name: &HeaderName) -> bool {
        is_shown(name, self.readable)
    }
}

/// A name that a plugin with these grants may read.
pub(super) fn readable_name(name: &str, readable: &[String]) -> Result<HeaderName, HeaderError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::InvalidName)?;
    if is_shown(&name, readable) { Ok(name) } else { Err(HeaderError::Hidden) }
}

fn is_shown(name: &HeaderName, readable: &[String]) -> bool {
    !is_hidden(name) || readable.iter().any(|granted| granted == name.as_str())
}

fn text(value: &HeaderValue) -> Result<String, HeaderError> {
    std::str::from_utf8(value.as_bytes()).map(str::to_owned).map_err(|_| HeaderError::NotText)
}

/// Header fields that a plugin with these grants may change.
pub(super) struct Editor<'a> {
    pub(super) map: &'a mut Fields,
    pub(super) writable: &'a [String],
    /// There are names with an underscore.
    pub(super) has_underscores: bool,
}

impl Editor<'_> {
    pub(super) fn set(&mut self, name: &str, value: impl Into<Bytes>) -> Result<(), EditError> {
        let (name, value) = (self.name(name)?, field_value(value.into())?);
        self.make_room(&name, &value)?;
        self.remove_aliases(&name);
        self.map.insert(name, value);
        Ok(())
    }

    pub(super) fn add(&mut self, name: &str, value: impl Into<Bytes>) -> Result<(), EditError> {
        let (name, value) = (self.name(name)?, field_value(value.into())?);
        self.make_room(&name, &value)?;
        self.remove_aliases(&name);
        self.map.append(name, value);
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), EditError> {
        let name = self.name(name)?;
        self.remove_aliases(&name);
        self.map.remove(name);
        Ok(())
    }

    fn name(&self, name: &str) -> Result<HeaderName, EditError> {
        writable_name(name, self.writable)
    }

    fn remove_aliases(&mut self, name: &HeaderName) {
        if self.has_underscores {
            remove_aliases(self.map, name);
        }
    }

    /// The sum is only made for heads that could be too large: most have ten small fields.
    fn make_room(&self, name: &HeaderName, value: &HeaderValue) -> Result<(), EditError> {
        if self.map.len() >= MAX_FIELDS {
            return Err(EditError::TooLarge);
        }
        let new = name.as_str().len() + value.len();
        if self.map.len() < 32 && new < 1024 {
            return Ok(());
        }
        let sum: usize = self.map.iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
        if sum + new > MAX_BYTES { Err(EditError::TooLarge) } else { Ok(()) }
    }
}

/// A name that a plugin with these grants may write.
pub(super) fn writable_name(name: &str, writable: &[String]) -> Result<HeaderName, EditError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| EditError::InvalidName)?;
    if is_reserved(&name) {
        return Err(EditError::Reserved);
    }
    if is_hidden(&name) && !writable.iter().any(|granted| granted == name.as_str()) {
        return Err(EditError::Hidden);
    }
    Ok(name)
}

/// The beginning of names that a plugin with these grants may write, all of them, in lower case.
pub(super) fn writable_beginning(
    mut beginning: String,
    writable: &[String],
) -> Result<String, EditError> {
    beginning.make_ascii_lowercase();
    // What a name may begin with is a name itself.
    writable_name(&beginning, writable)?;
    let names = HIDDEN.iter().chain(&RESERVED).map(HeaderName::as_str);
    let mut begin_so = names.filter(|name| name.starts_with(&beginning));
    match begin_so.find_map(|name| writable_name(name, writable).err()) {
        Some(error) => Err(error),
        None => Ok(beginning),
    }
}

/// What the guest gave, as it is: it was copied out of its memory already.
pub(super) fn field_value(value: Bytes) -> Result<HeaderValue, EditError> {
    HeaderValue::from_maybe_shared(value)
        .map_err(|_| EditError::InvalidValue("a header value may not have control bytes".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_need_a_grant() {
        let mut map = Fields::new();
        map.insert("authorization", HeaderValue::from_static("Bearer x"));
        map.insert("accept", HeaderValue::from_static("*/*"));
        let blind = View { map: &map, readable: &[] };
        assert!(matches!(blind.value("Authorization"), Err(HeaderError::Hidden)));
        assert!(matches!(blind.bytes("authorization"), Err(HeaderError::Hidden)));
        assert!(matches!(blind.values("cookie"), Err(HeaderError::Hidden)));
        assert_eq!(blind.names(), ["accept"]);
        let seeing = View { map: &map, readable: &["authorization".into()] };
        assert_eq!(seeing.value("authorization").unwrap().as_deref(), Some("Bearer x"));

        let mut editor = Editor { map: &mut map, writable: &[], has_underscores: false };
        assert!(matches!(editor.remove("authorization"), Err(EditError::Hidden)));
        assert!(matches!(editor.set("set-cookie", "a=b"), Err(EditError::Hidden)));
    }

    #[test]
    fn repeated_and_binary_values_are_never_guessed() {
        let mut map = Fields::new();
        map.append("x-id", HeaderValue::from_static("1"));
        map.append("x-id", HeaderValue::from_static("2"));
        map.insert("x-bin", HeaderValue::from_bytes(b"\xff").unwrap());
        let view = View { map: &map, readable: &[] };
        assert!(matches!(view.value("x-id"), Err(HeaderError::Repeated)));
        assert_eq!(view.values("x-id").unwrap(), ["1", "2"]);
        assert_eq!(view.names(), ["x-bin", "x-id"], "each once");
        assert!(matches!(view.value("x-bin"), Err(HeaderError::NotText)));
        assert_eq!(view.bytes("x-bin").unwrap().unwrap(), [0xff]);
        assert!(matches!(view.value("x id"), Err(HeaderError::InvalidName)));
    }

    #[test]
    fn framing_fields_are_the_hosts() {
        let mut map = Fields::new();
        let mut editor = Editor { map: &mut map, writable: &[], has_underscores: false };
        for name in [
            "content-length",
            "Transfer-Encoding",
            "connection",
            "keep-alive",
            "upgrade",
            "te",
            "trailer",
            "host",
            "expect",
            "proxy-connection",
        ] {
            assert!(matches!(editor.set(name, "1"), Err(EditError::Reserved)), "{name}");
        }
        assert!(matches!(editor.set("x", "a\r\nb"), Err(EditError::InvalidValue(_))));
    }

    #[test]
    fn what_services_take_for_a_field_is_written_with_it() {
        let names = ["x-user-id", "x_user_id", "x_user-id", "x_user_ids", "x_other"];
        let edited = |edit: &dyn Fn(&mut Editor<'_>)| {
            let mut map: Fields =
                names.iter().map(|name| (name.parse().unwrap(), "a".parse().unwrap())).collect();
            edit(&mut Editor { map: &mut map, writable: &[], has_underscores: true });
            let mut left: Vec<_> = map.names().map(|name| name.as_str().to_owned()).collect();
            left.sort();
            left.dedup();
            left
        };
        let others = ["x-user-id", "x_other", "x_user_ids"];
        assert_eq!(edited(&|editor| editor.set("X-User-Id", "b").unwrap()), others);
        assert_eq!(edited(&|editor| editor.add("x-user-id", "b").unwrap()), others);
        assert_eq!(edited(&|editor| editor.remove("x-user-id").unwrap()), others[1..]);
        let own = ["x-user-id", "x_other", "x_user_id", "x_user_ids"];
        assert_eq!(edited(&|editor| editor.set("x_user_id", "b").unwrap()), own);
    }

    #[test]
    fn a_beginning_covers_nothing_that_is_kept() {
        let beginning = |text: &str, writable: &[String]| writable_beginning(text.into(), writable);
        assert_eq!(beginning("Access-Control-", &[]).unwrap(), "access-control-");
        assert!(matches!(beginning("set-", &[]), Err(EditError::Hidden)));
        assert_eq!(beginning("set-", &["set-cookie".into()]).unwrap(), "set-");
        for reserved in ["t", "conn", "Content-", "trans", "h", "keep-alive", "up"] {
            assert!(matches!(beginning(reserved, &[]), Err(EditError::Reserved)), "{reserved}");
        }
        assert!(matches!(beginning("", &[]), Err(EditError::InvalidName)));
        assert!(matches!(beginning("x y", &[]), Err(EditError::InvalidName)));
        for name in HIDDEN.iter().chain(&RESERVED).map(HeaderName::as_str) {
            let refused = |length| beginning(&name[..length], &[]).is_err();
            assert!((1..=name.len()).all(refused), "{name}");
        }
    }

    #[test]
    fn a_flood_of_fields_ends_at_the_cap() {
        let mut map = Fields::new();
        let mut editor = Editor { map: &mut map, writable: &[], has_underscores: false };
        let added = (0..100_000).take_while(|_| editor.add("x-flood", "1").is_ok()).count();
        assert_eq!(added, MAX_FIELDS);
        map.clear();
        let mut editor = Editor { map: &mut map, writable: &[], has_underscores: false };
        let large = Bytes::from(vec![b'x'; 60 << 10]);
        assert!(editor.add("a", large.clone()).is_ok() && editor.add("b", large.clone()).is_ok());
        assert!(matches!(editor.add("c", large.clone()), Err(EditError::TooLarge)));
    }
}
