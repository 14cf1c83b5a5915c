//! Sessions: a client stays with the target that answered it first, by a cookie of ours.
//!
//! The cookie is the HMAC of the target's name, so it tells nobody an address, and every gateway
//! with the same key makes and understands it, now and after a restart. It is no credential:
//! whoever guesses another's can choose a target and nothing else.

use std::time::Duration;

use aws_lc_rs::hmac;
use http::{
    HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use super::{Upstream, outlier::is_failure, target::Target};
use crate::{config, fields::Fields, heads::ResponseHead};

/// How much of the HMAC is used: 128 bits are enough not to meet by chance.
const TOKEN_BYTES: usize = 16;

/// The cookies of an upstream's targets.
pub(super) struct Sticky {
    cookie: String,
    /// By target.
    marks: Box<[Mark]>,
}

/// One target's.
struct Mark {
    token: String,
    /// What Set-Cookie says, to clients that came without TLS and with it.
    plain: HeaderValue,
    tls: HeaderValue,
}

/// A client's session, as it stands at its request.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    sticky: &'a Sticky,
    /// The target that it has had so far.
    pub(super) target: Option<usize>,
    /// Whether the client came over TLS.
    https: bool,
}

impl Upstream {
    /// Takes the cookie of its sessions off a request that goes elsewhere.
    pub fn forget_session(&self, headers: &mut Fields) {
        if let Some(sticky) = &self.sticky {
            sticky.take(headers);
        }
    }
}

impl Sticky {
    /// The marks of the targets of the upstream with this name.
    pub(super) fn new(
        settings: &config::Sticky,
        upstream: &str,
        targets: &[Target],
    ) -> Result<Self, String> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &settings.key);
        let mark = |target: &Target| {
            let token = token(&key, upstream, &target.name);
            let line = |secure| {
                let text = set_cookie(settings, &token, settings.secure.unwrap_or(secure));
                HeaderValue::try_from(text).map_err(|why| format!("its cookie: {why}"))
            };
            Ok(Mark { plain: line(false)?, tls: line(true)?, token })
        };
        let marks = targets.iter().map(mark).collect::<Result<_, String>>()?;
        Ok(Self { cookie: settings.cookie.clone(), marks })
    }

    /// The client's session. Its cookie is taken off the request: it is between the client and us.
    pub(super) fn session(&self, headers: &mut Fields, https: bool) -> Session<'_> {
        Session { sticky: self, target: self.take(headers), https }
    }

    fn take(&self, headers: &mut Fields) -> Option<usize> {
        let values: Vec<_> = headers.get_all(COOKIE).cloned().collect();
        if !values.iter().any(|value| self.pairs(value).any(|(_, own)| own.is_some())) {
            return None;
        }
        headers.remove(COOKIE);
        let mut found = None;
        for value in values {
            let tokens = self.pairs(&value).filter_map(|(_, own)| own);
            found = found.or_else(|| tokens.filter_map(|token| self.target(token)).next());
            let rest = self.pairs(&value).filter(|(_, own)| own.is_none()).map(|(pair, _)| pair);
            let rest = rest.collect::<Vec<_>>().join(&b';');
            let rest = HeaderValue::from_bytes(rest.trim_ascii_start());
            headers.extend(rest.ok().filter(|rest| !rest.is_empty()).map(|rest| (COOKIE, rest)));
        }
        found
    }

    /// RFC 6265, 4.2.1: the pairs between semicolons as they were written, each with the value of
    /// our cookie if it is that.
    fn pairs<'v>(
        &'v self,
        value: &'v HeaderValue,
    ) -> impl Iterator<Item = (&'v [u8], Option<&'v [u8]>)> {
        value.as_bytes().split(|byte| *byte == b';').map(|pair| {
            let value = pair.trim_ascii().strip_prefix(self.cookie.as_bytes());
            (pair, value.and_then(|rest| rest.strip_prefix(b"=")))
        })
    }

    fn target(&self, token: &[u8]) -> Option<usize> {
        self.marks.iter().position(|mark| mark.token.as_bytes() == token)
    }
}

impl Session<'_> {
    /// Has the client's next requests go to the target that answered this one. One that failed is
    /// nobody to stay with.
    pub(super) fn settle(&self, target: usize, head: &mut ResponseHead) {
        if self.target == Some(target) || is_failure(head.status) {
            return;
        }
        let mark = &self.sticky.marks[target];
        let line = if self.https { &mark.tls } else { &mark.plain };
        head.headers.append(SET_COOKIE, line.clone());
    }
}

/// The upstream's name is in it, so that the same target of two upstreams cannot be recognised.
fn token(key: &hmac::Key, upstream: &str, target: &str) -> String {
    let tag = hmac::sign(key, format!("torana sticky\0{upstream}\0{target}").as_bytes());
    hex::encode(&tag.as_ref()[..TOKEN_BYTES])
}

/// RFC 6265, 4.1.1.
fn set_cookie(settings: &config::Sticky, token: &str, secure: bool) -> String {
    let max_age = |age: Duration| format!("; Max-Age={}", age.as_secs());
    [
        format!("{}={token}; Path={}", settings.cookie, settings.path),
        settings.max_age.map(max_age).unwrap_or_default(),
        if secure { "; Secure" } else { "" }.to_owned(),
        if settings.http_only { "; HttpOnly" } else { "" }.to_owned(),
        format!("; SameSite={}", settings.same_site),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::upstream::tests::settings;

    fn rules() -> config::Sticky {
        config::Sticky {
            cookie: "place".into(),
            key: [7; 32].into(),
            path: "/".into(),
            max_age: None,
            secure: None,
            http_only: true,
            same_site: "Lax",
        }
    }

    fn sticky(rules: &config::Sticky) -> Sticky {
        let addresses = ["127.0.0.1:1", "127.0.0.1:2"].map(|text| text.parse().unwrap());
        let settings = settings(&addresses);
        let targets = settings.targets.iter().map(|target| Target::new(target, &settings).unwrap());
        Sticky::new(rules, "service", &targets.collect::<Vec<_>>()).unwrap()
    }

    fn cookies(values: &[&str]) -> Fields {
        values.iter().map(|value| (COOKIE, value.parse().unwrap())).collect()
    }

    fn head() -> ResponseHead {
        ResponseHead::default()
    }

    fn line(rules: &config::Sticky, https: bool) -> String {
        let (sticky, mut response) = (sticky(rules), head());
        sticky.session(&mut Fields::new(), https).settle(0, &mut response);
        response.headers[SET_COOKIE].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_tokens_are_forever() {
        let sticky = sticky(&rules());
        let tokens = [0, 1].map(|index| sticky.marks[index].token.clone());
        assert_eq!(
            tokens,
            ["d497da94ca5dfd90525aea4dfc9b83b9", "845f52ad2cfda1bf24fcc1d68cec98a2"]
        );
        let other = config::Sticky { key: [8; 32].into(), ..rules() };
        assert_ne!(self::sticky(&other).marks[0].token, tokens[0]);
    }

    #[test]
    fn attributes_as_they_are_configured() {
        let plain = line(&rules(), false);
        assert!(plain.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{plain}");
        let tls = line(&rules(), true);
        assert!(tls.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{tls}");
        let other = config::Sticky {
            path: "/shop".into(),
            max_age: Some(Duration::from_secs(3600)),
            secure: Some(true),
            http_only: false,
            same_site: "None",
            ..rules()
        };
        let other = line(&other, false);
        assert!(other.ends_with("; Path=/shop; Max-Age=3600; Secure; SameSite=None"), "{other}");
    }

    #[test]
    fn our_cookie_goes_and_the_others_stay_byte_by_byte() {
        let sticky = sticky(&rules());
        let token = sticky.marks[1].token.clone();
        for (before, after) in [
            (format!("place={token}"), None),
            (format!("a=1; place={token}; b=\"2\";c = 3"), Some("a=1; b=\"2\";c = 3")),
            (format!("place={token};  a=1"), Some("a=1")),
            (format!("a=1;place={token}"), Some("a=1")),
            (format!("myplace=1; place={token}; places=2"), Some("myplace=1; places=2")),
            (format!("place=old; place={token}; a"), Some("a")),
        ] {
            let mut headers = cookies(&[&before]);
            assert_eq!(sticky.take(&mut headers), Some(1), "{before}");
            let rest = headers.get(COOKIE).map(|value| value.to_str().unwrap());
            assert_eq!(rest, after, "{before}");
        }
    }

    #[test]
    fn whoever_has_none_of_ours_keeps_all() {
        let sticky = sticky(&rules());
        let mut headers = cookies(&["a=1;  b=2;", ""]);
        assert_eq!(sticky.take(&mut headers), None);
        assert_eq!(headers, cookies(&["a=1;  b=2;", ""]));
    }

    #[test]
    fn a_cookie_that_names_nobody_is_no_cookie() {
        let sticky = sticky(&rules());
        let mut headers = cookies(&["place=0123", "place=", "a=1"]);
        assert_eq!(sticky.take(&mut headers), None);
        assert_eq!(headers, cookies(&["a=1"]));
    }

    #[test]
    fn it_is_set_when_it_changes() {
        let sticky = sticky(&rules());
        let mut response = head();
        let session = Session { sticky: &sticky, target: Some(1), https: false };
        session.settle(1, &mut response);
        response.status = StatusCode::BAD_GATEWAY;
        session.settle(0, &mut response);
        assert!(response.headers.is_empty(), "the same one, and one that failed");
        response.status = StatusCode::OK;
        response.headers.append(SET_COOKIE, HeaderValue::from_static("own=1"));
        session.settle(0, &mut response);
        let all: Vec<_> = response.headers.get_all(SET_COOKIE).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0], "own=1", "ours is behind those of the service");
    }
}
