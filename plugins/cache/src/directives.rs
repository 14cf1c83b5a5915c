//! `Cache-Control` (RFC 9111, 5.2). Nothing here knows the gateway.

/// More seconds than that are as good as that many (RFC 9111, 1.2.2).
pub(crate) const FOREVER: u64 = 1 << 31;

/// What a response says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfResponse {
    pub(crate) no_store: bool,
    pub(crate) no_cache: Scope,
    pub(crate) private: Scope,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// In seconds, as all that follow.
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) stale_while_revalidate: Option<u64>,
    pub(crate) stale_if_error: Option<u64>,
}

/// What a directive is about that may name fields (RFC 9111, 5.2.2.4 and 5.2.2.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    #[default]
    Nothing,
    /// These fields, in lower case.
    Fields(Vec<String>),
    Everything,
}

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfRequest {
    pub(crate) no_cache: bool,
    pub(crate) no_store: bool,
    pub(crate) only_if_cached: bool,
    /// In seconds, as all that follow.
    pub(crate) max_age: Option<u64>,
    pub(crate) min_fresh: Option<u64>,
    pub(crate) max_stale: Option<u64>,
}

impl OfResponse {
    /// Reads the lines of `Cache-Control`.
    pub(crate) fn read(lines: &[String]) -> Self {
        let mut all = Self::default();
        each(lines, |name, value| match name {
            "no-store" => all.no_store = true,
            "no-cache" => all.no_cache.widen(value),
            "private" => all.private.widen(value),
            "public" => all.public = true,
            "must-revalidate" => all.must_revalidate = true,
            "proxy-revalidate" => all.proxy_revalidate = true,
            "must-understand" => all.must_understand = true,
            "max-age" => shorten(&mut all.max_age, value),
            "s-maxage" => shorten(&mut all.s_maxage, value),
            "stale-while-revalidate" => shorten(&mut all.stale_while_revalidate, value),
            "stale-if-error" => shorten(&mut all.stale_if_error, value),
            _ => {}
        });
        all
    }

    /// Whether it must not be used once it is stale. A shared cache reads that out of `s-maxage`, too (RFC 9111,
    /// 5.2.2.10).
    pub(crate) fn forbids_stale(&self) -> bool {
        self.must_revalidate
            || self.proxy_revalidate
            || self.s_maxage.is_some()
            || self.no_cache == Scope::Everything
    }

    /// Whether a response to a request with `Authorization` may be kept for others (RFC 9111, 3.5).
    pub(crate) fn allows_authorized(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }
}

impl OfRequest {
    /// Reads the lines of `Cache-Control`, and of `Pragma` where there are none (RFC 9111, 5.4).
    pub(crate) fn read(lines: &[String], pragma: &[String]) -> Self {
        let mut all = Self::default();
        each(lines, |name, value| match name {
            "no-cache" => all.no_cache = true,
            "no-store" => all.no_store = true,
            "only-if-cached" => all.only_if_cached = true,
            "max-age" => shorten(&mut all.max_age, value),
            "min-fresh" => all.min_fresh = Some(value.and_then(seconds).unwrap_or(FOREVER)),
            // Without a value it takes whatever there is.
            "max-stale" => match value {
                None => all.max_stale = Some(FOREVER),
                Some(_) => shorten(&mut all.max_stale, value),
            },
            _ => {}
        });
        if lines.is_empty() {
            each(pragma, |name, _| all.no_cache |= name == "no-cache");
        }
        all
    }
}

impl Scope {
    fn widen(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            *self = Self::Everything;
            return;
        };
        let named = value.split(',').map(|name| name.trim().to_ascii_lowercase());
        let named = named.filter(|name| !name.is_empty());
        match self {
            Self::Everything => {}
            Self::Fields(fields) => fields.extend(named),
            Self::Nothing => *self = Self::Fields(named.collect()),
        }
        // A list without a name would be a directive that means nothing: the safe reading is the other one.
        if *self == Self::Fields(Vec::new()) {
            *self = Self::Everything;
        }
    }

    /// The fields that it names.
    pub(crate) fn fields(&self) -> &[String] {
        match self {
            Self::Fields(fields) => fields,
            _ => &[],
        }
    }
}

/// What is said twice counts by its shortest, and what is no number is none at all: stale, and not forever (RFC 9111,
/// 4.2.1).
fn shorten(known: &mut Option<u64>, value: Option<&str>) {
    let said = value.and_then(seconds).unwrap_or(0);
    *known = Some(known.map_or(said, |known| known.min(said)));
}

/// Seconds (RFC 9111, 1.2.2): digits, and nothing else.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(FOREVER).min(FOREVER))
}

/// Every directive, its name in lower case, its value without quotes.
fn each(lines: &[String], mut see: impl FnMut(&str, Option<&str>)) {
    for line in lines {
        for member in members(line) {
            let (name, value) = match member.split_once('=') {
                Some((name, value)) => (name, Some(unquoted(value))),
                None => (member, None),
            };
            see(&name.to_ascii_lowercase(), value);
        }
    }
}

/// The members of a list (RFC 9110, 5.6.1), whose quoted strings may have commas in them.
fn members(line: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let split = line.split(move |c| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match c {
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' => return !is_quoted,
            _ => {}
        }
        false
    });
    split.map(str::trim_ascii).filter(|member| !member.is_empty())
}

/// A value is the same with quotes and without (RFC 9111, 5.2). What is escaped in it is no number and no name.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(lines: &[&str]) -> OfResponse {
        OfResponse::read(&lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>())
    }

    fn request(line: &str) -> OfRequest {
        OfRequest::read(&[line.to_owned()], &[])
    }

    #[test]
    fn directives_are_read_in_any_case_and_from_several_lines() {
        let all = response(&["No-Store ,, MAX-AGE=60", "s-maxage=5, public"]);
        assert!(all.no_store && all.public && !all.must_revalidate);
        assert_eq!((all.max_age, all.s_maxage), (Some(60), Some(5)));
    }

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        for (text, expected) in [
            ("max-age=003600", Some(3600)),
            ("max-age=\"60\"", Some(60)),
            ("max-age=99999999999999999999999", Some(FOREVER)),
            ("max-age='60'", Some(0)),
            ("max-age=-1", Some(0)),
            ("max-age=1.5", Some(0)),
            ("max-age= 60", Some(0)),
            ("max-age", Some(0)),
            ("max-age=", Some(0)),
            ("max-age =60", None),
            ("x-max-age=60", None),
        ] {
            assert_eq!(response(&[text]).max_age, expected, "{text}");
        }
    }

    #[test]
    fn what_is_said_twice_counts_by_its_shortest() {
        assert_eq!(response(&["max-age=1, max-age=60"]).max_age, Some(1));
        assert_eq!(response(&["max-age=60", "max-age=1"]).max_age, Some(1));
        assert_eq!(response(&["max-age=60, max-age=x"]).max_age, Some(0));
    }

    #[test]
    fn a_quoted_string_is_one_value() {
        let all = response(&["a=\"max-age=60, no-store\", b=\"\\\", private\", max-age=1"]);
        assert_eq!(all, OfResponse { max_age: Some(1), ..OfResponse::default() });
    }

    #[test]
    fn fields_may_be_named() {
        let named = |names: &[&str]| Scope::Fields(names.iter().map(|&n| n.to_owned()).collect());
        assert_eq!(response(&["private"]).private, Scope::Everything);
        assert_eq!(response(&["private=\"X-A, x-b\""]).private, named(&["x-a", "x-b"]));
        assert_eq!(
            response(&["no-cache=x-a", "no-cache=\"x-b\""]).no_cache,
            named(&["x-a", "x-b"])
        );
        assert_eq!(response(&["no-cache=x-a, no-cache"]).no_cache, Scope::Everything);
        assert_eq!(response(&["no-cache, no-cache=x-a"]).no_cache, Scope::Everything);
        assert_eq!(response(&["private=\" , \""]).private, Scope::Everything);
    }

    #[test]
    fn a_request_may_take_what_is_stale() {
        assert_eq!(request("max-stale").max_stale, Some(FOREVER));
        assert_eq!(request("max-stale=60").max_stale, Some(60));
        assert_eq!(request("max-stale=x").max_stale, Some(0));
        assert_eq!(request("min-fresh=x").min_fresh, Some(FOREVER), "nothing is as fresh as that");
        assert!(request("only-if-cached, no-store").only_if_cached);
    }

    #[test]
    fn pragma_counts_where_there_is_nothing_else() {
        let pragma = ["No-Cache".to_owned()];
        assert!(OfRequest::read(&[], &pragma).no_cache);
        assert!(!OfRequest::read(&["max-age=1".to_owned()], &pragma).no_cache);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(lines in proptest::collection::vec(".{0,60}", 0..4)) {
            let said = OfResponse::read(&lines);
            prop_assert!(said.max_age.is_none_or(|seconds| seconds <= FOREVER));
            OfRequest::read(&lines, &lines);
        }

        #[test]
        fn order_does_not_matter(
            mut members in proptest::collection::vec(
                prop_oneof![Just("no-store"), Just("max-age=5"), Just("max-age=7"), Just("s-maxage=3"),
                    Just("private=\"a, b\""), Just("no-cache"), Just("x=\"no-store\"")], 0..6),
        ) {
            let there = response(&members);
            members.reverse();
            let back = response(&members);
            prop_assert_eq!(there.max_age, back.max_age);
            prop_assert_eq!((there.no_store, there.no_cache), (back.no_store, back.no_cache));
        }
    }
}
