//! Typed comparisons of a field with what the settings say.

use std::cmp::Ordering;

use crate::{json::Document, path::Steps};

/// What must hold for a field of an item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// The field, from the item on.
    pub(crate) field: Steps,
    /// All of these must hold.
    pub(crate) tests: Vec<Test>,
}

/// One comparison. Values of different types are neither equal nor in any order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Is(Scalar),
    Not(Scalar),
    In(Vec<Scalar>),
    Above(Scalar),
    Below(Scalar),
    Min(Scalar),
    Max(Scalar),
    /// Whether it is there at all, and not null.
    Exists(bool),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

impl Condition {
    /// Whether it holds for the item that begins there.
    pub(crate) fn holds(&self, document: Document<'_>, item: usize) -> bool {
        let value = document.find(item, self.field.as_slice());
        let value = value.filter(|&at| document.byte(at) != b'n');
        let scalar = value.and_then(|at| Scalar::read(document, at));
        self.tests.iter().all(|test| test.holds(value.is_some(), scalar.as_ref()))
    }
}

impl Test {
    fn holds(&self, exists: bool, value: Option<&Scalar>) -> bool {
        let order = |other| value.and_then(|value| value.order(other));
        match self {
            Self::Is(other) => order(other) == Some(Ordering::Equal),
            Self::Not(other) => order(other) != Some(Ordering::Equal),
            Self::In(others) => others.iter().any(|other| order(other) == Some(Ordering::Equal)),
            Self::Above(limit) => order(limit) == Some(Ordering::Greater),
            Self::Below(limit) => order(limit) == Some(Ordering::Less),
            Self::Min(limit) => order(limit).is_some_and(Ordering::is_ge),
            Self::Max(limit) => order(limit).is_some_and(Ordering::is_le),
            Self::Exists(must) => exists == *must,
        }
    }
}

impl Scalar {
    /// Reads the scalar that begins there; null and containers are none.
    fn read(document: Document<'_>, at: usize) -> Option<Self> {
        let text = document.text(at, document.end_of(at));
        match document.byte(at) {
            b'"' => Some(Self::Text(document.string(at, at + text.len()).into_owned())),
            b't' | b'f' => Some(Self::Bool(text == "true")),
            b'-' | b'0'..=b'9' => Self::number(text),
            _ => None,
        }
    }

    /// Integers are compared exactly, however long; with a fraction or an exponent, as doubles.
    fn number(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(integer) => Some(Self::Integer(integer)),
            Err(_) => text.parse().ok().map(Self::Float),
        }
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            _ => self.as_f64()?.partial_cmp(&other.as_f64()?),
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Float(float) => Some(*float),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(item: &str, field: &str, test: Test) -> bool {
        let condition = Condition { field: Steps::parse(field).unwrap(), tests: vec![test] };
        let document = Document::parse(item, 8).unwrap();
        condition.holds(document, document.root())
    }

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    #[test]
    fn types_are_kept_apart() {
        assert!(holds(r#"{"a":"x"}"#, "a", Test::Is(text("x"))));
        assert!(holds(r#"{"a":"\u0078"}"#, "a", Test::Is(text("x"))));
        assert!(!holds(r#"{"a":"1"}"#, "a", Test::Is(Scalar::Integer(1))));
        assert!(holds(r#"{"a":"1"}"#, "a", Test::Not(Scalar::Integer(1))));
        assert!(!holds(r#"{"a":true}"#, "a", Test::Min(Scalar::Integer(0))));
        assert!(holds(r#"{"a":true}"#, "a", Test::Is(Scalar::Bool(true))));
        assert!(!holds(r#"{"a":[1]}"#, "a", Test::Is(Scalar::Integer(1))));
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(holds(r#"{"a":1.0}"#, "a", Test::Is(Scalar::Integer(1))));
        assert!(holds(r#"{"a":10}"#, "a", Test::Above(Scalar::Integer(9))));
        assert!(holds(r#"{"a":1.5e1}"#, "a", Test::Below(Scalar::Float(15.5))));
        // Doubles could not tell these two.
        let big = Scalar::Integer(9_007_199_254_740_993);
        assert!(!holds(r#"{"a":9007199254740992}"#, "a", Test::Is(big)));
        // Larger than any integer that settings can have, but a number still.
        let huge = format!(r#"{{"a":1{}}}"#, "0".repeat(400));
        assert!(holds(&huge, "a", Test::Above(Scalar::Integer(1))));
    }

    #[test]
    fn limits_may_be_met_or_not() {
        let at = |test| holds(r#"{"a":5}"#, "a", test);
        assert!(at(Test::Min(Scalar::Integer(5))) && at(Test::Max(Scalar::Integer(5))));
        assert!(!at(Test::Above(Scalar::Integer(5))) && !at(Test::Below(Scalar::Integer(5))));
        assert!(at(Test::In(vec![text("5"), Scalar::Integer(5)])));
        assert!(holds(r#"{"a":"2026-01-02"}"#, "a", Test::Min(text("2026-01-01"))));
    }

    #[test]
    fn what_is_not_there_is_equal_to_nothing() {
        for item in [r#"{"b":1}"#, r#"{"a":null}"#, "7", "[]"] {
            assert!(!holds(item, "a", Test::Is(Scalar::Integer(1))), "{item}");
            assert!(holds(item, "a", Test::Not(Scalar::Integer(1))), "{item}");
            assert!(holds(item, "a", Test::Exists(false)), "{item}");
        }
        assert!(holds(r#"{"a":[{"b":0}]}"#, "a[0].b", Test::Exists(true)));
        assert!(holds("7", "$", Test::Is(Scalar::Integer(7))));
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        assert!(holds(r#"{"a":1,"a":2}"#, "a", Test::Is(Scalar::Integer(2))));
    }
}
