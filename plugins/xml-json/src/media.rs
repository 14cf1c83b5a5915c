//! Media types, and what a client accepts (RFC 9110, 8.3 and 12.5.1).

use torana_plugin_sdk::http::weight;

use crate::{error::Language, problem};

/// The language of a media type; none for what is neither, and for formats that are written in one
/// but are no data to translate.
pub(crate) fn language(content_type: &str) -> Option<Language> {
    let essence = essence(content_type);
    if OWN_FORMATS.contains(&essence.as_str()) {
        return None;
    }
    let (_, subtype) = essence.split_once('/')?;
    match subtype {
        _ if essence == "application/json" || essence == "text/json" => Some(Language::Json),
        _ if essence == "application/xml" || essence == "text/xml" => Some(Language::Xml),
        subtype if subtype.ends_with("+json") => Some(Language::Json),
        subtype if subtype.ends_with("+xml") => Some(Language::Xml),
        _ => None,
    }
}

/// Nobody who asks for these wants data in XML.
const OWN_FORMATS: [&str; 6] = [
    "application/xhtml+xml",
    "application/atom+xml",
    "application/rss+xml",
    "application/mathml+xml",
    "application/xslt+xml",
    "image/svg+xml",
];

/// Errors have media types of their own: who accepts them says nothing about the rest.
pub(crate) fn is_problem(content_type: &str) -> bool {
    matches!(essence(content_type).as_str(), problem::JSON | problem::XML)
}

/// A media type without its parameters, lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A parameter of a media type, without its quotes.
pub(crate) fn parameter(content_type: &str, name: &str) -> Option<String> {
    let parameters = split(content_type, b';').skip(1);
    let pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    let value = values.next()?.1.trim();
    Some(match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    })
}

/// Parts of a field's value, not split within quotes.
fn split(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |c: char| {
        let is_end = !is_quoted && c == char::from(separator);
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
        is_end
    })
}

/// What is sent to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) language: Language,
    /// The media type that it asked for by name.
    pub(crate) media_type: Option<String>,
}

/// What a client accepts.
pub(crate) struct Accept(Vec<Range>);

/// `text/*;q=0.5`
struct Range {
    essence: String,
    quality: u16,
}

/// A quality, and the media type that it was given to by name.
type Liking<'a> = (u16, Option<&'a str>);

impl Accept {
    /// Reads the field. Without it, everything is accepted. What cannot be read is left out.
    pub(crate) fn parse<'v>(lines: impl IntoIterator<Item = &'v str>) -> Self {
        let ranges = lines.into_iter().flat_map(|line| split(line, b','));
        let ranges: Vec<_> = ranges.filter_map(Range::parse).collect();
        match ranges.is_empty() {
            true => Self(vec![Range { essence: "*/*".into(), quality: 1000 }]),
            false => Self(ranges),
        }
    }

    /// The language that the client likes best, the first of `preferred` among equals; none if it
    /// accepts neither.
    pub(crate) fn choose(&self, preferred: [Language; 2]) -> Option<Choice> {
        let [first, second] = preferred.map(|language| (language, self.quality(language)));
        let (language, (quality, named)) = if second.1.0 > first.1.0 { second } else { first };
        (quality > 0).then(|| Choice { language, media_type: named.map(str::to_owned) })
    }

    /// The language in which the client is told what is wrong: that of its choice. One that accepts
    /// neither may still accept problems.
    pub(crate) fn of_problems(&self, preferred: [Language; 2]) -> Language {
        if let Some(choice) = self.choose(preferred) {
            return choice.language;
        }
        let [first, second] =
            preferred.map(|language| (language, self.quality_of_problems(language)));
        if second.1 > first.1 { second.0 } else { first.0 }
    }

    fn quality_of_problems(&self, language: Language) -> u16 {
        self.quality_of(match language {
            Language::Json => problem::JSON,
            Language::Xml => problem::XML,
        })
    }

    /// How much a language is liked, and by which media type that is named.
    fn quality(&self, language: Language) -> Liking<'_> {
        let known: &[&str] = match language {
            Language::Json => &["application/json"],
            Language::Xml => &["application/xml", "text/xml"],
        };
        let own = known.iter().map(|&essence| (self.quality_of(essence), self.named(essence)));
        // A name that the client made up is a way to ask for the language.
        let others = self.0.iter().filter(|range| {
            self::language(&range.essence) == Some(language)
                && !known.contains(&range.essence.as_str())
                && !is_problem(&range.essence)
        });
        let others = others.map(|range| (range.quality, range.name()));
        // The first of the best.
        own.chain(others).fold((0, None), |best, next| if next.0 > best.0 { next } else { best })
    }

    fn named(&self, essence: &str) -> Option<&str> {
        self.0.iter().find(|range| range.essence == essence).and_then(Range::name)
    }

    /// By the range that fits most exactly.
    fn quality_of(&self, essence: &str) -> u16 {
        let family = essence.split_once('/').map_or("", |(family, _)| family);
        let is_family = |range: &&Range| range.essence.strip_suffix("/*") == Some(family);
        let mut exact = self.0.iter().filter(|range| range.essence == essence);
        let range = exact.next();
        let range = range.or_else(|| self.0.iter().find(is_family));
        let range = range.or_else(|| self.0.iter().find(|range| range.essence == "*/*"));
        range.map_or(0, |range| range.quality)
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut essence = essence(text);
        if essence == "*" {
            // Java's standard library says so, and means every type.
            essence = "*/*".into();
        }
        let (family, subtype) = essence.split_once('/')?;
        if family.is_empty() || subtype.is_empty() {
            return None;
        }
        // A client that names a type wants it, however badly it says how much.
        let quality = parameter(text, "q").and_then(|value| weight(&value)).unwrap_or(1000);
        Some(Self { essence, quality })
    }

    /// The media type, if it is one that a reply can have. (`application/*+xml` asks for a language,
    /// and names none.)
    fn name(&self) -> Option<&str> {
        Some(self.essence.as_str()).filter(|essence| !essence.contains('*'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_tells_the_language() {
        for (content_type, expected) in [
            ("application/json", Some(Language::Json)),
            ("Application/JSON; charset=utf-8", Some(Language::Json)),
            ("application/merge-patch+json", Some(Language::Json)),
            ("text/xml;charset=\"utf-8\"", Some(Language::Xml)),
            ("application/soap+xml", Some(Language::Xml)),
            ("application/xhtml+xml", None),
            ("image/svg+xml", None),
            ("text/plain", None),
            ("json", None),
            ("", None),
        ] {
            assert_eq!(language(content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn parameters_may_be_quoted() {
        assert_eq!(parameter("a/b; Charset=\"x;\\\"y\"; z=1", "charset").unwrap(), "x;\"y");
        assert_eq!(parameter("a/b; Charset=\"x;y\"; z=1", "z").unwrap(), "1");
        assert_eq!(parameter("a/b", "z"), None);
    }

    fn choice(accept: &[&str], first: Language) -> String {
        let second = if first == Language::Xml { Language::Json } else { Language::Xml };
        match Accept::parse(accept.iter().copied()).choose([first, second]) {
            Some(Choice { language, media_type }) => {
                format!("{language} {}", media_type.unwrap_or_default())
            }
            None => "none".into(),
        }
    }

    #[test]
    fn the_best_quality_wins() {
        use Language::{Json, Xml};
        for (accept, first, expected) in [
            (&[][..], Json, "JSON "),
            (&["*/*"], Xml, "XML "),
            (&["application/xml"], Json, "XML application/xml"),
            (&["text/xml"], Json, "XML text/xml"),
            (&["application/json;q=0.5, text/xml;q=0.6"], Json, "XML text/xml"),
            (&["application/json;q=0.5", "text/xml;q=0.6"], Json, "XML text/xml"),
            (&["application/json, application/xml"], Xml, "XML application/xml"),
            (&["application/vnd.shop+xml"], Json, "XML application/vnd.shop+xml"),
            (
                &["application/vnd.shop.v2+json, */*;q=0.1"],
                Xml,
                "JSON application/vnd.shop.v2+json",
            ),
            (&["*/*, application/json;q=0"], Json, "XML "),
            (&["application/*;q=0.2, text/*"], Json, "XML "),
            (&["application/xml, application/problem+json"], Json, "XML application/xml"),
            (&["text/html, application/xhtml+xml, */*;q=0.8"], Json, "JSON "),
            (&["text/html"], Json, "none"),
            (&["application/json;q=0, application/xml;q=0.000"], Json, "none"),
            (&["application/json;q=2, application/xml;q=0.1"], Xml, "JSON application/json"),
            (&["application/json;q=high, application/xml;q=0.9"], Xml, "JSON application/json"),
            (&["application/json;q=.2, application/xml;q=0.3333"], Json, "XML application/xml"),
            (&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], Xml, "XML "),
            (&["text/html, *"], Json, "JSON "),
            (&["application/*+xml"], Json, "XML "),
            (&["application/*+xml, application/json;q=0.9"], Json, "XML "),
            (
                &["application/json;profile=\"a,b;q=0\";q=0.9, text/xml;q=0.8"],
                Xml,
                "JSON application/json",
            ),
            (&["nonsense"], Json, "JSON "),
        ] {
            assert_eq!(choice(accept, first), expected, "{accept:?}");
        }
    }

    #[test]
    fn problems_are_in_the_language_of_the_choice() {
        use Language::{Json, Xml};
        for (accept, first, expected) in [
            ("*/*", Xml, Xml),
            ("*/*", Json, Json),
            ("text/xml", Json, Xml),
            ("application/xml;q=0.1, application/problem+json", Json, Xml),
            ("image/png, application/problem+xml", Json, Xml),
            ("application/problem+xml;q=0.1, application/problem+json;q=0.2", Xml, Json),
            ("image/png", Xml, Xml),
            ("image/png", Json, Json),
        ] {
            let second = if first == Xml { Json } else { Xml };
            let language = Accept::parse([accept]).of_problems([first, second]);
            assert_eq!(language, expected, "{accept}");
        }
    }
}
