//! JMESPath, over a tree of the document.

use std::fmt;

use jmespath::Expression;

use crate::{
    json::Document,
    tree::{MAX_LEVELS, tree},
};

/// What a tree may weigh, for it and what is made of it to fit the 64 MiB that a plugin has.
const MAX_WEIGHT: usize = 48 << 20;
const MAX_EXPRESSION: usize = 4096;

/// An expression.
pub(crate) struct Query(Expression<'static>);

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueryError {
    /// The document would take too much memory; its length in bytes.
    TooLarge(usize),
    /// The document has more levels than a tree may have.
    TooDeep,
    /// The expression does not fit the document.
    Expression(String),
}

impl Query {
    /// Reads an expression. The error says where it is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_EXPRESSION {
            return Err(format!("longer than {MAX_EXPRESSION} bytes"));
        }
        jmespath::compile(text).map(Self).map_err(|error| {
            format!("column {} of the expression: {}", error.column + 1, error.reason)
        })
    }

    /// The result for a document.
    pub(crate) fn run(&self, document: Document<'_>) -> Result<String, QueryError> {
        let text = document.whole();
        if weight(text) > MAX_WEIGHT {
            return Err(QueryError::TooLarge(text.len()));
        }
        let result = self.0.search(tree(document).ok_or(QueryError::TooDeep)?);
        let result = result.map_err(|error| QueryError::Expression(error.reason.to_string()))?;
        serde_json::to_string(&result).map_err(|error| QueryError::Expression(error.to_string()))
    }
}

/// How many bytes of memory a document will take, at most and about: its text a few times, and for
/// each value and each object what was measured in the component. (`[0,0,...]` takes up to 60
/// times its length, `[{"":0},...]` up to 90 times, a list of products up to 20 times.)
fn weight(document: &str) -> usize {
    let count = |weight: usize, byte: u8| {
        weight
            + match byte {
                b'{' => 496,
                b'[' | b',' => 96,
                _ => 4,
            }
    };
    document.bytes().fold(0, count)
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.0.as_str()).finish()
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(length) => {
                write!(f, "{length} bytes are left for `jmespath`, too much for a tree in memory")
            }
            Self::TooDeep => {
                write!(f, "nested deeper than a tree for `jmespath` may be ({MAX_LEVELS} levels)")
            }
            Self::Expression(text) => write!(f, "`jmespath`: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(expression: &str, document: &str) -> Result<String, QueryError> {
        Query::parse(expression).unwrap().run(Document::parse(document, 512).unwrap())
    }

    #[test]
    fn a_document_becomes_the_result() {
        let document = r#"{"items":[{"n":"a","p":2},{"n":"b","p":1}]}"#;
        let result = run("{names: items[*].n, least: min_by(items, &p).n}", document);
        assert_eq!(result.unwrap(), r#"{"least":"b","names":["a","b"]}"#);
        assert_eq!(run("nothing", document).unwrap(), "null");
    }

    #[test]
    fn a_wrong_expression_is_refused_with_its_place() {
        let error = Query::parse("items[*].").unwrap_err();
        assert!(error.starts_with("column 10 of the expression: "), "{error}");
        assert!(Query::parse(&"a".repeat(5000)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(matches!(run("@", &deep), Err(QueryError::TooDeep)));
        assert!(matches!(run("abs('x')", "1"), Err(QueryError::Expression(_))));
        for (piece, count) in [("0", 600_000), ("{\"\":0}", 100_000), ("\"x\"", 600_000)] {
            let large = format!("[{}]", vec![piece; count].join(","));
            assert!(matches!(run("@", &large), Err(QueryError::TooLarge(_))), "{piece}");
            let half = format!("[{}]", vec![piece; count / 2].join(","));
            assert_eq!(run("length(@)", &half), Ok((count / 2).to_string()));
        }
    }
}
