//! A body against its schema, whichever way it goes.

use crate::{
    JsonSchema,
    json::{self, Malformed, Trouble},
    schema::NodeId,
    validate::{Mismatch, Report, validate},
};

/// What of a mismatch is logged, where the client is told none.
const LOGGED: usize = 3;

/// Why a body does not pass.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// There is none.
    Missing,
    /// It does not say that it is JSON.
    OtherType,
    /// It is not UTF-8.
    NotText,
    Malformed(Malformed),
    /// It is nested too deep, or too deep for what its schema asks for.
    TooDeep,
    Mismatch(Vec<Mismatch>),
}

impl JsonSchema {
    /// Whether a document fits.
    pub(crate) fn hold(&self, node: NodeId, text: &str) -> Result<(), Unfit> {
        let value =
            json::read(text, usize::from(self.settings.max_depth)).map_err(|why| {
                match why.trouble {
                    Trouble::TooDeep => Unfit::TooDeep,
                    _ => Unfit::Malformed(why),
                }
            })?;
        self.hold_value(node, &value)
    }

    /// Whether a value fits.
    pub(crate) fn hold_value(&self, node: NodeId, value: &json::Value<'_>) -> Result<(), Unfit> {
        let mut report = Report::of(LOGGED.max(usize::from(self.settings.errors)));
        match validate(&self.set, node, value, &mut report) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unfit::Mismatch(report.found)),
            Err(_) => Err(Unfit::TooDeep),
        }
    }
}

/// In words, for the log: places and limits, no values.
pub(crate) fn explained(unfit: &Unfit) -> String {
    match unfit {
        Unfit::Missing => "there is no body".to_owned(),
        Unfit::OtherType => "its Content-Type is not JSON".to_owned(),
        Unfit::NotText => "it is not UTF-8".to_owned(),
        Unfit::Malformed(why) => why.to_string(),
        Unfit::TooDeep => {
            "it is nested deeper than `max_depth`, or than its schema can be followed".to_owned()
        }
        Unfit::Mismatch(found) => {
            let one = |found: &Mismatch| {
                format!("`{}` {} ({})", found.pointer, found.message, found.schema)
            };
            found.iter().take(LOGGED).map(one).collect::<Vec<_>>().join("; ")
        }
    }
}
