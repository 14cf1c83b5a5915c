//! What a template can ask for: all that templates know, and what other parts answered.

use std::fmt;

use template::{Name, Named};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `parts.NAME.a.b`: from another part's result.
    Part { part: String, path: Vec<String> },
    /// `item.a.b`: from the element that the call is for.
    Item(Vec<String>),
    /// From the exchange.
    Exchange(Name),
}

pub(crate) type Template = template::Template<Source>;

impl Named for Source {
    fn parse(text: &str) -> Result<Self, String> {
        let mut keys = text.split('.').map(str::to_owned);
        let first = keys.next().unwrap_or_default();
        let path: Vec<_> = keys.collect();
        if !matches!(first.as_str(), "parts" | "item") {
            return Name::parse(text)
                .map(Self::Exchange)
                .map_err(|message| format!("{message}, parts.NAME, and with `each` item"));
        }
        if path.iter().any(String::is_empty) {
            return Err(format!("`{text}` has an empty key; write keys with dots between them"));
        }
        match (first.as_str(), path.split_first()) {
            ("item", _) => Ok(Self::Item(path)),
            (_, Some((part, path))) => Ok(Self::Part { part: part.clone(), path: path.to_vec() }),
            (_, None) => Err("`parts` lacks a name; write parts.NAME".to_owned()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { part, path } => write!(f, "parts.{}", dotted(part, path)),
            Self::Item(path) => f.write_str(&dotted("item", path)),
            Self::Exchange(name) => name.fmt(f),
        }
    }
}

/// `a.b.c`, as it was written.
pub(crate) fn dotted(first: &str, path: &[String]) -> String {
    [first].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_and_items_are_known() {
        let path = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        let part = Source::Part { part: "a".into(), path: path(&["b", "0"]) };
        assert_eq!(Source::parse("parts.a.b.0").unwrap(), part);
        assert_eq!(part.to_string(), "parts.a.b.0");
        assert_eq!(Source::parse("item").unwrap(), Source::Item(path(&[])));
        assert_eq!(Source::parse("item.id").unwrap(), Source::Item(path(&["id"])));
        assert_eq!(Source::parse("params.id").unwrap(), Source::Exchange(Name::Param("id".into())));
        for wrong in ["parts", "parts.", "parts.a..b", "item.", "items.a", ""] {
            assert!(Source::parse(wrong).is_err(), "{wrong}");
        }
    }
}
