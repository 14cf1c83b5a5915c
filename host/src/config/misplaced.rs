//! Keys that no table knows, or another table than the one they stand in.

use super::{
    Diagnostic, Span,
    fault::{join, nearest, quote},
    keys::{Key, Shape},
};

/// What other gateways call it.
const ALIASES: [(&str, &str); 22] = [
    ("url", "targets"),
    ("urls", "targets"),
    ("servers", "targets"),
    ("endpoints", "targets"),
    ("nodes", "targets"),
    ("service", "upstream"),
    ("backend", "upstream"),
    ("filters", "chain"),
    ("middlewares", "chain"),
    ("plugins", "chain"),
    ("bind", "address"),
    ("port", "address"),
    ("settings", "config"),
    ("strip_prefix", "strip"),
    ("canary", "split"),
    ("shadow", "mirror"),
    ("return", "reply"),
    ("location", "to"),
    ("pass_host", "host"),
    ("passHostHeader", "host"),
    ("upstream_host", "host"),
    ("server_name", "sni"),
];

/// Most places that are worth naming.
const PLACES: usize = 3;

/// Says that `shape` has no key `name`, and what was probably meant.
pub(super) fn unknown_key(
    root: &'static Shape,
    shape: &'static Shape,
    place: &str,
    name: &str,
    span: Span,
) -> Diagnostic {
    let message = format!("{place} has no key {}", quote(name));
    Diagnostic::error(span, message).label("unknown key").help(hint(root, shape, name))
}

fn hint(root: &'static Shape, shape: &'static Shape, name: &str) -> String {
    if let Some(meant) = alias(shape, name) {
        return format!("did you mean `{meant}`?");
    }
    let here = nearest(name, shape.keys.iter().map(|key| key.name));
    if let Some(near) = here.filter(|_| shape.id == root.id) {
        return format!("did you mean `{near}`?");
    }
    let elsewhere = places(root, shape, name);
    let elsewhere = (!elsewhere.is_empty())
        .then(|| format!("`{name}` is a key of {}", join(&elsewhere, "and")));
    match (here, elsewhere) {
        (Some(near), Some(place)) => format!("did you mean `{near}`? ({place})"),
        (Some(near), None) => format!("did you mean `{near}`?"),
        (None, Some(place)) => place,
        (None, None) => format!("its keys are {}", join(&listed(shape.keys), "and")),
    }
}

fn alias(shape: &Shape, name: &str) -> Option<&'static str> {
    let (_, meant) = ALIASES.iter().find(|(alias, _)| *alias == name)?;
    shape.key(meant).map(|key| key.name)
}

fn listed(keys: &[Key]) -> Vec<String> {
    keys.iter().map(|key| format!("`{}`", key.name)).collect()
}

/// The tables that know the key, those one step up or down first.
fn places(root: &'static Shape, shape: &'static Shape, name: &str) -> Vec<&'static str> {
    let all = root.tree().into_iter();
    let mut others: Vec<_> =
        all.filter(|other| other.id != shape.id && other.key(name).is_some()).collect();
    others.sort_by_key(|other| !(other.contains(shape) || shape.contains(other)));
    others.into_iter().map(|other| other.place).take(PLACES).collect()
}
