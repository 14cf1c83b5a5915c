//! Lists in header fields (RFC 9110, 5.6.1), and the fields that are about one connection (7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

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
pub fn remove_hop(headers: &mut HeaderMap, is_kept: impl Fn(&HeaderName) -> bool) {
    let mut gone: Vec<HeaderName> =
        headers.keys().filter(|name| is_of_hop(name)).cloned().collect();
    if gone.contains(&header::CONNECTION) {
        let lists =
            headers.get_all(header::CONNECTION).iter().filter_map(|list| list.to_str().ok());
        // By far the most are one of these two.
        let options = lists.filter(|list| !matches!(*list, "keep-alive" | "close"));
        let names = options.flat_map(|list| list.split(',').map(str::trim));
        let names = names.filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        gone.extend(names.filter(|name| !is_kept(name)));
    }
    for name in gone {
        headers.remove(name);
    }
}

/// Removes other spellings of a name, with underscores. Many a service reads `x_user_id` and `x-user-id` as one (CGI,
/// RFC 3875, 4.1.18): whoever writes the one writes the other.
pub fn remove_aliases(headers: &mut HeaderMap, name: &HeaderName) {
    let dashed = name.as_str().replace('_', "-");
    let is_alias = |other: &&HeaderName| {
        let text = other.as_str();
        text.contains('_') && *other != name && text.replace('_', "-") == dashed
    };
    let aliases: Vec<HeaderName> = headers.keys().filter(is_alias).cloned().collect();
    aliases.into_iter().for_each(|alias| drop(headers.remove(alias)));
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
