//! Changes of a response that request hooks make before there is one.

use http::{HeaderMap, HeaderName, HeaderValue, header::Entry};

/// One change of a head, checked: making it cannot fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// In the place of all values that it had.
    Set(HeaderName, HeaderValue),
    /// One field line more.
    Add(HeaderName, HeaderValue),
    /// Members of a list (RFC 9110, 5.6.1), each once.
    Merge(HeaderName, HeaderValue),
    /// Every value.
    Remove(HeaderName),
    /// Every field whose name begins so, which is in lower case.
    RemoveAll(String),
}

/// What is kept for the response, by the place of the plugin in its chain.
///
/// It is kept until the end: a plugin that replaces a response sends its own by those before it once more.
#[derive(Debug, Default)]
pub struct Ahead(Vec<(usize, Change)>);

impl Ahead {
    /// The most changes of one plugin: as many as a head may have fields.
    pub const MAX_CHANGES: usize = 200;
    /// The most bytes of their names and values.
    pub const MAX_BYTES: usize = 128 << 10;

    /// Keeps what the plugin at a place wants. An error is the index of the first for which there is no room; then
    /// none is kept.
    pub fn keep(&mut self, at: usize, changes: Vec<Change>) -> Result<(), usize> {
        let mut count = self.of(at).count();
        let mut bytes: usize = self.of(at).map(Change::bytes).sum();
        for (index, change) in changes.iter().enumerate() {
            count += 1;
            bytes += change.bytes();
            if count > Self::MAX_CHANGES || bytes > Self::MAX_BYTES {
                return Err(index);
            }
        }
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

impl Change {
    /// The most members that are merged into a list: each is compared with all that are there, beside the plugin's
    /// own time.
    pub const MAX_MERGED: usize = 64;

    /// Whether a value is too long a list to be merged.
    pub fn is_too_long(value: &HeaderValue) -> bool {
        value.as_bytes().split(|byte| *byte == b',').nth(Self::MAX_MERGED).is_some()
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Set(name, value) | Self::Add(name, value) | Self::Merge(name, value) => {
                name.as_str().len() + value.len()
            }
            Self::Remove(name) => name.as_str().len(),
            Self::RemoveAll(beginning) => beginning.len(),
        }
    }

    fn make(&self, headers: &mut HeaderMap) {
        match self {
            Self::Set(name, value) => drop(headers.insert(name.clone(), value.clone())),
            Self::Add(name, value) => drop(headers.append(name.clone(), value.clone())),
            Self::Merge(name, value) => merge(headers, name, value),
            Self::Remove(name) => drop(headers.remove(name)),
            Self::RemoveAll(beginning) => remove_all(headers, beginning),
        }
    }
}

fn remove_all(headers: &mut HeaderMap, beginning: &str) {
    let begins_so = |name: &&HeaderName| name.as_str().starts_with(beginning);
    let names: Vec<HeaderName> = headers.keys().filter(begins_so).cloned().collect();
    names.into_iter().for_each(|name| drop(headers.remove(name)));
}

fn merge(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    match headers.entry(name) {
        Entry::Vacant(vacant) => drop(vacant.insert(value.clone())),
        Entry::Occupied(mut there) => match merged(there.iter(), value) {
            Merged::Same => {}
            Merged::As(value) => drop(there.insert(value)),
            // What is no text cannot be merged, what is very long is not, and it stays as it is.
            Merged::Unclear => there.append(value.clone()),
        },
    }
}

/// What becomes of a list.
enum Merged {
    /// All members are there, or `*` is, which says that everything is.
    Same,
    As(HeaderValue),
    Unclear,
}

/// Of a list that is there, in bytes.
const LONG: usize = 1024;

fn merged<'a>(lines: impl Iterator<Item = &'a HeaderValue>, more: &HeaderValue) -> Merged {
    let Ok(lines) = lines.map(HeaderValue::to_str).collect::<Result<Vec<_>, _>>() else {
        return Merged::Unclear;
    };
    if lines.iter().map(|line| line.len()).sum::<usize>() > LONG {
        return Merged::Unclear;
    }
    let Ok(more) = more.to_str() else { return Merged::Unclear };
    let mut all: Vec<&str> = lines.into_iter().flat_map(members).collect();
    if all.contains(&"*") {
        return Merged::Same;
    }
    let known = all.len();
    for member in members(more) {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(member)) {
            all.push(member);
        }
    }
    if all.len() == known {
        return Merged::Same;
    }
    HeaderValue::try_from(all.join(", ")).map_or(Merged::Unclear, Merged::As)
}

/// Empty ones are none (RFC 9110, 5.6.1.2).
fn members(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(str::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> HeaderName {
        name.parse().unwrap()
    }

    fn value(value: &str) -> HeaderValue {
        value.parse().unwrap()
    }

    fn merge_into(lines: &[&str], more: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("vary", value(line));
        }
        Change::Merge(name("vary"), value(more)).make(&mut headers);
        headers.get_all("vary").iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn members_of_a_list_are_said_once() {
        assert_eq!(merge_into(&[], "Origin"), ["Origin"]);
        assert_eq!(merge_into(&["Accept"], "Origin"), ["Accept, Origin"]);
        assert_eq!(merge_into(&["Accept,,", " Cookie "], "Origin"), ["Accept, Cookie, Origin"]);
        assert_eq!(merge_into(&["accept, ORIGIN"], "Origin"), ["accept, ORIGIN"]);
        assert_eq!(merge_into(&["origin"], "Origin, Accept"), ["origin, Accept"]);
        assert_eq!(merge_into(&["X-Origin"], "Origin"), ["X-Origin, Origin"]);
        assert_eq!(merge_into(&["*"], "Origin"), ["*"]);
        assert_eq!(merge_into(&["Accept", "x, *"], "Origin"), ["Accept", "x, *"]);
    }

    #[test]
    fn what_is_no_text_stays_and_is_added_to() {
        let mut headers = HeaderMap::new();
        headers.insert("vary", HeaderValue::from_bytes(b"\xff").unwrap());
        Change::Merge(name("vary"), value("Origin")).make(&mut headers);
        let lines: Vec<_> = headers.get_all("vary").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(lines, [b"\xff".as_slice(), b"Origin"]);
        let long = "x".repeat(LONG + 1);
        assert_eq!(merge_into(&[&long], "Origin"), [&long, "Origin"]);
        let members = |count| value(&vec!["a"; count].join(","));
        assert!(!Change::is_too_long(&members(Change::MAX_MERGED)));
        assert!(Change::is_too_long(&members(Change::MAX_MERGED + 1)));
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
    fn a_beginning_stands_for_all_names_that_begin_so() {
        let mut headers = HeaderMap::new();
        for name in ["x-a", "x-b", "x-b", "x", "y-x-a"] {
            headers.append(name, value("1"));
        }
        Change::RemoveAll("x-".into()).make(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x", "y-x-a"]);
    }

    #[test]
    fn there_is_room_for_so_many_of_each_plugin_and_no_more() {
        let mut ahead = Ahead::default();
        let change = || Change::Add(name("x"), value("y"));
        ahead.keep(0, (1..Ahead::MAX_CHANGES).map(|_| change()).collect()).unwrap();
        assert_eq!(ahead.keep(0, vec![change(), change()]), Err(1));
        assert_eq!(ahead.len(), Ahead::MAX_CHANGES - 1, "none of the two");
        ahead.keep(1, vec![change(), change()]).unwrap();
        ahead.truncate(1);
        let large = Change::Set(name("x"), value(&"y".repeat(Ahead::MAX_BYTES)));
        assert_eq!(ahead.keep(0, vec![change(), large]), Err(1));
        ahead.truncate(0);
        assert!(ahead.is_empty());
    }
}
