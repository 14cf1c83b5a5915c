//! Makes the changes: the same for both heads.

use torana_plugin_sdk::{
    host::{EditHeaders, HeaderError, ReadHeaders},
    prelude::*,
};

use crate::settings::Edits;

/// What the templates gave. None means that a value was absent.
pub(crate) struct Values<'a> {
    set: Vec<(&'a str, Option<String>)>,
    add: Vec<(&'a str, Option<String>)>,
}

impl Edits {
    /// Fills all templates in, before the first change: they see the head as it came.
    pub(crate) fn values(&self, host: &impl Host) -> Result<Values<'_>, Failure> {
        let fill = |(name, template): (_, &template::Template)| Ok((name, template.fill(host)?));
        let set = self.set.iter().map(|(name, template)| (&**name, template));
        let add = self.add.iter().map(|(name, template)| (&**name, template));
        Ok(Values {
            set: set.map(fill).collect::<Result<_, Failure>>()?,
            add: add.map(fill).collect::<Result<_, Failure>>()?,
        })
    }

    /// Changes a head.
    pub(crate) fn apply(
        &self,
        values: Values<'_>,
        old: &impl ReadHeaders,
        new: &impl EditHeaders,
    ) -> Outcome {
        for name in &self.remove {
            new.remove_header(name)?;
        }
        for (from, to) in self.rename.iter() {
            rename(from, to, old, new)?;
        }
        for (name, value) in values.set {
            match value {
                Some(value) => new.set_header(name, &value)?,
                None => new.remove_header(name)?,
            }
        }
        for (name, value) in values.add {
            if let Some(value) = value {
                new.add_header(name, &value)?;
            }
        }
        Ok(Action::Next)
    }
}

fn rename(
    from: &str,
    to: &str,
    old: &impl ReadHeaders,
    new: &impl EditHeaders,
) -> Result<(), Failure> {
    match old.header_values(from) {
        Ok(values) => {
            let Some((first, others)) = values.split_first() else { return Ok(()) };
            new.set_header(to, first)?;
            for value in others {
                new.add_header(to, value)?;
            }
        }
        // One value that is not text can still be moved as it is; several cannot be told apart.
        Err(Refused { why: HeaderError::NotText, .. }) => {
            let Some(value) = old.header_bytes(from)? else { return Ok(()) };
            new.set_header_bytes(to, &value)?;
        }
        Err(refused) => return Err(refused.into()),
    }
    Ok(new.remove_header(from)?)
}
