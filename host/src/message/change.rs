//! One change of a head that is made later, or again and again.

use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::fields::Fields;

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

/// How much is kept of one plugin.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The most changes.
    pub changes: usize,
    /// The most bytes of their names and values.
    pub bytes: usize,
}

impl Change {
    /// The most members that are merged into a list: each is compared with all that are there, beside the plugin's
    /// own time.
    pub const MAX_MERGED: usize = 64;

    /// Whether there is room for more beside those that are kept; or the index of the first that has none.
    pub fn room<'a>(
        kept: impl Iterator<Item = &'a Self>,
        more: &[Self],
        most: Room,
    ) -> Result<(), usize> {
        let (mut count, mut bytes) = (0, 0);
        let mut has_room = |change: &Self| {
            count += 1;
            bytes += change.bytes();
            count <= most.changes && bytes <= most.bytes
        };
        kept.for_each(|change| _ = has_room(change));
        more.iter().position(|change| !has_room(change)).map_or(Ok(()), Err)
    }

    /// Makes it.
    pub fn make(&self, headers: &mut Fields) {
        match self {
            Self::Set(name, value) => headers.insert(name, value.clone()),
            Self::Add(name, value) => headers.append(name, value.clone()),
            Self::Merge(name, value) => merge(headers, name, value),
            Self::Remove(name) => drop(headers.remove(name)),
            Self::RemoveAll(beginning) => remove_all(headers, beginning),
        }
    }

    /// The header that it is about, or the beginning of its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Set(name, _) | Self::Add(name, _) | Self::Merge(name, _) | Self::Remove(name) => {
                name.as_str()
            }
            Self::RemoveAll(beginning) => beginning,
        }
    }

    /// Whether a value is too long a list to be merged.
    pub fn is_too_long(value: &HeaderValue) -> bool {
        value.as_bytes().split(|byte| *byte == b',').nth(Self::MAX_MERGED).is_some()
    }

    fn bytes(&self) -> usize {
        let value = match self {
            Self::Set(_, value) | Self::Add(_, value) | Self::Merge(_, value) => value.len(),
            Self::Remove(_) | Self::RemoveAll(_) => 0,
        };
        self.name().len() + value
    }
}

/// What it does, for operators. Values may be anybody's secrets, and are left out.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Set(..) => "set",
            Self::Add(..) => "add",
            Self::Merge(..) => "merge",
            Self::Remove(_) => "remove",
            Self::RemoveAll(beginning) => return write!(f, "remove {beginning}*"),
        };
        write!(f, "{what} {}", self.name())
    }
}

fn remove_all(headers: &mut Fields, beginning: &str) {
    headers.retain(|name, _| !name.as_str().starts_with(beginning));
}

fn merge(headers: &mut Fields, name: &HeaderName, value: &HeaderValue) {
    if !headers.contains(name) {
        return headers.append(name, value.clone());
    }
    match merged(headers.get_all(name), value) {
        Merged::Same => {}
        Merged::As(value) => headers.insert(name, value),
        // What is no text cannot be merged, what is very long is not, and it stays as it is.
        Merged::Unclear => headers.append(name, value.clone()),
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
        let mut headers = Fields::new();
        for line in lines {
            headers.append("vary", value(line));
        }
        Change::Merge(name("vary"), value(more)).make(&mut headers);
        headers.get_all("vary").map(|v| v.to_str().unwrap().to_owned()).collect()
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
        let mut headers = Fields::new();
        headers.insert("vary", HeaderValue::from_bytes(b"\xff").unwrap());
        Change::Merge(name("vary"), value("Origin")).make(&mut headers);
        let lines: Vec<_> = headers.get_all("vary").map(HeaderValue::as_bytes).collect();
        assert_eq!(lines, [b"\xff".as_slice(), b"Origin"]);
        let long = "x".repeat(LONG + 1);
        assert_eq!(merge_into(&[&long], "Origin"), [&long, "Origin"]);
        let members = |count| value(&vec!["a"; count].join(","));
        assert!(!Change::is_too_long(&members(Change::MAX_MERGED)));
        assert!(Change::is_too_long(&members(Change::MAX_MERGED + 1)));
    }

    #[test]
    fn a_beginning_stands_for_all_names_that_begin_so() {
        let mut headers = Fields::new();
        for name in ["x-a", "x-b", "x-b", "x", "y-x-a"] {
            headers.append(name, value("1"));
        }
        Change::RemoveAll("x-".into()).make(&mut headers);
        let mut names: Vec<_> = headers.names().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x", "y-x-a"]);
    }
}
