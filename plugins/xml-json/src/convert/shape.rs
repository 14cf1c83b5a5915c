//! The conventions: what of an element goes where in JSON.

/// The conventions that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Convention {
    /// That of Python's xmltodict: `{"a": {"@id": "1", "b": ["x", "y"], "#text": "z"}}`.
    Xmltodict,
    /// Every element is an object: `{"a": {"@id": "1", "b": [{"$": "x"}, {"$": "y"}], "$": "z"}}`.
    Badgerfish,
    /// Elements alone, without the root: `{"b": ["x", "y"]}`.
    Parker,
}

/// What a convention does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Whether attributes have a place, under `@` and their name.
    pub(crate) attributes: bool,
    /// The key of text beside attributes and elements; none if it has no place there.
    pub(crate) text: Option<&'static str>,
    /// Whether an element with nothing but text is an object, too.
    pub(crate) always_object: bool,
    /// Whether the declarations of prefixes stand together in `@xmlns`.
    pub(crate) gathers_prefixes: bool,
    /// Whether the root element, whatever its name, is left out.
    pub(crate) drops_root: bool,
    /// The name of elements that make their parent an array.
    pub(crate) items: Option<&'static str>,
}

pub(super) const ATTRIBUTE: char = '@';
pub(super) const COMMENT: &str = "#comment";

impl Convention {
    /// What it does.
    pub(crate) fn shape(self) -> Shape {
        let xmltodict = Shape {
            attributes: true,
            text: Some("#text"),
            always_object: false,
            gathers_prefixes: false,
            drops_root: false,
            items: None,
        };
        match self {
            Self::Xmltodict => xmltodict,
            Self::Badgerfish => {
                Shape { text: Some("$"), always_object: true, gathers_prefixes: true, ..xmltodict }
            }
            Self::Parker => Shape { attributes: false, text: None, drops_root: true, ..xmltodict },
        }
    }
}
