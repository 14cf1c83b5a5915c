//! What a Content-Type says.

/// Whether it is JSON, in the encoding that JSON is read in here: `application/json`, `text/json`, or any type with the
/// suffix `+json` (RFC 6839). Of another charset a service would read another document, and of two types in a list
/// it may take the other.
pub(crate) fn is_json(content_type: &str) -> bool {
    let content_type = content_type.trim_matches(SPACE);
    let (kind, parameters) =
        content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    let kind = kind.trim_end_matches(SPACE).to_ascii_lowercase();
    let Some((main, sub)) =
        kind.split_once('/').filter(|(main, sub)| is_name(main) && is_name(sub))
    else {
        return false;
    };
    let is_named_json =
        matches!(main, "application" | "text") && sub == "json" || sub.ends_with("+json");
    is_named_json
        && charsets(parameters).is_some_and(|charsets| charsets.iter().all(|one| is_utf8(one)))
}

/// Optional white space (RFC 9110, 5.6.3).
const SPACE: [char; 2] = [' ', '\t'];

/// UTF-8, or what is the same in it.
fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

/// The values of all parameters `charset`; none where the parameters (RFC 9110, 5.6.6) cannot be read.
fn charsets(parameters: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = parameters;
    while !rest.is_empty() {
        rest = rest.strip_prefix(';')?.trim_start_matches(SPACE);
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let (name, behind) = rest.split_once('=').filter(|(name, _)| is_name(name))?;
        let (value, behind) = value(behind)?;
        if name.eq_ignore_ascii_case("charset") {
            found.push(value);
        }
        rest = behind.trim_start_matches(SPACE);
    }
    Some(found)
}

/// A token or a quoted text, and what stands behind it.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c| c == ';' || SPACE.contains(&c)).unwrap_or(text.len());
        let (value, behind) = text.split_at(end);
        return is_token(value).then_some((value, behind));
    };
    let mut is_escaped = false;
    let end = quoted.find(|c| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

/// A name of a type or of a parameter (RFC 6838, 4.2).
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_by_its_name_or_its_suffix() {
        for json in [
            "application/json",
            " Application/JSON ;",
            "text/json",
            "application/vnd.shop+json",
            "application/json;charset=utf-8",
            "application/json; Charset=\"UTF-8\"",
            "application/json ; charset=us-ascii; charset=utf8",
            "application/ld+json; profile=\"https://shop.example/a;b, c\\\"d\"; v=1",
        ] {
            assert!(is_json(json), "{json}");
        }
    }

    #[test]
    fn a_list_is_no_type() {
        for other in [
            "",
            "json",
            "+json",
            "/json",
            "image/json",
            "text/xml, a/b+json",
            "application/x-www-form-urlencoded,+json",
            "application/json, text/xml",
            "application/json; v=1, text/xml",
            "application/json text/xml",
            "application/json; v",
            "application/json; v=\"1",
            "application/json; v=\"1\" text/xml",
            "application/json+xml",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }

    #[test]
    fn another_charset_is_another_document() {
        for other in [
            "application/json; charset=utf-7",
            "application/json;charset=\"gbk\"",
            "application/json; charset=utf-8; charset=utf-16",
            "application/json; v=\"; charset=utf-8\"; CHARSET=utf-7",
            "application/json; charset = utf-7",
            "application/json; charset*=utf-7''a",
            "application/json; charset=",
            "application/json; charset=\"utf\\-7\"",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
