//! The fields of a head; lists in them (RFC 9110, 5.6.1), and those that are about one connection (7.6.1).

use http::{HeaderName, HeaderValue, header};

mod lines;

pub use lines::{Fields, IntoName, Named};

/// Whether a list has this member, in whatever case.
pub fn has_member(list: &HeaderValue, member: &str) -> bool {
    let mut members = list.as_bytes().split(|byte| *byte == b',');
    members.any(|one| one.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
}

/// Whether a field is about one connection, or named like one that is. Most heads have none: to
/// look once at each name costs less than to look for all of these.
pub fn is_of_hop(name: &HeaderName) -> bool {
    match *name {
        header::CONNECTION | header::TE | header::TRANSFER_ENCODING | header::UPGRADE => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings"),
    }
}

/// Removes the fields of one connection and those that `Connection` names, but for what is kept whoever
/// names it. `Trailer` stays: without it HTTP/1.1 trailers cannot go on.
pub fn remove_hop(headers: &mut Fields, is_kept: impl Fn(&HeaderName) -> bool) {
    let named = named_by_connection(headers);
    let is_named = |name: &HeaderName| {
        named.binary_search_by_key(&name.as_str(), String::as_str).is_ok() && !is_kept(name)
    };
    headers.retain(|name, _| !is_of_hop(name) && (named.is_empty() || !is_named(name)));
}

/// What `Connection` names, in lower case and in order: a client can name thousands, each of which would be looked for.
fn named_by_connection(headers: &Fields) -> Vec<String> {
    let lists = headers.get_all(header::CONNECTION).filter_map(|list| list.to_str().ok());
    // By far the most are one of these two.
    let lists = lists.filter(|list| !matches!(*list, "keep-alive" | "close"));
    let mut names: Vec<_> = lists
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    names
}

/// Removes other spellings of a name, with underscores. Many a service reads `x_user_id` and `x-user-id` as one (CGI,
/// RFC 3875, 4.1.18): whoever writes the one writes the other.
pub fn remove_aliases(headers: &mut Fields, name: &HeaderName) {
    let dashed = name.as_str().replace('_', "-");
    headers.retain(|other, _| {
        let text = other.as_str();
        !text.contains('_') || other == name || text.replace('_', "-") != dashed
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_whole_and_of_any_case() {
        let has = |list: &'static str| has_member(&HeaderValue::from_static(list), "close");
        assert!(has("close") && has("x,\tClose ,y"));
        assert!(!has("closed") && !has("x close") && !has(""));
    }
}
