//! Where a part's result goes in the reply.

/// A place in the reply (or, for a part with `each`, in the element).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is there for other parts only.
    Nowhere,
    /// Under the last of these keys; without a key its members go into the root.
    At(Vec<String>),
    /// Into the array under these keys.
    Append(Vec<String>),
}

impl Place {
    /// Reads `stock`, `product.stock`, `.` or `offers[]`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "." {
            return Ok(Self::At(Vec::new()));
        }
        match text.strip_suffix("[]") {
            Some(array) => keys(array).map(Self::Append),
            None => keys(text).map(Self::At),
        }
    }

    /// How many keys lead there.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Nowhere => 0,
            Self::At(path) | Self::Append(path) => path.len(),
        }
    }
}

/// `product.stock` as keys.
pub(crate) fn keys(text: &str) -> Result<Vec<String>, String> {
    let keys: Vec<_> = text.split('.').map(str::to_owned).collect();
    if keys.iter().any(String::is_empty) {
        return Err(format!("`{text}` has an empty key; write keys with dots between them"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let path = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
        assert_eq!(Place::parse("a").unwrap(), Place::At(path(&["a"])));
        assert_eq!(Place::parse("a.b").unwrap(), Place::At(path(&["a", "b"])));
        assert_eq!(Place::parse(".").unwrap(), Place::At(path(&[])));
        assert_eq!(Place::parse("a.b[]").unwrap(), Place::Append(path(&["a", "b"])));
        for wrong in ["", "a.", ".a", "a..b", "[]"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
