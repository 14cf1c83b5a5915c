//! Changes of a response that request hooks make before there is one.

use crate::fields::Fields;

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
    pub fn make(&self, at: usize, headers: &mut Fields) {
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
    use http::{HeaderValue, header::SERVER};

    use super::*;

    fn add(value: &str) -> Change {
        Change::Add("x-a".parse().unwrap(), value.parse().unwrap())
    }

    #[test]
    fn changes_are_made_in_their_order_and_at_their_place() {
        let mut ahead = Ahead::default();
        ahead.keep(1, vec![Change::Remove(SERVER), add("1"), add("2")]).unwrap();
        ahead.keep(0, vec![add("3")]).unwrap();
        let mut headers = Fields::new();
        headers.insert(SERVER, HeaderValue::from_static("x"));
        let values = |headers: &Fields| headers.get_all("x-a").cloned().collect::<Vec<_>>();
        ahead.make(2, &mut headers);
        assert_eq!(headers.len(), 1);
        ahead.make(1, &mut headers);
        assert_eq!(values(&headers), ["1", "2"]);
        assert!(!headers.contains(SERVER));
        ahead.make(0, &mut headers);
        assert_eq!(values(&headers), ["1", "2", "3"]);
    }

    #[test]
    fn there_is_room_for_so_many_of_each_plugin_and_no_more() {
        let mut ahead = Ahead::default();
        ahead.keep(0, (1..Ahead::ROOM.changes).map(|_| add("y")).collect()).unwrap();
        assert_eq!(ahead.keep(0, vec![add("y"), add("y")]), Err(1));
        assert_eq!(ahead.len(), Ahead::ROOM.changes - 1, "none of the two");
        ahead.keep(1, vec![add("y"), add("y")]).unwrap();
        ahead.truncate(1);
        let large = add(&"y".repeat(Ahead::ROOM.bytes));
        assert_eq!(ahead.keep(0, vec![add("y"), large]), Err(1));
        ahead.truncate(0);
        assert!(ahead.is_empty());
    }
}
