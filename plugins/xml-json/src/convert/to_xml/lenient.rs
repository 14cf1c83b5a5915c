//! What says what is wrong is written as well as can be: most of it is worth more than nothing.

use super::{Top, Writer, push};
use crate::{
    json::{Kind, ValueId},
    xml::chars,
};

impl Writer<'_, '_, '_> {
    /// The root of an error that has none.
    pub(super) fn spare_root(&self, value: ValueId, top: Top) -> Option<&'static str> {
        let is_needed = self.options.lenient && top == Top::Document && !self.is_document(value);
        is_needed.then_some("error")
    }

    /// Whether a value is one element, beside comments.
    fn is_document(&self, value: ValueId) -> bool {
        let json = self.json;
        if json.kind(value) != Kind::Object {
            return false;
        }
        let mut elements =
            json.content(value).filter(|&member| !self.is_comment(&json.key(member)));
        let (Some(element), None) = (elements.next(), elements.next()) else { return false };
        let is_one = json.kind(element) != Kind::Array || json.content(element).count() == 1;
        let key = json.key(element);
        is_one && !self.is_attribute(element) && !self.is_text(&key) && !self.has_no_name(&key)
    }

    /// Adds character data. `Err` has the character that XML does not have.
    pub(super) fn characters(&mut self, text: &str, is_attribute: bool) -> Result<(), char> {
        match push(text, is_attribute, self.out) {
            Err(_) if self.options.lenient => push(&chars::printable(text), is_attribute, self.out),
            pushed => pushed,
        }
    }

    /// Whether an error does without a value that is no text where there must be one.
    pub(super) fn is_left_out(&self, value: ValueId) -> bool {
        self.options.lenient && self.check_scalar(value).is_err()
    }

    /// Whether an error does without a member that no element can be named for.
    pub(super) fn has_no_name(&self, key: &str) -> bool {
        self.options.lenient && self.name(key, "element").is_err()
    }
}
