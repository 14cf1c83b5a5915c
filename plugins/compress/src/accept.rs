//! Which coding a client gets (RFC 9110, 12.5.3). Nothing here knows the gateway.

use torana_plugin_sdk::http::weight;

use crate::coding::Coding;

/// The coding that the client likes best, the first of `offered` among equals. None: it gets the
/// body as it is, because it likes that better, or because it accepts nothing that is offered. (Even
/// if it says `identity;q=0`: the work is done by now, and a body that it may not want is more
/// use than an error. The RFC leaves that to the server.)
///
/// A client that says nothing accepts everything by the RFC, but cannot decode it in practice.
pub(crate) fn choose(lines: &[String], offered: &[Coding]) -> Option<Coding> {
    let wishes: Vec<_> = lines.iter().flat_map(|line| line.split(',')).map(Wish::parse).collect();
    let weights = offered.iter().map(|&coding| (coding, weight_of(coding, &wishes)));
    // The first of the best.
    let none = (None, 0);
    let (best, weight) =
        weights.fold(
            none,
            |best, (coding, weight)| {
                if weight > best.1 { (Some(coding), weight) } else { best }
            },
        );
    best.filter(|_| weight >= weight_of_identity(&wishes))
}

/// `gzip;q=0.5`
struct Wish<'a> {
    name: &'a str,
    /// In thousandths.
    weight: u16,
}

impl<'a> Wish<'a> {
    /// A weight that cannot be read wishes for nothing.
    fn parse(text: &'a str) -> Self {
        let (name, parameters) = text.split_once(';').unwrap_or((text, "q=1"));
        let weight = parameters.trim().split_once('=').and_then(|(key, value)| {
            key.trim_end().eq_ignore_ascii_case("q").then(|| weight(value.trim_start()))?
        });
        Self { name: name.trim(), weight: weight.unwrap_or(0) }
    }
}

/// By its name; else by `*`, which stands for all that are not named.
fn weight_of(coding: Coding, wishes: &[Wish<'_>]) -> u16 {
    let named = wishes.iter().find(|wish| coding.is_called(wish.name));
    let wish = named.or_else(|| wishes.iter().find(|wish| wish.name == "*"));
    wish.map_or(0, |wish| wish.weight)
}

/// Where it is not named, it is accepted if nothing better is.
fn weight_of_identity(wishes: &[Wish<'_>]) -> u16 {
    let named = wishes.iter().find(|wish| wish.name.eq_ignore_ascii_case("identity"));
    named.map_or(0, |wish| wish.weight)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: [Coding; 2] = [Coding::Br, Coding::Gzip];

    fn chosen(lines: &[&str], offered: &[Coding]) -> &'static str {
        let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
        choose(&lines, offered).map_or("identity", Coding::name)
    }

    #[test]
    fn the_best_weight_wins_and_the_settings_among_equals() {
        for (lines, expected) in [
            (&["gzip, deflate, br, zstd"][..], "br"),
            (&["gzip"], "gzip"),
            (&["GZip"], "gzip"),
            (&["x-gzip"], "gzip"),
            (&["br;q=0.5, gzip;q=0.8"], "gzip"),
            (&["br;q=0.5", "gzip;q=0.8"], "gzip"),
            (&["br ; q=0.500 , gzip\t;\tQ=0.5"], "br"),
            (&["*"], "br"),
            (&["br;q=0, *"], "gzip"),
            (&["gzip;q=0.2, *;q=0.1"], "gzip"),
            (&["deflate, zstd"], "identity"),
            (&["gzip, gzip;q=0"], "gzip"),
            (&["gzip;q=.5, br;q=0.4999"], "gzip"),
        ] {
            assert_eq!(chosen(lines, &BOTH), expected, "{lines:?}");
        }
        assert_eq!(chosen(&["br, gzip"], &[Coding::Gzip, Coding::Br]), "gzip");
        assert_eq!(chosen(&["br"], &[Coding::Gzip]), "identity");
    }

    #[test]
    fn identity_is_a_coding_too() {
        for (lines, expected) in [
            (&[][..], "identity"),
            (&[""], "identity"),
            (&["identity"], "identity"),
            (&["identity, gzip;q=0.9"], "identity"),
            (&["identity;q=0.5, gzip;q=0.9"], "gzip"),
            (&["identity;q=0.5, gzip;q=0.5"], "gzip"),
            (&["identity;q=0, gzip;q=0.001"], "gzip"),
            (&["identity;q=0, deflate"], "identity"),
            (&["*;q=0"], "identity"),
            (&["*;q=0, gzip"], "gzip"),
            (&["gzip;q=0, br;q=0.0, identity"], "identity"),
        ] {
            assert_eq!(chosen(lines, &BOTH), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_malformed_wishes_for_nothing() {
        for line in [
            "gzip;q=",
            "gzip;q=2",
            "gzip;q=1.001",
            "gzip;q=-1",
            "gzip;q=0,5",
            "gzip;level=9",
            "gzip;",
            "gzip q=1",
            "gzipped",
            ";;;,,,=",
        ] {
            assert_eq!(chosen(&[line], &BOTH), "identity", "{line}");
        }
    }

    proptest! {
        #[test]
        fn nobody_gets_what_was_not_named(line in "[ -~]{0,60}") {
            let chosen = chosen(&[&line], &BOTH);
            let lower = line.to_ascii_lowercase();
            prop_assert!(chosen == "identity" || lower.contains(chosen) || lower.contains('*'));
        }
    }
}
