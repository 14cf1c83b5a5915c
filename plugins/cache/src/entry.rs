//! What is stored, and what may be done with it. Nothing here knows the gateway.
//!
//! An entry is a byte for the version, four for the length of its head, the head as JSON, and the body as it came.

use serde::{Deserialize, Serialize};

use crate::{
    directives::{FOREVER, OfRequest},
    fields::Fields,
    vary::Names,
};

/// Goes up with every change of what is stored: what another version wrote is a miss.
const VERSION: u8 = 1;
const PREFIX: usize = 5;

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

/// All of it but its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    /// When it was asked for, and when it came, in milliseconds since 1970.
    pub(crate) asked: u64,
    pub(crate) received: u64,
    /// How old it was then, in milliseconds.
    pub(crate) age: u64,
    /// How long it is fresh, in seconds, and so what follows.
    pub(crate) lifetime: u64,
    pub(crate) while_revalidate: u64,
    pub(crate) if_error: u64,
    /// It must be validated each time.
    pub(crate) no_cache: bool,
    /// It must not be used once it is stale, whatever a client says.
    pub(crate) must_revalidate: bool,
    /// When it is gone, in milliseconds since 1970.
    pub(crate) until: u64,
}

/// What stands under the key of a target: its one response, or the fields that its responses depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Entry(Entry),
    Index(Index),
}

/// Where the responses of a target are that depend on fields of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) names: Names,
    /// Tells responses of before an invalidation from those after it.
    pub(crate) generation: String,
}

#[derive(Serialize, Deserialize)]
enum StoredHead {
    Entry(Head),
    Index(Index),
}

/// What a request may get of what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// As it is.
    Fresh,
    /// As it is, though it is stale: the client takes it.
    Stale,
    /// As it is, while somebody asks the service.
    StaleWhileRevalidate,
    /// Only if the service says that it still holds. Whether that is because the client wants it so.
    Validate { is_wish: bool },
}

impl Head {
    /// Its age, in milliseconds (RFC 9111, 4.2.3).
    pub(crate) fn age_at(&self, now: u64) -> u64 {
        self.age.saturating_add(now.saturating_sub(self.received))
    }

    /// How long it stays fresh, in seconds; below 0 it is stale.
    pub(crate) fn fresh_for(&self, now: u64) -> i64 {
        let age = (self.age_at(now) / 1000).min(2 * FOREVER);
        self.lifetime.cast_signed() - age.cast_signed()
    }

    /// What this request may get of it (RFC 9111, 4.2 and 5.2.1; RFC 5861, 3).
    pub(crate) fn judge(&self, now: u64, wishes: &OfRequest) -> Use {
        let fresh_for = self.fresh_for(now);
        let age = self.age_at(now) / 1000;
        let is_too_old = wishes.max_age.is_some_and(|most| age > most || most == 0);
        let least = wishes.min_fresh.unwrap_or(0).cast_signed();
        // The store may have it for a little longer.
        if self.no_cache || now >= self.until {
            return Use::Validate { is_wish: false };
        }
        if wishes.no_cache || is_too_old {
            return Use::Validate { is_wish: true };
        }
        if fresh_for > 0 && fresh_for >= least {
            return Use::Fresh;
        }
        if fresh_for > 0 {
            return Use::Validate { is_wish: true };
        }
        let stale_for = fresh_for.unsigned_abs();
        if !self.must_revalidate && wishes.max_stale.is_some_and(|most| stale_for <= most) {
            Use::Stale
        } else if stale_for <= self.while_revalidate && self.while_revalidate > 0 {
            Use::StaleWhileRevalidate
        } else {
            Use::Validate { is_wish: false }
        }
    }

    /// Whether it may be used where the service fails (RFC 5861, 4).
    pub(crate) fn stands_in(&self, now: u64) -> bool {
        let stale_for = self.fresh_for(now).min(0).unsigned_abs();
        !self.no_cache && stale_for <= self.if_error && self.if_error > 0
    }
}

impl Stored {
    /// Reads what is stored. None where that is nothing that this version has written.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
        let [version, length @ ..] = *prefix;
        if version != VERSION {
            return None;
        }
        let (head, body) = rest.split_at_checked(u32::from_le_bytes(length) as usize)?;
        Some(match serde_json::from_slice(head).ok()? {
            StoredHead::Entry(head) => Self::Entry(Entry { head, body: body.to_vec() }),
            StoredHead::Index(index) => Self::Index(index),
        })
    }
}

impl Entry {
    /// As it is stored.
    pub(crate) fn write(head: &Head, body: &[u8]) -> Vec<u8> {
        written(&StoredHead::Entry(head.clone()), body)
    }
}

impl Index {
    /// As it is stored.
    pub(crate) fn write(&self) -> Vec<u8> {
        written(&StoredHead::Index(self.clone()), &[])
    }
}

fn written(head: &StoredHead, body: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(head).expect("texts and numbers are JSON");
    let mut bytes = Vec::with_capacity(PREFIX + head.len() + body.len());
    bytes.push(VERSION);
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head);
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Came at 1,000 s, is fresh for 10 s.
    fn head() -> Head {
        Head {
            status: 200,
            fields: [("etag", "\"a\""), ("x-a", "1")].into_iter().collect(),
            asked: 999_900,
            received: 1_000_000,
            age: 0,
            lifetime: 10,
            while_revalidate: 0,
            if_error: 0,
            no_cache: false,
            must_revalidate: false,
            until: 2_000_000,
        }
    }

    fn judge(head: &Head, second: u64, line: &str) -> Use {
        head.judge(second * 1000, &OfRequest::read(&[line.to_owned()], &[]))
    }

    const WISHED: Use = Use::Validate { is_wish: true };
    const NEEDED: Use = Use::Validate { is_wish: false };

    #[test]
    fn it_is_fresh_until_its_lifetime_is_over() {
        assert_eq!(judge(&head(), 1_009, ""), Use::Fresh);
        assert_eq!(judge(&head(), 1_010, ""), NEEDED);
        let old = Head { age: 5_000, ..head() };
        assert_eq!((judge(&old, 1_004, ""), judge(&old, 1_005, "")), (Use::Fresh, NEEDED));
        assert_eq!(judge(&Head { age: u64::MAX, ..head() }, 1_000, ""), NEEDED);
    }

    #[test]
    fn it_is_of_no_use_by_itself_once_it_was_to_be_gone() {
        let long = Head { lifetime: 5_000, ..head() };
        assert_eq!((judge(&long, 1_999, ""), judge(&long, 2_000, "")), (Use::Fresh, NEEDED));
    }

    #[test]
    fn clients_may_want_it_fresher() {
        for (wish, expected) in [
            ("no-cache", WISHED),
            ("max-age=0", WISHED),
            ("max-age=3", WISHED),
            ("max-age=4", Use::Fresh),
            ("min-fresh=6", Use::Fresh),
            ("min-fresh=7", WISHED),
        ] {
            assert_eq!(judge(&head(), 1_004, wish), expected, "{wish}");
        }
    }

    #[test]
    fn clients_may_take_it_stale_unless_the_service_forbids_it() {
        let strict = Head { must_revalidate: true, ..head() };
        for (wish, expected) in
            [("max-stale", Use::Stale), ("max-stale=5", Use::Stale), ("max-stale=4", NEEDED)]
        {
            assert_eq!(judge(&head(), 1_015, wish), expected, "{wish}");
            assert_eq!(judge(&strict, 1_015, wish), NEEDED, "{wish}");
        }
    }

    #[test]
    fn it_stands_in_for_as_long_as_said() {
        let lenient = Head { while_revalidate: 5, if_error: 8, ..head() };
        assert_eq!(judge(&lenient, 1_015, ""), Use::StaleWhileRevalidate);
        assert_eq!(judge(&lenient, 1_016, ""), NEEDED);
        assert!(lenient.stands_in(1_018_000) && !lenient.stands_in(1_019_000));
        assert!(!head().stands_in(1_010_000));
        let unsure = Head { no_cache: true, ..lenient };
        assert!(judge(&unsure, 1_001, "") == NEEDED && !unsure.stands_in(1_001_000));
    }

    #[test]
    fn what_another_version_wrote_is_not_read() {
        let mut bytes = Entry::write(&head(), b"body");
        assert!(Stored::read(&bytes).is_some());
        bytes[0] += 1;
        assert_eq!(Stored::read(&bytes), None);
        for broken in [&[][..], &[VERSION], &[VERSION, 255, 255, 255, 255, 0], b"\x01\x02\0\0\0{}"]
        {
            assert_eq!(Stored::read(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(body: Vec<u8>, age: u64, value in ".{0,30}") {
            let mut head = Head { age, ..head() };
            head.fields.push("x-b", value);
            let read = Stored::read(&Entry::write(&head, &body));
            prop_assert_eq!(read, Some(Stored::Entry(Entry { head, body })));
        }

        #[test]
        fn an_index_is_read(names in proptest::collection::btree_set("[a-z-]{1,9}", 0..4), generation in ".{0,9}") {
            let index = Index { names, generation };
            prop_assert_eq!(Stored::read(&index.write()), Some(Stored::Index(index)));
        }

        #[test]
        fn anything_can_be_read(mut bytes: Vec<u8>) {
            Stored::read(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            Stored::read(&bytes);
        }
    }
}
