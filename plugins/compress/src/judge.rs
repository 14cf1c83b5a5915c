//! What becomes of a response. Nothing here knows the gateway.

use std::fmt;

use crate::media::{self, EVENTS, Types};

/// What a head says that matters here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// None: there is none, or no single one.
    pub(crate) content_type: Option<String>,
    pub(crate) content_length: Option<u64>,
    pub(crate) content_encoding: Vec<String>,
    pub(crate) cache_control: Vec<String>,
    pub(crate) has_content_range: bool,
}

/// Which responses are worth it.
pub(crate) struct Worth {
    pub(crate) types: Vec<Types>,
    pub(crate) min_length: u64,
}

/// Why a response stays as it is for every client: it does not depend on `Accept-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    Status,
    Partial,
    NoTransform,
    Type,
    Short,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "responses of this status have no body to compress",
            Self::Partial => "it is a part (Content-Range)",
            Self::NoTransform => "Cache-Control says no-transform",
            Self::Type => "its media type is none of `types`",
            Self::Short => "it is shorter than `min_length`",
        })
    }
}

impl Worth {
    /// Whether a response may be compressed, for clients that accept it.
    pub(crate) fn judge(&self, head: &Head) -> Result<(), Because> {
        // 206 has ranges of the body as it is (RFC 9110, 14.2), also as multipart/byteranges.
        if head.status == 206 || head.has_content_range {
            return Err(Because::Partial);
        }
        if head.status < 200 || [204, 205].contains(&head.status) {
            return Err(Because::Status);
        }
        if forbids(&head.cache_control) {
            return Err(Because::NoTransform);
        }
        self.judge_type(head)?;
        match head.content_length {
            Some(length) if length < self.min_length && head.status != 304 => Err(Because::Short),
            _ => Ok(()),
        }
    }

    /// A 304 speaks of a body that it does not have, and mostly leaves its type out: then it may be
    /// any (RFC 9110, 15.4.5).
    fn judge_type(&self, head: &Head) -> Result<(), Because> {
        let Some(content_type) = &head.content_type else {
            return if head.status == 304 { Ok(()) } else { Err(Because::Type) };
        };
        let essence = media::essence(content_type);
        let is_one = self.types.iter().any(|types| types.have(&essence));
        if is_one { Ok(()) } else { Err(Because::Type) }
    }
}

/// A proxy must not transform what says so (RFC 9110, 7.7; RFC 9111, 5.2.2.6).
fn forbids(cache_control: &[String]) -> bool {
    let mut directives = cache_control.iter().flat_map(|line| line.split(','));
    directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-transform"))
}

impl Head {
    /// Whether the service has encoded the body. `identity` is no coding (RFC 9110, 8.4.1).
    pub(crate) fn is_encoded(&self) -> bool {
        let codings = self.content_encoding.iter().flat_map(|line| line.split(','));
        let mut codings = codings.map(str::trim).filter(|coding| !coding.is_empty());
        codings.any(|coding| !coding.eq_ignore_ascii_case("identity"))
    }

    /// Whether it is a stream of events.
    pub(crate) fn has_events(&self) -> bool {
        self.content_type.as_deref().is_some_and(|value| media::essence(value) == EVENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(change: impl FnOnce(&mut Head)) -> Result<(), Because> {
        let types = vec![Types::parse("text/*").unwrap()];
        let mut head =
            Head { status: 200, content_type: Some("text/html".into()), ..Head::default() };
        change(&mut head);
        Worth { types, min_length: 100 }.judge(&head)
    }

    #[test]
    fn the_status_decides_first() {
        for (status, expected) in [
            (200, Ok(())),
            (203, Ok(())),
            (204, Err(Because::Status)),
            (205, Err(Because::Status)),
            (206, Err(Because::Partial)),
            (304, Ok(())),
            (404, Ok(())),
            (500, Ok(())),
        ] {
            assert_eq!(judge(|head| head.status = status), expected, "{status}");
        }
        assert_eq!(judge(|head| head.has_content_range = true), Err(Because::Partial));
    }

    #[test]
    fn a_304_may_be_about_any_type_and_length() {
        let about = |content_type: Option<&str>| {
            judge(|head| {
                head.status = 304;
                head.content_type = content_type.map(str::to_owned);
                head.content_length = Some(0);
            })
        };
        assert_eq!(about(None), Ok(()));
        assert_eq!(about(Some("text/html")), Ok(()));
        assert_eq!(about(Some("image/png")), Err(Because::Type));
    }

    #[test]
    fn what_is_short_or_of_another_type_is_not_worth_it() {
        assert_eq!(judge(|head| head.content_length = Some(99)), Err(Because::Short));
        assert_eq!(judge(|head| head.content_length = Some(100)), Ok(()));
        assert_eq!(judge(|head| head.content_length = None), Ok(()));
        assert_eq!(judge(|head| head.content_type = None), Err(Because::Type));
    }

    #[test]
    fn a_directive_is_one_of_several() {
        for (lines, expected) in [
            (&["no-transform"][..], true),
            (&["public, No-Transform ,max-age=1"], true),
            (&["public", "no-transform"], true),
            (&["public"], false),
            (&["x-no-transform", "no-transformation"], false),
        ] {
            let forbidden = judge(|head| {
                head.cache_control = lines.iter().map(|&line| line.to_owned()).collect();
            });
            assert_eq!(forbidden == Err(Because::NoTransform), expected, "{lines:?}");
        }
    }

    #[test]
    fn identity_is_no_coding() {
        for (lines, expected) in [
            (&[][..], false),
            (&["identity"], false),
            (&[" , "], false),
            (&["gzip"], true),
            (&["identity, br"], true),
            (&["identity", "x-own"], true),
        ] {
            let lines = lines.iter().map(|&line| line.to_owned()).collect();
            let head = Head { content_encoding: lines, ..Head::default() };
            assert_eq!(head.is_encoded(), expected, "{head:?}");
        }
    }
}
