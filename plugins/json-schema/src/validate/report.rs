//! What does not fit, for people: places and limits, and no values. What clients send may be secret, and goes to logs.

use crate::json::escaped;

/// The longest pointer that is told. Names of members are the client's, and as long as it likes.
const POINTER: usize = 256;

/// Something that does not fit its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Where in the value: a JSON Pointer.
    pub(crate) pointer: String,
    /// Which keyword says so: a reference, as `#/properties/total/type`.
    pub(crate) schema: String,
    pub(crate) message: String,
}

impl Mismatch {
    /// A parameter that stands there more than once.
    pub(crate) fn repeated(name: &str) -> Self {
        let message = "must not be there more than once".to_owned();
        Self { pointer: At::Member(&At::Root, name).pointer(), schema: "#".to_owned(), message }
    }
}

/// Mismatches, so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) found: Vec<Mismatch>,
    most: usize,
}

impl Report {
    /// For so many of them. With none it is only said whether a value fits.
    pub(crate) fn of(most: usize) -> Self {
        Self { found: Vec::new(), most }
    }

    /// Whether nobody wants to know more than that it does not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    pub(crate) fn add(&mut self, mismatch: impl FnOnce() -> Mismatch) {
        if !self.is_full() {
            self.found.push(mismatch());
        }
    }
}

/// A place in a value.
#[derive(Clone, Copy)]
pub(crate) enum At<'p> {
    Root,
    Member(&'p At<'p>, &'p str),
    Item(&'p At<'p>, usize),
}

impl At<'_> {
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        if pointer.len() > POINTER {
            pointer.truncate(pointer.floor_char_boundary(POINTER));
            pointer.push_str("...");
        }
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Member(parent, name) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&escaped(name));
            }
            Self::Item(parent, index) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}
