//! What may be kept, and for how long (RFC 9111, 3). Nothing here knows the gateway.

use std::{collections::BTreeMap, fmt};

use crate::{
    directives::{OfResponse, Scope},
    entry::Head,
    fields::Fields,
    freshness,
    validators::has_validator,
    vary,
};

/// What the settings say. All times are in seconds.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// How long responses of a status are fresh, whatever the service says.
    pub(crate) ttl: BTreeMap<u16, u64>,
    /// How long a response is fresh of which the service says nothing.
    pub(crate) default_ttl: Option<u64>,
    /// How long it may be guessed to be fresh at the most.
    pub(crate) guess: u64,
    /// No other statuses are kept.
    pub(crate) statuses: Option<Vec<u16>>,
    /// Where the service does not say it.
    pub(crate) while_revalidate: u64,
    pub(crate) if_error: u64,
    /// How long a stale response is kept that can be validated.
    pub(crate) keep: u64,
}

/// A response as it came.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) fields: &'a Fields,
    /// When it was asked for and when it came, in milliseconds since 1970.
    pub(crate) asked: u64,
    pub(crate) received: u64,
    /// The request had `Authorization`, or may have had it.
    pub(crate) is_authorized: bool,
}

/// Why a response is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    Status,
    NoStore,
    Private,
    Authorization,
    Lifetime,
    /// It depends on other fields than what is stored.
    Vary,
}

/// Nothing is kept for longer, so that what says when a target was changed need not be either.
pub(crate) const LONGEST: u64 = 24 * 60 * 60;

/// Statuses that may be kept where nobody says for how long (RFC 9110, 15.1), but for 206.
const GUESSED: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
/// Statuses whose meaning for a cache is looked at, which is what `must-understand` asks for (RFC 9111, 5.2.2.3).
const UNDERSTOOD: [u16; 25] = [
    200, 201, 202, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 410, 414,
    451, 500, 501, 502, 503, 504,
];
/// Parts, and words about them: there is no whole response in them.
const NEVER: [u16; 3] = [206, 304, 416];

/// Fields that are one connection's or one recipient's (RFC 9111, 3.1), and those that are made anew for each answer.
const NOT_KEPT: [&str; 15] = [
    "age",
    // These two are a request's: a service that sends them back says them to one client.
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What a 304 does not change: the body is the old one, and these are about it (RFC 9111, 3.2).
const NOT_FRESHENED: [&str; 6] =
    ["content-encoding", "content-md5", "content-range", "content-digest", "etag", "repr-digest"];

impl Rules {
    /// What is kept of a response, if it may be.
    pub(crate) fn judge(
        &self,
        response: &Response<'_>,
        keeps_cookies: bool,
    ) -> Result<Head, Because> {
        let directives = OfResponse::read(&response.fields.lines("cache-control"));
        self.allow(response, &directives)?;
        let lifetime = self.lifetime(response, &directives).ok_or(Because::Lifetime)?;
        let age = freshness::age_at_arrival(response.fields, response.asked, response.received);
        let mut head = Head {
            status: response.status,
            fields: kept(response.fields, &directives, keeps_cookies),
            asked: response.asked,
            received: response.received,
            age,
            lifetime,
            while_revalidate: self.grace(
                &directives,
                directives.stale_while_revalidate,
                self.while_revalidate,
            ),
            if_error: self.grace(&directives, directives.stale_if_error, self.if_error),
            no_cache: directives.no_cache == Scope::Everything,
            must_revalidate: directives.forbids_stale(),
            until: 0,
        };
        head.until = self.until(&head).ok_or(Because::Lifetime)?;
        Ok(head)
    }

    /// A stored response after the service has said that it still holds (RFC 9111, 4.3.4). An error where it must not
    /// be kept any more, or not for this request.
    pub(crate) fn freshen(
        &self,
        old: &Head,
        news: &Response<'_>,
        keeps_cookies: bool,
    ) -> Result<Head, Because> {
        // It stands where the fields of the old `Vary` have put it.
        let is_moved = news.fields.has("vary")
            && vary::names(news.fields.all("vary")) != vary::names(old.fields.all("vary"));
        if is_moved {
            return Err(Because::Vary);
        }
        let mut fields = old.fields.clone();
        let mut newer = news.fields.clone();
        newer.retain(|name| !NOT_FRESHENED.contains(&name));
        fields.replace_by(newer);
        let response = Response { status: old.status, fields: &fields, ..*news };
        self.judge(&response, keeps_cookies)
    }

    fn allow(&self, response: &Response<'_>, directives: &OfResponse) -> Result<(), Because> {
        let status = response.status;
        let is_wanted = self.statuses.as_ref().is_none_or(|wanted| wanted.contains(&status));
        let is_understood = UNDERSTOOD.contains(&status);
        if !(200..600).contains(&status) || NEVER.contains(&status) || !is_wanted {
            return Err(Because::Status);
        }
        if directives.must_understand && !is_understood {
            return Err(Because::Status);
        }
        // Who understands the status may leave `no-store` aside then: it is for those who do not.
        if directives.no_store && !directives.must_understand {
            return Err(Because::NoStore);
        }
        if directives.private == Scope::Everything {
            return Err(Because::Private);
        }
        if response.is_authorized && !directives.allows_authorized() {
            return Err(Because::Authorization);
        }
        Ok(())
    }

    /// In seconds. None where nobody says that it may be kept at all.
    fn lifetime(&self, response: &Response<'_>, directives: &OfResponse) -> Option<u64> {
        if let Some(ttl) = self.ttl.get(&response.status) {
            return Some(*ttl);
        }
        let received = response.received / 1000;
        let said = freshness::said(response.fields, directives, received);
        if said.is_some() {
            return said;
        }
        let may_be_guessed = GUESSED.contains(&response.status) || directives.public;
        may_be_guessed.then(|| {
            let guess = || freshness::guessed(response.fields, received, self.guess);
            self.default_ttl.or_else(guess).unwrap_or(0)
        })
    }

    /// How long a stale response may be used. What the service says counts, but for a word that forbids it; beside
    /// `s-maxage` it counts too, for who says both means both.
    fn grace(&self, directives: &OfResponse, said: Option<u64>, default: u64) -> u64 {
        match said {
            _ if directives.must_revalidate || directives.proxy_revalidate => 0,
            Some(said) => said,
            None if directives.forbids_stale() => 0,
            None => default,
        }
    }

    /// When it is of no more use, in milliseconds since 1970. None if it is of none from the start.
    fn until(&self, head: &Head) -> Option<u64> {
        let fresh =
            if head.no_cache { 0 } else { head.fresh_for(head.received).max(0).unsigned_abs() };
        let keep = if has_validator(&head.fields) { self.keep } else { 0 };
        let seconds = fresh + head.while_revalidate.max(head.if_error).max(keep);
        (seconds > 0).then(|| head.received.saturating_add(seconds.min(LONGEST) * 1000))
    }
}

/// The fields that may be given to others.
fn kept(fields: &Fields, directives: &OfResponse, keeps_cookies: bool) -> Fields {
    let named = [directives.private.fields(), directives.no_cache.fields()].concat();
    let mut kept = fields.clone();
    kept.retain(|name| {
        let is_cookie = name == "set-cookie" && keeps_cookies;
        (is_cookie || !NOT_KEPT.contains(&name)) && !named.iter().any(|one| one == name)
    });
    kept
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::Lifetime => "no-lifetime",
            Self::Vary => "vary",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: u64 = 784_111_777_000;

    fn rules() -> Rules {
        Rules {
            ttl: BTreeMap::new(),
            default_ttl: None,
            guess: 3600,
            statuses: None,
            while_revalidate: 0,
            if_error: 0,
            keep: 60,
        }
    }

    fn fields(lines: &[(&str, &str)]) -> Fields {
        lines.iter().copied().collect()
    }

    fn judge_as(
        rules: &Rules,
        status: u16,
        lines: &[(&str, &str)],
        is_authorized: bool,
    ) -> Result<Head, Because> {
        let fields = fields(lines);
        rules.judge(
            &Response { status, fields: &fields, asked: NOW, received: NOW, is_authorized },
            false,
        )
    }

    fn judge(status: u16, lines: &[(&str, &str)]) -> Result<Head, Because> {
        judge_as(&rules(), status, lines, false)
    }

    fn said(line: &str) -> Result<u64, Because> {
        judge(200, &[("cache-control", line)]).map(|head| head.lifetime)
    }

    #[test]
    fn what_the_service_says_counts() {
        for (line, expected) in [
            ("max-age=60", Ok(60)),
            ("s-maxage=5, max-age=60", Ok(5)),
            ("max-age=60, private=\"x-a\"", Ok(60)),
            ("max-age=60, no-store", Err(Because::NoStore)),
            ("max-age=60, private", Err(Because::Private)),
            ("max-age=60, no-store, must-understand", Ok(60)),
            ("max-age=0", Err(Because::Lifetime)),
            ("no-cache, max-age=60", Err(Because::Lifetime)),
            ("", Err(Because::Lifetime)),
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
    }

    #[test]
    fn some_statuses_are_never_kept_and_some_only_with_a_word() {
        let fresh = ("cache-control", "max-age=60");
        let changed = ("last-modified", "Sun, 06 Nov 1994 07:49:37 GMT");
        for status in [100, 206, 304, 416, 600, 999] {
            assert_eq!(judge(status, &[fresh]), Err(Because::Status), "{status}");
        }
        for status in [201, 302, 403, 500, 599] {
            assert!(judge(status, &[fresh]).is_ok(), "{status}");
            assert_eq!(judge(status, &[changed]), Err(Because::Lifetime), "{status}");
        }
        for status in GUESSED {
            assert_eq!(judge(status, &[changed]).unwrap().lifetime, 360, "{status}");
        }
        assert!(judge(599, &[changed, ("cache-control", "public")]).is_ok());
        let wanted = Rules { statuses: Some(vec![200]), ..rules() };
        assert_eq!(judge_as(&wanted, 404, &[fresh], false), Err(Because::Status));
    }

    #[test]
    fn a_status_that_is_not_understood_is_not_kept_where_it_must_be() {
        let line = [("cache-control", "max-age=60, must-understand")];
        assert!(judge(200, &line).is_ok());
        assert_eq!(judge(599, &line), Err(Because::Status));
    }

    #[test]
    fn the_authorized_share_only_what_is_said_to_be_for_all() {
        for (line, expected) in [
            ("max-age=60", false),
            ("max-age=60, public", true),
            ("max-age=60, must-revalidate", true),
            ("s-maxage=60", true),
            ("max-age=60, proxy-revalidate", false),
        ] {
            let judged = judge_as(&rules(), 200, &[("cache-control", line)], true);
            assert_eq!(judged.is_ok(), expected, "{line}");
        }
    }

    #[test]
    fn settings_count_before_and_behind_the_service() {
        let said = [("cache-control", "max-age=60")];
        let ttl = Rules { ttl: [(404, 5)].into(), default_ttl: Some(7), ..rules() };
        let lifetime =
            |status, lines: &[_]| judge_as(&ttl, status, lines, false).map(|head| head.lifetime);
        assert_eq!(lifetime(404, &said), Ok(5));
        assert_eq!(lifetime(200, &said), Ok(60));
        assert_eq!(lifetime(200, &[]), Ok(7));
        assert_eq!(
            lifetime(500, &[]),
            Err(Because::Lifetime),
            "errors are not kept unless somebody says so"
        );
        assert_eq!(lifetime(404, &[("cache-control", "no-store")]), Err(Because::NoStore));
    }

    #[test]
    fn what_is_one_recipients_is_left_out() {
        let head = judge(
            200,
            &[
                ("cache-control", "max-age=60, private=\"x-a\", no-cache=x-b"),
                ("x-a", "1"),
                ("x-b", "2"),
                ("x-c", "3"),
                ("set-cookie", "a=b"),
                ("age", "5"),
                ("authorization", "Bearer x"),
                ("cookie", "a=b"),
                ("proxy-authenticate", "Basic"),
            ],
        );
        let head = head.unwrap();
        let names: Vec<_> = head.fields.iter().map(|(name, _)| name).collect();
        assert_eq!((names, head.age), (vec!["cache-control", "x-c"], 5_000));
    }

    #[test]
    fn it_is_kept_while_it_is_of_use() {
        let until = |lines: &[_]| judge(200, lines).map(|head| (head.until - NOW) / 1000);
        let tag = ("etag", "\"a\"");
        assert_eq!(until(&[("cache-control", "max-age=10")]), Ok(10));
        assert_eq!(until(&[("cache-control", "max-age=10"), tag]), Ok(70));
        assert_eq!(until(&[("cache-control", "no-cache, max-age=10"), tag]), Ok(60));
        assert_eq!(until(&[("cache-control", "max-age=10, stale-if-error=90"), tag]), Ok(100));
        assert_eq!(until(&[("cache-control", "max-age=10"), ("age", "4")]), Ok(6));
        assert_eq!(
            until(&[("cache-control", "max-age=10"), ("age", "10")]),
            Err(Because::Lifetime)
        );
        assert_eq!(until(&[("cache-control", "max-age=99999999")]), Ok(LONGEST));
    }

    #[test]
    fn grace_is_the_services_to_give_and_to_forbid() {
        let lenient = Rules { if_error: 30, while_revalidate: 20, ..rules() };
        for (line, expected) in [
            ("max-age=5", (20, 30)),
            ("max-age=5, stale-if-error=7", (20, 7)),
            ("max-age=5, stale-while-revalidate=0", (0, 30)),
            ("max-age=5, must-revalidate, stale-if-error=7", (0, 0)),
            ("s-maxage=5", (0, 0)),
            ("s-maxage=5, stale-while-revalidate=7", (7, 0)),
        ] {
            let head = judge_as(&lenient, 200, &[("cache-control", line)], false).unwrap();
            assert_eq!((head.while_revalidate, head.if_error), expected, "{line}");
        }
    }

    #[test]
    fn a_304_brings_new_fields_and_leaves_those_of_the_body() {
        let old = judge(
            200,
            &[
                ("cache-control", "max-age=1"),
                ("etag", "\"a\""),
                ("content-encoding", "x"),
                ("x-a", "1"),
                ("x-b", "2"),
            ],
        );
        let news = fields(&[
            ("cache-control", "max-age=60"),
            ("etag", "\"b\""),
            ("content-encoding", "y"),
            ("x-a", "3"),
            ("content-length", "0"),
        ]);
        let news = Response {
            status: 304,
            fields: &news,
            asked: NOW,
            received: NOW + 9,
            is_authorized: false,
        };
        let head = rules().freshen(&old.unwrap(), &news, false).unwrap();
        assert_eq!((head.status, head.lifetime, head.received), (200, 60, NOW + 9));
        let all: Vec<_> = head.fields.iter().collect();
        let expected = [
            ("etag", "\"a\""),
            ("content-encoding", "x"),
            ("x-b", "2"),
            ("cache-control", "max-age=60"),
            ("x-a", "3"),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_304_can_end_it() {
        let old = judge(200, &[("cache-control", "max-age=1"), ("etag", "\"a\"")]).unwrap();
        for (line, is_authorized, expected) in [
            (("cache-control", "no-store"), false, Because::NoStore),
            (("cache-control", "max-age=60"), true, Because::Authorization),
            (("vary", "Accept-Language"), false, Because::Vary),
            (("vary", "*"), false, Because::Vary),
        ] {
            let news = fields(&[line]);
            let news =
                Response { status: 304, fields: &news, asked: NOW, received: NOW, is_authorized };
            assert_eq!(rules().freshen(&old, &news, false), Err(expected), "{line:?}");
        }
    }
}
