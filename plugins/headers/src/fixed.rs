//! Changes that are the same for every head: the host makes them, and calls nobody for it.

use std::fmt::Display;

use torana_plugin_sdk::{
    host::{Change, EditError, EditHeaders, ResponseAhead},
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
    /// Whether no head can make a difference to what is changed.
    pub(crate) fn are_fixed(&self) -> bool {
        let mut templates = self.set.iter().chain(self.add.iter());
        self.rename.is_empty() && templates.all(|(_, template)| template.fixed().is_some())
    }

    /// Has every request changed.
    pub(crate) fn of_every_request(&self, to: &impl EditHeaders) -> Result<(), SettingErrors> {
        for fixed in self.in_order() {
            let made = match &fixed.change {
                Change::Set(header) => to.set_header(&header.name, &header.value),
                Change::Add(header) => to.add_header(&header.name, &header.value),
                change => to.remove_header(change.name()),
            };
            made.map_err(|refused| fixed.refused("request", &refused))?;
        }
        Ok(())
    }

    /// Has every response changed.
    pub(crate) fn of_every_response(&self, to: &impl ResponseAhead) -> Result<(), SettingErrors> {
        for fixed in self.in_order() {
            let made = to.edit(std::slice::from_ref(&fixed.change));
            made.map_err(|refused| fixed.refused("response", &refused))?;
        }
        Ok(())
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

    fn refused(&self, head: &str, refused: &Refused<EditError>) -> SettingErrors {
        SettingErrors::at([head, self.list, &self.key], refused)
    }
}
