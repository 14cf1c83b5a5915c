//! Which members or items of a value some schema has looked at, for `unevaluatedProperties` and `unevaluatedItems`.

use crate::json::Value;

/// One mark for each member (by name) or item; none where nobody asks.
#[derive(Debug, Default)]
pub(crate) struct Seen(Vec<bool>);

impl Seen {
    pub(crate) fn of(value: &Value<'_>, tracks: bool) -> Self {
        match value {
            Value::Array(items) if tracks => Self(vec![false; items.len()]),
            Value::Object(object) if tracks => Self(vec![false; object.len()]),
            _ => Self::default(),
        }
    }

    /// For the same value, without a mark.
    pub(crate) fn fresh(&self) -> Self {
        Self(vec![false; self.0.len()])
    }

    pub(crate) fn mark(&mut self, index: usize) {
        if let Some(mark) = self.0.get_mut(index) {
            *mark = true;
        }
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }

    /// What others have marked, too.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mark, other) in self.0.iter_mut().zip(&other.0) {
            *mark |= other;
        }
    }
}
