//! What caches may do with the reply. It depends on the headers that its calls are made with, and what
//! was made for one client is for nobody else.

use template::Name;
use torana_plugin_sdk::prelude::*;

use crate::{
    settings::{Part, Settings},
    source::Source,
};

/// The request's headers that the calls are made with, for `Vary`. None if there are none, or where no
/// cache keeps the reply.
pub(crate) fn vary(settings: &Settings) -> Option<String> {
    let keeps = !directives(&settings.cache_control).any(|(name, _)| name == "no-store");
    let mut names = Vec::new();
    for (_, part) in &settings.parts.0 {
        for (_, source) in read(part) {
            if let Source::Exchange(Name::RequestHeader(name)) = source {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    (keeps && !names.is_empty()).then(|| names.join(", "))
}

/// Refuses what would have a cache give one client's reply to another.
pub(crate) fn check(settings: &Settings, errors: &mut SettingErrors) {
    let control = &settings.cache_control;
    for (name, part) in &settings.parts.0 {
        let found = read(part).into_iter().find(|(_, source)| is_shared(control, source));
        let Some((path, source)) = found else { continue };
        let text = format!(
            "`parts.{name}.{}` takes {source}, which is not the same for all clients, and a shared \
             cache would give one client's reply to others: write \"{}\"",
            path.join("."),
            private(control)
        );
        errors.add(["cache_control"], text);
        return;
    }
}

/// Everything that a part's calls are made with, and where it says so.
fn read(part: &Part) -> Vec<(Vec<String>, Source)> {
    let forwarded = part.forward.iter().enumerate().map(|(index, name)| {
        let path = vec!["forward".to_owned(), index.to_string()];
        (path, Source::Exchange(Name::RequestHeader(name.to_string())))
    });
    let named = part.names().into_iter().map(|(path, source)| (path, source.clone()));
    named.chain(forwarded).collect()
}

/// Whether shared caches may keep a reply (RFC 9111, 3) that was made with this for one client alone.
fn is_shared(control: &str, source: &Source) -> bool {
    let Source::Exchange(name) = source else { return false };
    let has = |names: &[&str]| directives(control).any(|(name, _)| names.contains(&name.as_str()));
    let is_opened = has(&["public", "s-maxage"]);
    let is_closed = has(&["private", "no-store", "no-cache"]);
    match name {
        // Such requests close their replies by themselves (RFC 9111, 3.5).
        Name::RequestHeader(name) if name == "authorization" => {
            is_opened || (has(&["must-revalidate"]) && !is_closed)
        }
        // Caches that heed no `Vary` are many, and cookies are where sessions are.
        Name::RequestHeader(name) => name == "cookie" && (is_opened || !is_closed),
        Name::Attribute(name) if !name.starts_with("consumer.") && !name.starts_with("auth.") => {
            false
        }
        // No header is known that these come from.
        Name::Attribute(_) | Name::Claim(_) | Name::ClientAddress => is_opened || !is_closed,
        _ => false,
    }
}

/// The same without what opens it to others: "public, max-age=60" as "private, max-age=60".
fn private(control: &str) -> String {
    let is_public = ["public", "s-maxage", "private", "proxy-revalidate"];
    let mut kept: Vec<_> =
        directives(control).filter(|(name, _)| !is_public.contains(&name.as_str())).collect();
    let shared = directives(control).find(|(name, _)| name == "s-maxage");
    if let (Some((_, value)), false) = (shared, kept.iter().any(|(name, _)| name == "max-age")) {
        kept.push(("max-age".to_owned(), value));
    }
    let kept = kept.into_iter().map(|(name, value)| name + value);
    ["private".to_owned()].into_iter().chain(kept).collect::<Vec<_>>().join(", ")
}

/// Names, and values with the `=` before them. (`private="x"` is about a header alone, and closes
/// nothing.)
fn directives(control: &str) -> impl Iterator<Item = (String, &str)> {
    let directives = control.split(',').map(str::trim_ascii).filter(|text| !text.is_empty());
    let split = directives.map(|text| text.split_at(text.find('=').unwrap_or(text.len())));
    split.map(|(name, value)| (name.to_ascii_lowercase(), value)).filter(|(name, value)| {
        value.is_empty() || !["private", "no-cache"].contains(&name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use torana_plugin_sdk::settings;

    use super::*;

    fn settings(control: &str, part: &str) -> Settings {
        let json = format!(
            r#"{{"cache_control":{control:?},"parts":{{"a":{{"to":"s","path":"/",{part}}}}}}}"#
        );
        settings::parse(&json).unwrap()
    }

    fn is_refused(control: &str, part: &str) -> bool {
        let mut errors = SettingErrors::new();
        check(&settings(control, part), &mut errors);
        errors.or(()).is_err()
    }

    const TOKEN: &str = r#""forward":["authorization"]"#;
    const COOKIE: &str = r#""headers":{"x-session":"{request.header.cookie}"}"#;
    const CLAIM: &str = r#""query":{"user":"{claims.sub}"}"#;
    const TIER: &str = r#""body":{"tier":"{attributes.consumer.tier}"}"#;
    const ADDRESS: &str = r#""query":{"near":"{client.address}"}"#;
    const LANGUAGE: &str = r#""forward":["accept-language"]"#;

    #[test]
    fn what_is_one_clients_is_not_kept_for_all() {
        for control in ["public, max-age=60", "s-maxage=60", "private, s-maxage=60", "PUBLIC"] {
            for part in [TOKEN, COOKIE, CLAIM, TIER, ADDRESS] {
                assert!(is_refused(control, part), "{control} {part}");
            }
            assert!(!is_refused(control, LANGUAGE), "{control}");
        }
        for control in ["private, max-age=60", "no-store", "no-cache, max-age=60"] {
            for part in [TOKEN, COOKIE, CLAIM, TIER, ADDRESS] {
                assert!(!is_refused(control, part), "{control} {part}");
            }
        }
    }

    #[test]
    fn an_age_alone_is_for_all_but_with_authorization() {
        for part in [COOKIE, CLAIM, TIER, ADDRESS] {
            assert!(is_refused("max-age=60", part), "{part}");
            assert!(is_refused("max-age=60, private=\"x\"", part), "{part}");
        }
        assert!(!is_refused("max-age=60", TOKEN));
        assert!(is_refused("max-age=60, must-revalidate", TOKEN));
        assert!(!is_refused("max-age=60", r#""query":{"kind":"{attributes.shape.profile}"}"#));
    }

    #[test]
    fn another_value_is_given() {
        for (control, is) in [
            ("public, max-age=60", "private, max-age=60"),
            ("public", "private"),
            ("s-maxage=30, must-revalidate", "private, must-revalidate, max-age=30"),
            ("max-age=5, s-maxage=30", "private, max-age=5"),
        ] {
            assert_eq!(private(control), is);
            assert!(!is_refused(&private(control), CLAIM), "{control}");
        }
    }

    #[test]
    fn headers_that_calls_are_made_with_are_named_once() {
        let part = r#""forward":["X-B","accept-language"],"headers":{"x-c":"{request.header.X-B:-}"},
            "query":{"q":"{request.header.x-a}"}"#;
        assert_eq!(vary(&settings("max-age=1", part)).unwrap(), "accept-language, x-a, x-b");
        assert_eq!(vary(&settings("No-Store", part)), None);
        assert_eq!(vary(&settings("max-age=1", r#""query":{"q":"{request.query.q}"}"#)), None);
    }
}
