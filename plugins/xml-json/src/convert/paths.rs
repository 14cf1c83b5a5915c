//! Paths to places of a JSON document: `order.*.@id`, `**.line`.

use std::fmt;

/// A path. Keys are separated by dots; `\.` is a dot in a key. `*` stands for one key, `**` for any
/// number of keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Any,
    Deep,
}

impl Pattern {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '.' => segments.push(String::new()),
                '\\' => segments.last_mut().ok_or("")?.push(chars.next().unwrap_or('\\')),
                c => segments.last_mut().ok_or("")?.push(c),
            }
        }
        if segments.iter().any(String::is_empty) {
            return Err(format!("`{text}` has an empty key: write keys with one dot between two"));
        }
        if segments.len() > 64 {
            return Err(format!("`{text}` has more than 64 keys"));
        }
        Ok(Self(segments.into_iter().map(Segment::from).collect()))
    }

    /// Less for a path that says more exactly what it means.
    fn vagueness(&self) -> (usize, usize, usize) {
        let count = |kind: &Segment| self.0.iter().filter(|segment| *segment == kind).count();
        (count(&Segment::Deep), count(&Segment::Any), usize::MAX - self.0.len())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.0).finish()
    }
}

impl From<String> for Segment {
    fn from(text: String) -> Self {
        match text.as_str() {
            "*" => Self::Any,
            "**" => Self::Deep,
            _ => Self::Key(text),
        }
    }
}

/// Paths with what is said about their places. Where several fit, the most exact one counts.
#[derive(Clone, Debug)]
pub(crate) struct Paths<T>(Vec<(Pattern, T)>);

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<(Pattern, T)> for Paths<T> {
    fn from_iter<I: IntoIterator<Item = (Pattern, T)>>(paths: I) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_by_key(|(pattern, _)| pattern.vagueness());
        Self(paths)
    }
}

impl<T> Paths<T> {
    /// Begins at the top of a document.
    pub(crate) fn walk(&self) -> Walk<'_, T> {
        let mut walk = Walk { paths: &self.0, states: Vec::new(), frames: Vec::new() };
        for index in 0..self.0.len() {
            walk.reach(0, State { path: index, at: 0 });
        }
        walk
    }
}

/// Goes through a document beside its writer.
pub(crate) struct Walk<'p, T> {
    paths: &'p [(Pattern, T)],
    /// How far the paths have come, for all places from the top to here.
    states: Vec<State>,
    /// Where the states of the places above begin.
    frames: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    path: usize,
    at: usize,
}

impl<'p, T> Walk<'p, T> {
    /// Goes to a key of the object that is here.
    pub(crate) fn enter(&mut self, key: &str) {
        self.step(|segment| match segment {
            Segment::Key(name) => name == key,
            Segment::Any | Segment::Deep => true,
        });
    }

    /// Goes to the attribute of this name.
    pub(crate) fn enter_attribute(&mut self, name: &str) {
        self.step(|segment| match segment {
            Segment::Key(key) => key.strip_prefix(super::shape::ATTRIBUTE) == Some(name),
            Segment::Any | Segment::Deep => true,
        });
    }

    fn step(&mut self, fits: impl Fn(&Segment) -> bool) {
        if self.paths.is_empty() {
            return;
        }
        let begin = self.frames.last().copied().unwrap_or(0);
        let end = self.states.len();
        for index in begin..end {
            let state = self.states[index];
            match self.paths[state.path].0.0.get(state.at) {
                Some(Segment::Deep) => self.reach(end, state),
                Some(segment) if fits(segment) => {
                    self.reach(end, State { at: state.at + 1, ..state });
                }
                _ => {}
            }
        }
        self.frames.push(end);
    }

    /// Goes back to the object.
    pub(crate) fn leave(&mut self) {
        if let Some(begin) = self.frames.pop() {
            self.states.truncate(begin);
        }
    }

    /// What is said about this place.
    pub(crate) fn found(&self) -> Option<&'p T> {
        let begin = self.frames.last().copied().unwrap_or(0);
        let states = self.states[begin..].iter();
        let ends = states.filter(|state| self.paths[state.path].0.0.len() == state.at);
        ends.map(|state| state.path).min().map(|path| &self.paths[path].1)
    }

    /// A `**` may stand for nothing, so what follows it is reached as well.
    fn reach(&mut self, frame: usize, state: State) {
        if self.states[frame..].contains(&state) {
            return;
        }
        self.states.push(state);
        if self.paths[state.path].0.0.get(state.at) == Some(&Segment::Deep) {
            self.reach(frame, State { at: state.at + 1, ..state });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&'static str], place: &[&str]) -> Option<&'static str> {
        let paths: Paths<_> =
            paths.iter().map(|&path| (Pattern::parse(path).unwrap(), path)).collect();
        let mut walk = paths.walk();
        for key in place {
            // Whatever else is there has no say.
            walk.enter("other");
            walk.leave();
            match key.strip_prefix('@') {
                Some(name) => walk.enter_attribute(name),
                None => walk.enter(key),
            }
        }
        walk.found().copied()
    }

    #[test]
    fn stars_stand_for_keys() {
        assert_eq!(found(&["a.b"], &["a", "b"]), Some("a.b"));
        assert_eq!(found(&["a.b"], &["a"]), None);
        assert_eq!(found(&["a.b"], &["a", "b", "c"]), None);
        assert_eq!(found(&["a.*.@id"], &["a", "x", "@id"]), Some("a.*.@id"));
        assert_eq!(found(&["a.*.@id"], &["a", "x", "id"]), None);
        for place in [&["b"][..], &["a", "b"], &["a", "c", "b"]] {
            assert_eq!(found(&["**.b"], place), Some("**.b"));
        }
        assert_eq!(found(&["a.**.b"], &["c", "b"]), None);
        assert_eq!(found(&["a.**"], &["a", "c", "b"]), Some("a.**"));
        assert_eq!(found(&["**.**.b"], &["b"]), Some("**.**.b"));
    }

    #[test]
    fn the_most_exact_path_counts() {
        let paths = &["**.b", "*.b", "a.b", "a.**.b"];
        assert_eq!(found(paths, &["a", "b"]), Some("a.b"));
        assert_eq!(found(paths, &["c", "b"]), Some("*.b"));
        assert_eq!(found(paths, &["a", "c", "b"]), Some("a.**.b"));
        assert_eq!(found(paths, &["c", "c", "b"]), Some("**.b"));
    }

    #[test]
    fn a_dot_can_be_in_a_key() {
        assert_eq!(found(&["a\\.b.c"], &["a.b", "c"]), Some("a\\.b.c"));
        for wrong in ["", "a.", ".a", "a..b"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
