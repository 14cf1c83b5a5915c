//! Keys that an object has twice.

use std::borrow::Cow;

use super::Writer;
use crate::{convert::Duplicates, error::Error, json::ValueId};

impl Writer<'_, '_, '_> {
    /// The members of an object that do not count, because their key comes again.
    pub(super) fn repeated(&self, object: ValueId) -> Result<Vec<ValueId>, Error> {
        const FEW: usize = 8;
        let json = self.json;
        let mut keys: [Cow<'_, str>; FEW] = Default::default();
        let mut count = 0;
        for member in json.content(object) {
            match keys.get_mut(count) {
                Some(key) => *key = json.key(member),
                None => return self.repeated_among_many(object),
            }
            count += 1;
        }
        let mut repeated = Vec::new();
        for (index, member) in json.content(object).enumerate() {
            if keys[index + 1..count].contains(&keys[index]) {
                self.refuse_repeated(member)?;
                repeated.push(member);
            }
        }
        Ok(repeated)
    }

    fn repeated_among_many(&self, object: ValueId) -> Result<Vec<ValueId>, Error> {
        let json = self.json;
        let mut members: Vec<_> = json.content(object).collect();
        // Stable: the last of equals is the last in the document.
        members.sort_by(|&a, &b| json.key(a).cmp(&json.key(b)));
        let mut repeated = Vec::new();
        for pair in members.windows(2) {
            if json.key(pair[0]) == json.key(pair[1]) {
                self.refuse_repeated(pair[0])?;
                repeated.push(pair[0]);
            }
        }
        repeated.sort_unstable();
        Ok(repeated)
    }

    fn refuse_repeated(&self, member: ValueId) -> Result<(), Error> {
        match self.options.duplicates {
            Duplicates::Last => Ok(()),
            Duplicates::Refuse => {
                let key = self.json.key(member);
                let shown: String = key.chars().take(64).collect();
                Err(self.wrong(&format!("key {shown:?} is there twice")))
            }
        }
    }
}

/// `repeated` is in order.
pub(super) fn is_kept(member: &ValueId, repeated: &[ValueId]) -> bool {
    repeated.binary_search(member).is_err()
}
