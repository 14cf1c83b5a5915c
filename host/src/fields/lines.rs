//! The fields of a head.

use std::{fmt, slice, vec};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field lines of a head, in the order in which they came (RFC 9110, 5.3).
///
/// A list that is looked through, for heads are short: a proxied request asks some thirty times for a name that a head
/// of four or of fifteen fields mostly does not have. `http::HeaderMap` hashes each of these names, and each that is put
/// in: 2,200 instructions more for one head, however many fields it has.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(HeaderName, HeaderValue)>);

impl Fields {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// None, with room for so many.
    pub fn with_capacity(lines: usize) -> Self {
        Self(Vec::with_capacity(lines))
    }

    /// For how many lines there is room.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Makes room for so many more lines.
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all, and keeps their room.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is a line of this name.
    pub fn contains(&self, name: impl Named) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first line of this name.
    pub fn get(&self, name: impl Named) -> Option<&HeaderValue> {
        self.0.iter().find(|(line, _)| name.is(line)).map(|(_, value)| value)
    }

    /// The values of all lines of this name.
    pub fn get_all<N: Named>(&self, name: N) -> impl Iterator<Item = &HeaderValue> + use<'_, N> {
        self.0.iter().filter(move |(line, _)| name.is(line)).map(|(_, value)| value)
    }

    /// The name of each line: one that is there more than once comes more than once.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.into_iter()
    }

    /// Puts a value in the place of all that the name had.
    pub fn insert(&mut self, name: impl IntoName, value: HeaderValue) {
        let Some(first) = self.0.iter().position(|(line, _)| name.is(line)) else {
            return self.append(name, value);
        };
        self.0[first].1 = value;
        let mut at = 0;
        self.0.retain(|(line, _)| {
            at += 1;
            at <= first + 1 || !name.is(line)
        });
    }

    /// Adds a line.
    pub fn append(&mut self, name: impl IntoName, value: HeaderValue) {
        self.0.push((name.into_name(), value));
    }

    /// Removes all lines of a name, and gives the value of the first.
    pub fn remove(&mut self, name: impl Named) -> Option<HeaderValue> {
        let first = self.0.iter().position(|(line, _)| name.is(line))?;
        let (_, value) = self.0.remove(first);
        self.0.retain(|(line, _)| !name.is(line));
        Some(value)
    }

    /// Keeps the lines of whose name and value this holds.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&HeaderName, &HeaderValue) -> bool) {
        self.0.retain(|(name, value)| is_kept(name, value));
    }
}

/// A name, or its text: names are compared without regard to case (RFC 9110, 5.1).
pub trait Named {
    /// Whether it is this one.
    fn is(&self, name: &HeaderName) -> bool;
}

impl Named for HeaderName {
    fn is(&self, name: &HeaderName) -> bool {
        self == name
    }
}

impl Named for str {
    fn is(&self, name: &HeaderName) -> bool {
        name == self
    }
}

impl<N: Named + ?Sized> Named for &N {
    fn is(&self, name: &HeaderName) -> bool {
        (**self).is(name)
    }
}

/// What a line's name can be made of.
pub trait IntoName: Named {
    /// The name.
    fn into_name(self) -> HeaderName;
}

impl IntoName for HeaderName {
    fn into_name(self) -> HeaderName {
        self
    }
}

impl IntoName for &HeaderName {
    fn into_name(self) -> HeaderName {
        self.clone()
    }
}

/// In lower case; another text is none of a name.
impl IntoName for &'static str {
    fn into_name(self) -> HeaderName {
        HeaderName::from_static(self)
    }
}

/// The value of the first line, which must be there.
#[cfg(test)]
impl<N: Named> std::ops::Index<N> for Fields {
    type Output = HeaderValue;

    fn index(&self, name: N) -> &HeaderValue {
        self.get(name).expect("a line of this name")
    }
}

/// Names with their values, like those of a map.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = std::iter::Map<
        slice::Iter<'a, (HeaderName, HeaderValue)>,
        fn(&'a (HeaderName, HeaderValue)) -> Self::Item,
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl IntoIterator for Fields {
    type Item = (HeaderName, HeaderValue);
    type IntoIter = vec::IntoIter<(HeaderName, HeaderValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<(HeaderName, HeaderValue)> for Fields {
    fn extend<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(&mut self, lines: I) {
        self.0.extend(lines);
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(lines: I) -> Self {
        Self(lines.into_iter().collect())
    }
}

/// As HTTP/2 gives them.
impl From<HeaderMap> for Fields {
    fn from(map: HeaderMap) -> Self {
        let mut fields = Self::with_capacity(map.len());
        let mut last = None;
        for (name, value) in map {
            // The first value of a name comes with it, the others without.
            last = name.or(last);
            fields.0.extend(last.clone().map(|name| (name, value)));
        }
        fields
    }
}

/// As HTTP/2 takes them.
impl From<Fields> for HeaderMap {
    fn from(fields: Fields) -> Self {
        let mut map = Self::with_capacity(fields.len());
        for (name, value) in fields {
            map.append(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    fn fields(lines: &[(&'static str, &'static str)]) -> Fields {
        lines.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    }

    const LINES: [(&str, &str); 5] =
        [("host", "a"), ("x-a", "1"), ("accept", "b"), ("x-a", "2"), ("cookie", "c")];

    #[test]
    fn lines_are_found_by_name_in_whatever_case() {
        let fields = fields(&LINES);
        assert_eq!(fields.get(HOST).unwrap(), "a");
        assert_eq!(fields.get("X-A").unwrap(), "1", "the first");
        assert!(fields.get_all("x-A").eq(["1", "2"]));
        assert!(fields.contains(&ACCEPT) && !fields.contains("x-b"));
    }

    #[test]
    fn what_is_set_is_one_line_in_the_place_of_the_first() {
        let mut set = fields(&LINES);
        set.insert("x-a", value("3"));
        set.insert(COOKIE, value("d"));
        set.insert("x-new", value("4"));
        let expected =
            [("host", "a"), ("x-a", "3"), ("accept", "b"), ("cookie", "d"), ("x-new", "4")];
        assert_eq!(set, fields(&expected));
    }

    #[test]
    fn a_name_is_removed_with_all_its_lines_and_the_rest_stays_in_order() {
        let mut left = fields(&LINES);
        assert_eq!(left.remove("x-a").unwrap(), "1");
        assert_eq!(left.remove("x-a"), None);
        assert_eq!(left, fields(&[("host", "a"), ("accept", "b"), ("cookie", "c")]));
    }

    /// `HeaderMap` is what everybody else has: whatever is done to both, they say the same.
    #[test]
    fn it_does_what_a_map_does() {
        const NAMES: [&str; 4] = ["host", "accept", "x-a", "x-b"];
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        let (mut lines, mut map) = (Fields::new(), HeaderMap::new());
        for step in 0..2000 {
            let (name, value) = (NAMES[next(NAMES.len())], HeaderValue::from(step));
            match next(4) {
                0 => {
                    lines.insert(name, value.clone());
                    map.insert(name, value);
                }
                1 | 2 => {
                    lines.append(name, value.clone());
                    map.append(name, value);
                }
                _ => assert_eq!(lines.remove(name), map.remove(name)),
            }
            assert_eq!(lines.len(), map.len());
            for name in NAMES {
                assert!(lines.get_all(name).eq(map.get_all(name)), "{name} after {step}");
            }
            assert_eq!(HeaderMap::from(lines.clone()), map);
            assert_eq!(HeaderMap::from(Fields::from(map.clone())), map);
        }
    }
}
