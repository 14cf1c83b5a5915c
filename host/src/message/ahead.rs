//! Changes of a response that request hooks make before there is one.

use http::HeaderMap;

use super::{Change, change::Room};

/// What is kept for the response, by the place of the plugin in its chain.
///
/// It is kept until the end: a plugin that replaces a response sends its own by those before it once more.
#[derive(Debug, Default)]
pub struct Ahead(Vec<(usize, Change)>);

impl Ahead {
    /// Of one plugin: as many changes as a head may have fields.
    pub const ROOM: Room = Room { changes: 200, bytes: 128 << 10 };

    /// Keeps what the plugin at a place wants. An error is the index of the first for which there is no room; then
    /// none is kept.
    pub fn keep(&mut self, at: usize, changes: Vec<Change>) -> Result<(), usize> {
        Change::room(self.of(at), &changes, Self::ROOM)?;
        self.0.extend(changes.into_iter().map(|change| (at, change)));
        Ok(())
    }

    /// Makes the changes of the plugin at a place, in their order.
    pub fn make(&self, at: usize, headers: &mut HeaderMap) {
        self.of(at).for_each(|change| change.make(headers));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets all but the first so many.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn of(&self, at: usize) -> impl Iterator<Item = &Change> {
        self.0.iter().filter(move |(of, _)| *of == at).map(|(_, change)| change)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn name(name: &str) -> HeaderName {
        name.parse().unwrap()
    }

    fn value(value: &str) -> HeaderValue {
        value.parse().unwrap()
    }

    #[test]
    fn changes_are_made_in_their_order_and_at_their_place() {
        let mut ahead = Ahead::default();
        let changes = vec![
            Change::Remove(name("server")),
            Change::Set(name("x-a"), value("1")),
            Change::Add(name("x-a"), value("2")),
        ];
        ahead.keep(1, changes).unwrap();
        ahead.keep(0, vec![Change::Set(name("x-a"), value("3"))]).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("server", value("x"));
        headers.insert("x-a", value("0"));
        ahead.make(2, &mut headers);
        assert_eq!(headers.len(), 2);
        ahead.make(1, &mut headers);
        let values: Vec<_> = headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(!headers.contains_key("server"));
        ahead.make(0, &mut headers);
        assert_eq!(headers["x-a"], "3");
    }

    #[test]
    fn there_is_room_for_so_many_of_each_plugin_and_no_more() {
        let mut ahead = Ahead::default();
        let change = || Change::Add(name("x"), value("y"));
        ahead.keep(0, (1..Ahead::ROOM.changes).map(|_| change()).collect()).unwrap();
        assert_eq!(ahead.keep(0, vec![change(), change()]), Err(1));
        assert_eq!(ahead.len(), Ahead::ROOM.changes - 1, "none of the two");
        ahead.keep(1, vec![change(), change()]).unwrap();
        ahead.truncate(1);
        let large = Change::Set(name("x"), value(&"y".repeat(Ahead::ROOM.bytes)));
        assert_eq!(ahead.keep(0, vec![change(), large]), Err(1));
        ahead.truncate(0);
        assert!(ahead.is_empty());
    }
}
