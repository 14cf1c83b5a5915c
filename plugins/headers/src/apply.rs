//! Makes the changes: the same for both heads.

use template::{Fault, Template};
use torana_plugin_sdk::{
    host::{EditHeaders, HeaderError, ReadHeaders},
    prelude::*,
};

use crate::settings::Edits;

/// Headers that are there to be renamed, each with its new name.
pub(crate) struct Renamed<'a>(Vec<(&'a EditableName, &'a EditableName, Content)>);

/// What a header has.
enum Content {
    Texts(Vec<String>),
    /// One value that is not UTF-8.
    Bytes(Vec<u8>),
}

/// What the templates gave. None means that a value was absent.
struct Values<'a> {
    set: Vec<(&'a EditableName, Option<String>)>,
    add: Vec<(&'a EditableName, Option<String>)>,
}

impl Edits {
    /// Changes a head. All values are taken before the first change: they see the head as it came.
    pub(crate) fn apply(
        &self,
        host: &impl Host,
        renamed: Result<Renamed<'_>, Fault>,
        head: &impl EditHeaders,
    ) -> Outcome {
        let values = renamed.and_then(|renamed| Ok((renamed, self.values(host)?)));
        let done = values.and_then(|(renamed, values)| Ok(self.change(renamed, values, head)?));
        done.map_or_else(Fault::outcome, |()| Ok(Action::Next))
    }

    /// What is to be renamed, of what `remove` leaves. `fault` says whose doing it is where it cannot be read.
    pub(crate) fn renamed(
        &self,
        head: &impl ReadHeaders,
        fault: impl Fn(Refused<HeaderError>) -> Fault,
    ) -> Result<Renamed<'_>, Fault> {
        let mut renamed = Vec::new();
        for (from, to) in self.rename.iter().filter(|(from, _)| !self.remove.contains(from)) {
            if let Some(content) = content(head, from).map_err(&fault)? {
                renamed.push((from, &to.0, content));
            }
        }
        Ok(Renamed(renamed))
    }

    fn values(&self, host: &impl Host) -> Result<Values<'_>, Fault> {
        Ok(Values {
            set: self.set.iter().map(|entry| value(host, entry)).collect::<Result<_, Fault>>()?,
            add: self.add.iter().map(|entry| value(host, entry)).collect::<Result<_, Fault>>()?,
        })
    }

    fn change(
        &self,
        renamed: Renamed<'_>,
        values: Values<'_>,
        head: &impl EditHeaders,
    ) -> Result<(), Failure> {
        for name in &self.remove {
            head.remove_header(name)?;
        }
        renamed.apply(head)?;
        for (name, value) in values.set {
            match value {
                Some(value) => head.set_header(name, &value)?,
                None => head.remove_header(name)?,
            }
        }
        for (name, value) in values.add {
            if let Some(value) = value {
                head.add_header(name, &value)?;
            }
        }
        Ok(())
    }
}

fn value<'a>(
    host: &impl Host,
    (name, template): (&'a EditableName, &Template),
) -> Result<(&'a EditableName, Option<String>), Fault> {
    Ok((name, template.header_value(host)?))
}

impl Renamed<'_> {
    /// All old names go before the first new one is set: a new name may be the old one of another.
    fn apply(self, head: &impl EditHeaders) -> Result<(), Failure> {
        for (from, ..) in &self.0 {
            head.remove_header(from)?;
        }
        for (_, to, content) in self.0 {
            match content {
                Content::Bytes(value) => head.set_header_bytes(to, &value)?,
                Content::Texts(values) => {
                    head.remove_header(to)?;
                    values.iter().try_for_each(|value| head.add_header(to, value))?;
                }
            }
        }
        Ok(())
    }
}

/// None where the header is absent.
fn content(head: &impl ReadHeaders, name: &str) -> Result<Option<Content>, Refused<HeaderError>> {
    match head.header_values(name) {
        Ok(values) if values.is_empty() => Ok(None),
        Ok(values) => Ok(Some(Content::Texts(values))),
        // One value that is not text can still be moved as it is; several cannot be told apart.
        Err(Refused { why: HeaderError::NotText, .. }) => {
            Ok(head.header_bytes(name)?.map(Content::Bytes))
        }
        Err(refused) => Err(refused),
    }
}
