//! Changes that are the same for every head: the host makes them, and calls nobody for it.

use std::fmt::Display;

use torana_plugin_sdk::{
    host::{Change, EditError, EditHeaders, ResponseAhead, STANDING_BYTES, STANDING_CHANGES},
    prelude::*,
};

use crate::settings::Edits;

/// A change, and the setting that asks for it.
struct Fixed {
    list: &'static str,
    key: String,
    change: Change,
}

impl Edits {
    /// Whether no head can make a difference to what is changed, and there is room for all of it.
    pub(crate) fn are_fixed(&self) -> bool {
        let mut templates = self.set.iter().chain(self.add.iter());
        self.rename.is_empty()
            && templates.all(|(_, template)| template.fixed().is_some())
            && self.in_order().count() <= STANDING_CHANGES
            && self.in_order().map(|fixed| fixed.bytes()).sum::<usize>() <= STANDING_BYTES
    }

    /// Has every request changed.
    pub(crate) fn stand_in_requests(&self, to: &impl EditHeaders, wrong: &mut SettingErrors) {
        for fixed in self.in_order() {
            let made = match &fixed.change {
                Change::Set(header) => to.set_header(&header.name, &header.value),
                Change::Add(header) => to.add_header(&header.name, &header.value),
                change => to.remove_header(change.name()),
            };
            fixed.note("request", made, wrong);
        }
    }

    /// Has every response changed.
    pub(crate) fn stand_in_responses(&self, to: &impl ResponseAhead, wrong: &mut SettingErrors) {
        for fixed in self.in_order() {
            fixed.note("response", to.edit(std::slice::from_ref(&fixed.change)), wrong);
        }
    }

    fn in_order(&self) -> impl Iterator<Item = Fixed> {
        let remove = self.remove.iter().enumerate();
        let remove =
            remove.map(|(index, name)| Fixed::new("remove", index, Change::remove(&**name)));
        let set = self.set.iter().filter_map(|(name, template)| {
            Some(Fixed::new("set", name, Change::set(&**name, template.fixed()?)))
        });
        let add = self.add.iter().filter_map(|(name, template)| {
            Some(Fixed::new("add", name, Change::add(&**name, template.fixed()?)))
        });
        remove.chain(set).chain(add)
    }
}

impl Fixed {
    fn new(list: &'static str, key: impl Display, change: Change) -> Self {
        Self { list, key: key.to_string(), change }
    }

    fn bytes(&self) -> usize {
        let value = match &self.change {
            Change::Set(header) | Change::Add(header) => header.value.len(),
            _ => 0,
        };
        self.change.name().len() + value
    }

    fn note(&self, head: &str, made: Result<(), Refused<EditError>>, wrong: &mut SettingErrors) {
        if let Err(refused) = made {
            wrong.add([head, self.list, &self.key], refused);
        }
    }
}
