//! Paths into JSON documents.
//!
//! ```text
//! path    = "$" *rest / first *rest
//! first   = name / "*" / "**" / bracket
//! rest    = "." (name / "*" / "**") / bracket
//! bracket = "[" ("*" / number / JSON string) "]"
//! name    = 1*(any character but . [ ] * " ' and white space)
//! ```
//!
//! `$` is the document itself, `*` every member of an object, `[*]` every item of an array, `**` any
//! number of members and items, none included.

use std::fmt;

/// Longer ones are mistakes, and their depth is the walker's.
const MAX_SEGMENTS: usize = 32;

/// Places in documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// The member of this name.
    Name(Box<str>),
    /// Every member.
    Members,
    /// The item at this place, from 0 on.
    Index(u32),
    /// Every item.
    Items,
    /// Any depth.
    Deep,
}

/// A path to at most one place: names and indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Steps(Vec<Step>);

/// One step to one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Name(Box<str>),
    Index(u32),
}

/// A path of names, one at least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Names(Vec<Box<str>>);

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathError {
    /// Where in the text, in characters from 1 on.
    pub(crate) column: usize,
    /// What is wrong there, and what to write instead.
    pub(crate) message: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} of the path: {}", self.column, self.message)
    }
}

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let located = Parser::new(text).path()?;
        Ok(Self(located.into_iter().map(|(segment, _)| segment).collect()))
    }

    /// Its steps; none for the document itself.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The same place, some steps further down.
    pub(crate) fn below(&self, steps: impl IntoIterator<Item = Segment>) -> Self {
        Self(self.0.iter().cloned().chain(steps).collect())
    }

    /// The place around it, and the last step; none for the document itself.
    pub(crate) fn split_last(&self) -> Option<(Self, &Segment)> {
        let (last, before) = self.0.split_last()?;
        Some((Self(before.to_vec()), last))
    }

    /// The place of its last wildcard (the document, if it has none), and the steps after that.
    pub(crate) fn split_scope(&self) -> (Self, Steps) {
        let after = |segment: &Segment| Step::try_from(segment.clone()).is_err();
        let at = self.0.iter().rposition(after).map_or(0, |last| last + 1);
        let (scope, rest) = self.0.split_at(at);
        let steps = rest.iter().filter_map(|segment| Step::try_from(segment.clone()).ok());
        (Self(scope.to_vec()), Steps(steps.collect()))
    }

    /// Whether `**` stands in it.
    pub(crate) fn is_deep(&self) -> bool {
        self.0.contains(&Segment::Deep)
    }
}

impl Steps {
    /// Reads a path without wildcards.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let steps = Parser::new(text).path()?.into_iter().map(|(segment, column)| {
            Step::try_from(segment).map_err(|()| PathError {
                column,
                message: "only names and numbers like [0] can stand here".into(),
            })
        });
        Ok(Self(steps.collect::<Result<_, _>>()?))
    }

    pub(crate) fn as_slice(&self) -> &[Step] {
        &self.0
    }
}

impl Names {
    /// Reads a path that has names only.
    pub(crate) fn parse(text: &str) -> Result<Self, PathError> {
        let names = Parser::new(text).path()?.into_iter().map(|(segment, column)| match segment {
            Segment::Name(name) => Ok(name),
            _ => Err(PathError { column, message: "only names can stand here".into() }),
        });
        let names: Vec<_> = names.collect::<Result<_, _>>()?;
        if names.is_empty() {
            return Err(PathError { column: 1, message: "a name is missing".into() });
        }
        Ok(Self(names))
    }

    /// A name in an object of a name.
    pub(crate) fn pair(outer: Box<str>, inner: Box<str>) -> Self {
        Self(vec![outer, inner])
    }

    pub(crate) fn as_slice(&self) -> &[Box<str>] {
        &self.0
    }

    /// The last name.
    pub(crate) fn last(&self) -> &str {
        self.0.last().map_or("", |name| name)
    }

    /// Whether `other` is the same place or one inside of it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl TryFrom<Segment> for Step {
    type Error = ();

    fn try_from(segment: Segment) -> Result<Self, ()> {
        match segment {
            Segment::Name(name) => Ok(Self::Name(name)),
            Segment::Index(index) => Ok(Self::Index(index)),
            Segment::Members | Segment::Items | Segment::Deep => Err(()),
        }
    }
}

impl From<Step> for Segment {
    fn from(step: Step) -> Self {
        match step {
            Step::Name(name) => Self::Name(name),
            Step::Index(index) => Self::Index(index),
        }
    }
}

impl From<&Steps> for Path {
    fn from(steps: &Steps) -> Self {
        Self(steps.0.iter().cloned().map(Segment::from).collect())
    }
}

impl From<&Names> for Steps {
    fn from(names: &Names) -> Self {
        Self(names.0.iter().cloned().map(Step::Name).collect())
    }
}

impl From<&Names> for Path {
    fn from(names: &Names) -> Self {
        Self::from(&Steps::from(names))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("$");
        }
        for (i, segment) in self.0.iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            // `$` in the first place would be the document.
            let is_plain = |name: &str| {
                name.chars().all(is_of_a_name) && !name.is_empty() && (i > 0 || name != "$")
            };
            match segment {
                Segment::Name(name) if is_plain(name) => {
                    write!(f, "{dot}{name}")?;
                }
                // (Debug's escapes are not JSON's, but this is for people.)
                Segment::Name(name) => write!(f, "[{name:?}]")?,
                Segment::Members => write!(f, "{dot}*")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Items => f.write_str("[*]")?,
                Segment::Deep => write!(f, "{dot}**")?,
            }
        }
        Ok(())
    }
}

fn is_of_a_name(char: char) -> bool {
    !char.is_whitespace() && !char.is_control() && !".[]*\"'".contains(char)
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    /// Every segment with its column.
    fn path(mut self) -> Result<Vec<(Segment, usize)>, PathError> {
        let mut segments = Vec::new();
        let after_root = self.rest.strip_prefix('$').filter(|rest| {
            // `$ref` is a name.
            rest.is_empty() || rest.starts_with(['.', '['])
        });
        match after_root {
            Some(rest) => self.rest = rest,
            None => segments.push(self.first()?),
        }
        while !self.rest.is_empty() {
            segments.push(self.next()?);
        }
        self.check(&segments)?;
        Ok(segments)
    }

    fn check(&self, segments: &[(Segment, usize)]) -> Result<(), PathError> {
        if let Some((_, column)) = segments.get(MAX_SEGMENTS) {
            let message = format!("more than {MAX_SEGMENTS} steps");
            return Err(PathError { column: *column, message });
        }
        let deep = |(segment, _): &&(Segment, usize)| *segment == Segment::Deep;
        if let Some((_, column)) = segments.last().filter(deep) {
            let message = "a name must follow `**`".into();
            return Err(PathError { column: *column, message });
        }
        let twice = segments.windows(2).find(|pair| pair.iter().all(|one| deep(&one)));
        match twice.and_then(|pair| pair.last()) {
            Some((_, column)) => {
                Err(PathError { column: *column, message: "one `**` is enough".into() })
            }
            None => Ok(()),
        }
    }

    fn column(&self) -> usize {
        1 + self.text[..self.text.len() - self.rest.len()].chars().count()
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, PathError> {
        Err(PathError { column: self.column(), message: message.into() })
    }

    fn first(&mut self) -> Result<(Segment, usize), PathError> {
        if self.rest.starts_with('[') { self.bracket() } else { self.name() }
    }

    fn next(&mut self) -> Result<(Segment, usize), PathError> {
        if self.rest.starts_with('[') {
            return self.bracket();
        }
        match self.rest.strip_prefix('.') {
            Some(rest) => {
                self.rest = rest;
                self.name()
            }
            None => self.error("write `.`, `[` or nothing more; odd names go in [\"...\"]"),
        }
    }

    fn name(&mut self) -> Result<(Segment, usize), PathError> {
        let column = self.column();
        for (wildcard, segment) in [("**", Segment::Deep), ("*", Segment::Members)] {
            if let Some(rest) = self.rest.strip_prefix(wildcard) {
                self.rest = rest;
                return Ok((segment, column));
            }
        }
        let end = self.rest.find(|char| !is_of_a_name(char)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return self.error("a name is missing; `$` alone is the document itself");
        }
        self.rest = rest;
        Ok((Segment::Name(name.into()), column))
    }

    fn bracket(&mut self) -> Result<(Segment, usize), PathError> {
        let column = self.column();
        let inside = &self.rest[1..];
        if let Some(rest) = inside.strip_prefix("*]") {
            self.rest = rest;
            return Ok((Segment::Items, column));
        }
        if inside.starts_with('"') {
            return self.quoted(column);
        }
        let Some((number, rest)) = inside.split_once(']') else {
            return self.error("`[` is not closed");
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse().ok().filter(|_| digits) {
            Some(index) => {
                self.rest = rest;
                Ok((Segment::Index(index), column))
            }
            None => self.error("between `[` and `]` stands *, a number or a name in \"...\""),
        }
    }

    fn quoted(&mut self, column: usize) -> Result<(Segment, usize), PathError> {
        let inside = &self.rest[1..];
        let mut escaped = false;
        let end = inside.char_indices().skip(1).find(|&(_, char)| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let Some((quote, _)) = end else { return self.error("the name in `[\"` has no end") };
        let (literal, rest) = inside.split_at(quote + 1);
        let Some(rest) = rest.strip_prefix(']') else { return self.error("`[` is not closed") };
        match serde_json::from_str::<Box<str>>(literal) {
            Ok(name) => {
                self.rest = rest;
                Ok((Segment::Name(name), column))
            }
            Err(_) => self.error(format!("{literal} is not a name as JSON spells it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Segment {
        Segment::Name(text.into())
    }

    fn parse(text: &str) -> Vec<Segment> {
        Path::parse(text).unwrap().0
    }

    fn wrong(text: &str) -> (usize, String) {
        let error = Path::parse(text).unwrap_err();
        (error.column, error.message)
    }

    #[test]
    fn every_kind_of_step() {
        assert_eq!(parse("$"), []);
        assert_eq!(parse("a.b-c_d"), [name("a"), name("b-c_d")]);
        assert_eq!(parse("$[*].id"), [Segment::Items, name("id")]);
        assert_eq!(parse("[0][12].x"), [Segment::Index(0), Segment::Index(12), name("x")]);
        assert_eq!(parse("*.**.x"), [Segment::Members, Segment::Deep, name("x")]);
        assert_eq!(parse(r#"["a.b"]["q\"u\u0041"].c"#), [name("a.b"), name("q\"uA"), name("c")]);
        assert_eq!(parse(r#"[""]"#), [name("")]);
        assert_eq!(parse("$ref.größe"), [name("$ref"), name("größe")]);
    }

    #[test]
    fn a_mistake_has_its_column() {
        assert_eq!(wrong("").0, 1);
        assert_eq!(wrong("größe..x").0, 7);
        assert_eq!(wrong("a.").0, 3);
        assert_eq!(wrong("a[").1, "`[` is not closed");
        assert_eq!(wrong("a[-1]").0, 2);
        assert_eq!(wrong("a[99999999999]").0, 2);
        assert_eq!(wrong("a[\"x").1, "the name in `[\"` has no end");
        assert_eq!(wrong("a[\"x\"").1, "`[` is not closed");
        assert_eq!(wrong(r#"a["\x"]"#).0, 2);
        assert_eq!(wrong("a b").0, 2);
        assert_eq!(wrong("ab*").0, 3);
        assert_eq!(wrong("a.**"), (3, "a name must follow `**`".into()));
        assert_eq!(wrong("**.**.a"), (4, "one `**` is enough".into()));
        assert_eq!(wrong(&"a.".repeat(40)[..79]).0, 65);
    }

    #[test]
    fn steps_and_names_have_no_wildcards() {
        assert_eq!(Steps::parse("a[*]").unwrap_err().column, 2);
        assert_eq!(Names::parse("a[0]").unwrap_err().column, 2);
        assert_eq!(Names::parse("$").unwrap_err().message, "a name is missing");
        assert_eq!(Steps::parse("$").unwrap(), Steps::default());
    }

    #[test]
    fn a_scope_ends_with_the_last_wildcard() {
        let split = |text: &str| {
            let (scope, steps) = Path::parse(text).unwrap().split_scope();
            (scope.to_string(), Path::from(&steps).to_string())
        };
        assert_eq!(split("a.b[0].c"), ("$".into(), "a.b[0].c".into()));
        assert_eq!(split("a[*].b.c"), ("a[*]".into(), "b.c".into()));
        assert_eq!(split("a.*"), ("a.*".into(), "$".into()));
    }

    #[test]
    fn a_member_called_like_the_document_is_not_shown_as_it() {
        for text in ["$.$", "$.$.a", "[\"$\"][0]"] {
            let path = Path::parse(text).unwrap();
            assert_eq!(Path::parse(&path.to_string()), Ok(path), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_an_error(text in "\\PC*") {
            let _ = Path::parse(&text);
        }

        #[test]
        fn what_looks_like_a_path_is_shown_as_it_is_read(text in "[a-z$.*\\[\\]0-9\"]{0,12}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
