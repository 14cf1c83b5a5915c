//! Names of hosts and mailboxes.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Labels of letters, digits and dashes (RFC 1123, 2.1).
pub(super) fn is_hostname(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    // Two dashes there mark an encoding (RFC 5891, 4.2.3.1), of which this is the one there is.
    let is_marked = label.get(2..4) == Some("--");
    (1..=63).contains(&label.len())
        && label.bytes().all(is_fit)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && (!is_marked || is_encoded(label))
}

/// Whether a label decodes (RFC 3492), beyond what it may say then.
fn is_encoded(label: &str) -> bool {
    let encoded =
        label.get(..4).filter(|start| start.eq_ignore_ascii_case("xn--")).map(|_| &label[4..]);
    encoded.is_some_and(|rest| !rest.is_empty() && !rest.ends_with('-'))
}

/// A mailbox (RFC 5321, 4.1.2).
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return is_quoted(quoted);
    }
    let is_fit =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_fit))
}

fn is_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return false,
            '\\' if chars.next().is_none() => return false,
            c if c.is_control() => return false,
            _ => {}
        }
    }
    true
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.strip_prefix("IPv6:") {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
    }
    let is_wide = |label: &str| {
        !label.is_empty() && !label.contains(|c: char| c.is_ascii() && !is_label_char(c))
    };
    is_hostname(domain) || !domain.is_ascii() && domain.split('.').all(is_wide)
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}
