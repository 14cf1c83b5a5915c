//! The language of `when`: one question about a request, answered with true or false. Nothing here
//! knows the gateway.
//!
//! It is strict, because a policy that guesses lets people in: what is missing is `null`, and to
//! compare it, or values of different types, is an error and never just false: the negation of a
//! mistake must not be true.

mod ast;
mod eval;
pub(crate) mod glob;
mod parse;
#[cfg(test)]
mod properties;
mod token;
mod types;

use std::fmt;

use self::ast::Expr;
pub(crate) use self::{ast::Name, eval::Facts, types::NO_HEAD};

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression(Expr);

/// What is wrong with an expression, or why it has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpressionError {
    /// Where in the text, in characters from 1 on.
    pub(crate) column: usize,
    /// What is wrong there, and what to write instead.
    pub(crate) message: String,
}

impl Expression {
    /// Reads an expression and checks what can be known before the first request.
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let expr = parse::parse(text)?;
        types::check(&expr)?;
        Ok(Self(expr))
    }

    /// The answer for one request.
    pub(crate) fn holds(&self, facts: &impl Facts) -> Result<bool, ExpressionError> {
        eval::holds(&self.0, facts)
    }

    /// Every name in it.
    pub(crate) fn names(&self) -> Vec<&Name> {
        self.0.names()
    }

    /// Whether it asks for something of this kind.
    pub(crate) fn mentions(&self, is_it: impl Fn(&Name) -> bool) -> bool {
        self.names().into_iter().any(is_it)
    }
}

impl ExpressionError {
    fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} of the expression: {}", self.column, self.message)
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(text: String) -> Result<Self, ExpressionError> {
        Self::parse(&text)
    }
}
