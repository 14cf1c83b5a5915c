//! `response-ahead`.

use super::headers::{field_value, writable_beginning, writable_name};
use crate::{
    message,
    plugin::{
        bindings::{
            response_ahead::{Change, Host},
            types::{EditError, Header},
        },
        state::{Phase, State},
    },
};

impl Host for State {
    fn edit(&mut self, changes: Vec<Change>) -> wasmtime::Result<Result<(), (u32, EditError)>> {
        if self.phase != Phase::Configure {
            self.exchange("response-ahead.edit")?;
            if !self.is_request_open() {
                return Ok(Err((0, EditError::TooLate)));
            }
        }
        let answer = self.checked_changes(changes).and_then(|changes| {
            let kept = match self.phase {
                Phase::Configure => self.declared.standing.keep_for_responses(changes),
                _ => self.exchange.ahead.keep(self.exchange.at, changes),
            };
            kept.map_err(|index| (index, EditError::TooLarge))
        });
        let answer = self.note_hidden(answer, |(_, error)| matches!(error, EditError::Hidden));
        Ok(answer.map_err(|(index, error)| (index as u32, error)))
    }
}

impl State {
    fn checked_changes(
        &self,
        changes: Vec<Change>,
    ) -> Result<Vec<message::Change>, (usize, EditError)> {
        let writable = &self.context.grants.headers_write;
        let checked = changes
            .into_iter()
            .enumerate()
            .map(|(index, change)| checked(change, writable).map_err(|error| (index, error)));
        checked.collect()
    }
}

fn checked(change: Change, writable: &[String]) -> Result<message::Change, EditError> {
    let field = |Header { name, value }: Header| {
        Ok((writable_name(&name, writable)?, field_value(value.into())?))
    };
    Ok(match change {
        Change::Set(header) => {
            field(header).map(|(name, value)| message::Change::Set(name, value))?
        }
        Change::Add(header) => {
            field(header).map(|(name, value)| message::Change::Add(name, value))?
        }
        Change::Merge(header) => {
            let (name, value) = field(header)?;
            if message::Change::is_too_long(&value) {
                return Err(EditError::TooLarge);
            }
            message::Change::Merge(name, value)
        }
        Change::Remove(name) => message::Change::Remove(writable_name(&name, writable)?),
        Change::RemoveAll(beginning) => {
            message::Change::RemoveAll(writable_beginning(beginning, writable)?)
        }
    })
}
