//! `?fields=id,price.amount`: what a client wants of a document.

use crate::path::{Names, Path};

/// More is no selection but an attack.
const MAX_FIELDS: usize = 64;
const MAX_LENGTH: usize = 2048;

/// What clients may ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Allowed {
    /// These fields and all that is inside of them; none: any.
    pub(crate) fields: Option<Vec<Names>>,
    /// Whether others are passed over. If not, they are refused.
    pub(crate) ignores_unknown: bool,
}

/// Why a selection is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not a list of fields.
    Wrong(String),
    /// There is no such field.
    Unknown(String),
}

impl Allowed {
    /// Reads what the client sent; none if it is empty, and selects nothing in particular.
    pub(crate) fn select(&self, texts: &[String]) -> Result<Option<Vec<Path>>, Refusal> {
        if texts.iter().map(String::len).sum::<usize>() > MAX_LENGTH {
            return Err(Refusal::Wrong(format!("it is longer than {MAX_LENGTH} characters")));
        }
        let fields = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        let fields: Vec<_> = fields.filter(|field| !field.is_empty()).collect();
        if fields.len() > MAX_FIELDS {
            return Err(Refusal::Wrong(format!("it names more than {MAX_FIELDS} fields")));
        }
        if fields.is_empty() {
            return Ok(None);
        }
        let paths = fields.into_iter().filter_map(|field| self.field(field).transpose());
        paths.collect::<Result<_, _>>().map(Some)
    }

    fn field(&self, text: &str) -> Result<Option<Path>, Refusal> {
        let names = Names::parse(text)
            .map_err(|_| Refusal::Wrong("names and dots can stand there, and commas".into()))?;
        let allows = |allowed: &Vec<Names>| allowed.iter().any(|field| field.contains(&names));
        if self.fields.as_ref().is_none_or(allows) {
            Ok(Some(Path::from(&names)))
        } else if self.ignores_unknown {
            Ok(None)
        } else {
            Err(Refusal::Unknown(text.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(allowed: &Allowed, texts: &[&str]) -> Result<Option<Vec<String>>, Refusal> {
        let texts: Vec<_> = texts.iter().map(|&text| text.to_owned()).collect();
        let paths = allowed.select(&texts)?;
        Ok(paths.map(|paths| paths.iter().map(Path::to_string).collect()))
    }

    fn some(paths: &[&str]) -> Result<Option<Vec<String>>, Refusal> {
        Ok(Some(paths.iter().map(|&path| path.to_owned()).collect()))
    }

    fn listed(ignores_unknown: bool) -> Allowed {
        let fields = ["id", "price"].map(|field| Names::parse(field).unwrap()).into();
        Allowed { fields: Some(fields), ignores_unknown }
    }

    #[test]
    fn a_list_is_a_list() {
        let any = Allowed::default();
        assert_eq!(
            select(&any, &["id, price.amount", "name,"]),
            some(&["id", "price.amount", "name"])
        );
        assert_eq!(select(&any, &[""]), Ok(None));
        assert_eq!(select(&any, &[]), Ok(None));
    }

    #[test]
    fn what_is_not_listed_is_refused_or_passed_over() {
        assert_eq!(select(&listed(false), &["id,price.amount"]), some(&["id", "price.amount"]));
        assert_eq!(select(&listed(false), &["id,cost"]), Err(Refusal::Unknown("cost".into())));
        assert_eq!(select(&listed(true), &["id,cost"]), some(&["id"]));
        // It asked for something, so it does not get everything.
        assert_eq!(select(&listed(true), &["cost"]), some(&[]));
    }

    #[test]
    fn nonsense_and_floods_are_refused() {
        let any = Allowed::default();
        for wrong in ["a[*]", "**.a", "a..b", "$", "a b", "a\"", "*"] {
            assert!(matches!(select(&any, &[wrong]), Err(Refusal::Wrong(_))), "{wrong}");
        }
        assert!(matches!(select(&any, &["a,".repeat(65).as_str()]), Err(Refusal::Wrong(_))));
        assert!(matches!(select(&any, &["a".repeat(3000).as_str()]), Err(Refusal::Wrong(_))));
        assert!(matches!(select(&any, &["a.".repeat(40).as_str()]), Err(Refusal::Wrong(_))));
    }
}
