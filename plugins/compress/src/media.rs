//! Which media types are worth it (RFC 9110, 8.3). Nothing here knows the gateway.

/// A media type without its parameters, lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Events are to arrive one by one: a stream that is not flushed is a stream that stands still.
pub(crate) const EVENTS: &str = "text/event-stream";

/// Its messages are compressed one by one, by itself, and its frames are not to be delayed.
fn is_grpc(essence: &str) -> bool {
    let rest = essence.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', '-']))
}

/// Formats that are compressed in themselves, beside images, sounds and films.
const PACKED: [&str; 21] = [
    "application/gzip",
    "application/java-archive",
    "application/pdf",
    "application/vnd.android.package-archive",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-brotli",
    "application/x-bzip2",
    "application/x-gzip",
    "application/x-lzip",
    "application/x-rar-compressed",
    "application/x-xz",
    "application/zip",
    "application/zlib",
    "application/zstd",
    "font/woff",
    "font/woff2",
    "image/avif",
    "image/jpeg",
    "image/png",
    "image/webp",
];

/// Images that are text, or plain bits.
const PLAIN_IMAGES: [&str; 4] =
    ["image/bmp", "image/svg+xml", "image/vnd.microsoft.icon", "image/x-icon"];

fn is_packed(essence: &str) -> bool {
    let family = essence.split('/').next().unwrap_or_default();
    PACKED.contains(&essence)
        || ["+zip", "+gzip", "+zstd"].iter().any(|suffix| essence.ends_with(suffix))
        || essence.starts_with("application/vnd.openxmlformats-")
        || essence.starts_with("application/vnd.oasis.opendocument.")
        || ["audio", "image", "video"].contains(&family) && !PLAIN_IMAGES.contains(&essence)
}

/// Media types: one, or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// `application/json`
    One(String),
    /// `text/*`, `application/*+json`, `*/*`. Never those that must be named: events, and what is
    /// compressed in itself.
    All {
        /// `text`; none for all of them.
        family: Option<String>,
        /// `+json`, or empty.
        suffix: String,
    },
}

impl Types {
    /// Reads a type or a pattern. The error says what to write instead.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let Some((family, subtype)) = lower.split_once('/') else {
            return Err(match lower.strip_prefix("*+").or_else(|| lower.strip_prefix('+')) {
                Some(suffix) => format!("write \"*/*+{suffix}\""),
                None => format!("`{text}` is no media type: write one like \"text/html\""),
            });
        };
        match subtype.strip_prefix('*') {
            Some(suffix) if suffix.is_empty() || is_suffix(suffix) => {
                let family = (family != "*").then(|| family.to_owned());
                if family.as_deref().is_none_or(is_token) {
                    return Ok(Self::All { family, suffix: suffix.to_owned() });
                }
            }
            None if is_token(family) && is_token(subtype) => return Self::one(lower),
            _ => {}
        }
        Err(format!(
            "`{text}` is no media type (they have no parameters here): write one like \
             \"text/html\", or a pattern like \"text/*\" or \"application/*+json\""
        ))
    }

    fn one(essence: String) -> Result<Self, String> {
        if is_grpc(&essence) {
            return Err("gRPC compresses its messages itself: remove it".into());
        }
        if is_packed(&essence) {
            return Err(format!("`{essence}` is compressed already: remove it"));
        }
        Ok(Self::One(essence))
    }

    /// Whether a media type is one of these.
    pub(crate) fn have(&self, essence: &str) -> bool {
        match self {
            Self::One(one) => one == essence,
            Self::All { family, suffix } => {
                let Some((is_family, is_subtype)) = essence.split_once('/') else { return false };
                family.as_ref().is_none_or(|family| family == is_family)
                    && is_subtype.ends_with(suffix)
                    && essence != EVENTS
                    && !is_grpc(essence)
                    && !is_packed(essence)
            }
        }
    }
}

fn is_suffix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(is_token)
}

/// A name of RFC 6838, 4.2.
fn is_token(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    !text.is_empty() && text.bytes().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, content_type: &str) -> bool {
        Types::parse(pattern).unwrap().have(&essence(content_type))
    }

    #[test]
    fn a_pattern_has_all_of_a_kind() {
        for (pattern, content_type, expected) in [
            ("application/json", "Application/JSON; charset=utf-8", true),
            ("application/json", "application/json5", false),
            ("Text/*", "text/html", true),
            ("text/*", "text", false),
            ("text/*", "texture/html", false),
            ("application/*+json", "application/problem+json", true),
            ("application/*+json", "application/json", false),
            ("*/*+xml", "image/svg+xml", true),
            ("*/*", "application/wasm", true),
            ("*/*", "", false),
        ] {
            assert_eq!(fits(pattern, content_type), expected, "{pattern} {content_type}");
        }
    }

    #[test]
    fn what_must_be_named_is_in_no_pattern() {
        for content_type in [
            "text/event-stream",
            "application/grpc",
            "application/grpc+proto",
            "application/grpc-web-text",
            "image/png",
            "image/jxl",
            "video/mp4",
            "audio/ogg",
            "font/woff2",
            "application/zip",
            "application/epub+zip",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ] {
            let (family, _) = content_type.split_once('/').unwrap();
            assert!(!fits("*/*", content_type), "{content_type}");
            assert!(!fits(&format!("{family}/*"), content_type), "{content_type}");
        }
        assert!(fits("text/event-stream", "text/event-stream; charset=utf-8"));
        assert!(fits("*/*", "application/grpconly"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("json", "like \"text/html\""),
            ("+json", "\"*/*+json\""),
            ("*+json", "\"*/*+json\""),
            ("text/html; charset=utf-8", "no parameters"),
            ("text/ht*", "a pattern like"),
            ("te*/html", "a pattern like"),
            ("*/html", "a pattern like"),
            ("text/*html", "a pattern like"),
            ("text/", "a pattern like"),
            ("image/png", "compressed already"),
            ("application/grpc+proto", "gRPC"),
        ] {
            let error = Types::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
