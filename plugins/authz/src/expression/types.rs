//! What can be known of an expression's types before the first request.

use serde_json::Value as Json;

use super::{
    ExpressionError,
    ast::{Comparison, Expr, Function, Kind, Name},
};

/// Rules see HEAD as GET (RFC 9110, 9.3.2): nothing that asks for it can hold.
pub(crate) const NO_HEAD: &str = "HEAD is GET without the body: write \"GET\", which is both";

/// A type. Of what a token or a client says it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Unknown,
    Null,
    Bool,
    Number,
    /// A text, or nothing.
    Text,
    List,
}

/// Refuses what could never be answered.
pub(super) fn check(expr: &Expr) -> Result<(), ExpressionError> {
    let found = type_of(expr)?;
    must(expr, found, &[Type::Bool], "the answer of an expression is true or false")
}

fn type_of(expr: &Expr) -> Result<Type, ExpressionError> {
    Ok(match &expr.kind {
        Kind::Literal(value) => of_literal(value),
        Kind::Name(name) => of_name(name),
        Kind::List(items) => {
            items.iter().try_for_each(|item| {
                must(item, type_of(item)?, &[Type::Text, Type::Number, Type::Bool], ITEMS)
            })?;
            Type::List
        }
        Kind::Not(inner) => {
            must(inner, type_of(inner)?, &[Type::Bool], NOT)?;
            Type::Bool
        }
        Kind::And(parts) | Kind::Or(parts) => {
            parts.iter().try_for_each(|part| must(part, type_of(part)?, &[Type::Bool], LOGIC))?;
            Type::Bool
        }
        Kind::Compare(comparison, left, right) => compare(expr, *comparison, left, right)?,
        Kind::In(left, right) => membership(left, right)?,
        Kind::Call(function, arguments) => {
            arguments.iter().try_for_each(|argument| {
                must(argument, type_of(argument)?, &[Type::Text], "functions take texts")
            })?;
            if function.arity() == 1 { Type::Text } else { Type::Bool }
        }
    })
}

const ITEMS: &str = "lists are of texts, numbers, true and false";
const NOT: &str = "`!` takes true or false; write !(a in b), !(a == b)";
const LOGIC: &str = "`&&` and `||` take true or false";
const EQUALITY: &str = "`==` and `!=` compare texts, numbers, true and false, or ask for null; what \
                        is in a list is asked for with `in`";
const ORDER: &str = "< <= > >= compare texts or numbers";

fn of_literal(value: &Json) -> Type {
    match value {
        Json::Null => Type::Null,
        Json::Bool(_) => Type::Bool,
        Json::Number(_) => Type::Number,
        Json::String(_) => Type::Text,
        Json::Array(_) | Json::Object(_) => Type::List,
    }
}

fn of_name(name: &Name) -> Type {
    match name {
        Name::Claims(_) => Type::Unknown,
        Name::Scopes => Type::List,
        _ => Type::Text,
    }
}

fn compare(
    expr: &Expr,
    comparison: Comparison,
    left: &Expr,
    right: &Expr,
) -> Result<Type, ExpressionError> {
    let (a, b) = (type_of(left)?, type_of(right)?);
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let (allowed, why): (&[Type], _) = match is_equality {
        // Whether there are scopes at all is a fair question.
        true if b == Type::Null => return Ok(Type::Bool),
        true => (&[Type::Text, Type::Number, Type::Bool], EQUALITY),
        false => (&[Type::Text, Type::Number], ORDER),
    };
    if is_equality && a == Type::Null {
        return Ok(Type::Bool);
    }
    must(left, a, allowed, why)?;
    must(right, b, allowed, why)?;
    same(expr, a, b)?;
    no_head(left, right)?;
    no_head(right, left)?;
    Ok(Type::Bool)
}

fn membership(left: &Expr, right: &Expr) -> Result<Type, ExpressionError> {
    let item = type_of(left)?;
    must(
        left,
        item,
        &[Type::Text, Type::Number, Type::Bool],
        "what is in a list is a text, a number, true or false",
    )?;
    must(right, type_of(right)?, &[Type::List], "`in` looks into a list")?;
    if let Kind::List(items) = &right.kind {
        items.iter().try_for_each(|other| {
            same(other, item, type_of(other)?)?;
            no_head(left, other)
        })?;
    }
    Ok(Type::Bool)
}

fn must(expr: &Expr, is: Type, allowed: &[Type], why: &str) -> Result<(), ExpressionError> {
    if is == Type::Unknown || allowed.contains(&is) {
        return Ok(());
    }
    Err(ExpressionError::new(expr.at.0, format!("{why}; this is {}", is.as_str())))
}

fn same(at: &Expr, a: Type, b: Type) -> Result<(), ExpressionError> {
    if a == b || a == Type::Unknown || b == Type::Unknown {
        return Ok(());
    }
    let text = format!("{} and {} cannot be compared", a.as_str(), b.as_str());
    Err(ExpressionError::new(at.at.0, text))
}

fn no_head(asked: &Expr, literal: &Expr) -> Result<(), ExpressionError> {
    match &literal.kind {
        Kind::Literal(Json::String(text))
            if is_method(asked) && text.eq_ignore_ascii_case("HEAD") =>
        {
            Err(ExpressionError::new(literal.at.0, NO_HEAD))
        }
        _ => Ok(()),
    }
}

/// `method`, or `lower(method)`.
fn is_method(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Name(name) => *name == Name::Method,
        Kind::Call(Function::Lower, of) => of.iter().all(is_method),
        _ => false,
    }
}

impl Type {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::parse;

    fn checked(text: &str) -> Result<(), ExpressionError> {
        check(&parse::parse(text).unwrap())
    }

    #[test]
    fn what_could_have_an_answer_is_left_alone() {
        for text in [
            "true",
            "claims.admin",
            "claims.a == claims.b",
            "claims.a == \"x\" && !(claims.b == 5)",
            "claims.level >= 3 || path < \"/m\"",
            "\"a\" in scopes && \"b\" in claims.roles && method in [\"GET\", \"PUT\"]",
            "claims.a != null && null == params.id && scopes != null",
            "startsWith(lower(path), \"/a\") == true",
            "claims.a in [claims.b, \"x\", 5]",
            "claims.a == \"HEAD\" || method == claims.a",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_could_have_none_is_refused() {
        for (text, column, part) in [
            ("path", 1, "the answer of an expression is true or false; this is a text"),
            ("5", 1, "this is a number"),
            ("null", 1, "this is null"),
            ("lower(path)", 1, "this is a text"),
            ("!path", 2, "`!` takes true or false"),
            ("!\"admin\" in claims.roles", 2, "write !(a in b)"),
            ("true && path", 9, "`&&` and `||` take true or false; this is a text"),
            ("scopes == \"read\"", 1, "what is in a list is asked for with `in`; this is a list"),
            ("claims.roles == [\"a\"]", 17, "what is in a list is asked for with `in`"),
            ("path == 5", 6, "a text and a number cannot be compared"),
            ("true != \"true\"", 6, "true or false and a text cannot be compared"),
            ("claims.a < null", 12, "< <= > >= compare texts or numbers; this is null"),
            ("true < false", 1, "this is true or false"),
            ("\"a\" in path", 8, "`in` looks into a list; this is a text"),
            ("null in claims.roles", 1, "this is null"),
            ("5 in [\"a\"]", 7, "a number and a text cannot be compared"),
            ("path in [[\"a\"]]", 10, "lists are of texts, numbers, true and false"),
            ("startsWith(scopes, \"a\")", 12, "functions take texts; this is a list"),
            ("method == \"HEAD\"", 11, "write \"GET\", which is both"),
            ("true && 'HEAD' != method", 9, "write \"GET\", which is both"),
            ("method in [\"PUT\", \"HEAD\"]", 19, "write \"GET\", which is both"),
            ("lower(method) == \"head\"", 18, "write \"GET\", which is both"),
            ("contains(claims.a, 5)", 20, "functions take texts; this is a number"),
        ] {
            let error = checked(text).unwrap_err();
            assert_eq!(error.column, column, "{text}: {}", error.message);
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
    }
}
