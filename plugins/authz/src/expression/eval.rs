//! The answer of an expression for one request.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Number, Value as Json};

use super::{
    ExpressionError,
    ast::{Comparison, Expr, Function, Kind, Name},
    glob,
};

/// What is known of a request.
pub(crate) trait Facts {
    /// A value, null where there is none. An error is a value that must not be guessed.
    fn value(&self, name: &Name) -> Result<Cow<'_, Json>, String>;
}

type Value<'a> = Result<Cow<'a, Json>, ExpressionError>;
type Answer = Result<bool, ExpressionError>;

/// An answer that must be true or false.
pub(super) fn holds(expr: &Expr, facts: &impl Facts) -> Answer {
    match &expr.kind {
        Kind::Not(inner) => Ok(!holds(inner, facts)?),
        Kind::And(parts) => all(parts, facts),
        Kind::Or(parts) => any(parts, facts),
        Kind::Compare(comparison, left, right) => compare(expr, *comparison, left, right, facts),
        Kind::In(left, right) => is_in(expr, left, right, facts),
        Kind::Literal(_) | Kind::List(_) | Kind::Name(_) | Kind::Call(..) => {
            let found = value(expr, facts)?;
            let wrong = || {
                error(expr, format!("true or false is needed, and `{expr}` is {}", kind(&found)))
            };
            found.as_bool().ok_or_else(wrong)
        }
    }
}

/// What decides ends it: later parts are not looked at.
fn all(parts: &[Expr], facts: &impl Facts) -> Answer {
    for part in parts {
        if !holds(part, facts)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any(parts: &[Expr], facts: &impl Facts) -> Answer {
    for part in parts {
        if holds(part, facts)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn value<'a>(expr: &'a Expr, facts: &'a impl Facts) -> Value<'a> {
    match &expr.kind {
        Kind::Literal(value) => Ok(Cow::Borrowed(value)),
        Kind::Name(name) => facts.value(name).map_err(|why| error(expr, why)),
        Kind::List(items) => {
            let items = items.iter().map(|item| value(item, facts).map(Cow::into_owned));
            Ok(Cow::Owned(Json::Array(items.collect::<Result<_, _>>()?)))
        }
        Kind::Call(function, arguments) => call(*function, arguments, facts),
        Kind::Not(_) | Kind::And(_) | Kind::Or(_) | Kind::Compare(..) | Kind::In(..) => {
            Ok(Cow::Owned(Json::Bool(holds(expr, facts)?)))
        }
    }
}

fn call<'a>(function: Function, arguments: &'a [Expr], facts: &'a impl Facts) -> Value<'a> {
    let texts = arguments.iter().map(|argument| text(argument, facts));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    Ok(Cow::Owned(match (function, texts.as_slice()) {
        (Function::Lower, [text]) => Json::String(text.to_lowercase()),
        (Function::Contains, [text, part]) => Json::Bool(text.contains(&**part)),
        (Function::StartsWith, [text, start]) => Json::Bool(text.starts_with(&**start)),
        (Function::EndsWith, [text, end]) => Json::Bool(text.ends_with(&**end)),
        (Function::Matches, [text, pattern]) => Json::Bool(glob::matches(text, pattern)),
        // The parser has counted them.
        _ => Json::Null,
    }))
}

fn text<'a>(expr: &'a Expr, facts: &'a impl Facts) -> Result<Cow<'a, str>, ExpressionError> {
    match value(expr, facts)? {
        Cow::Borrowed(Json::String(text)) => Ok(Cow::Borrowed(text)),
        Cow::Owned(Json::String(text)) => Ok(Cow::Owned(text)),
        Cow::Borrowed(other) => Err(no_text(expr, other)),
        Cow::Owned(other) => Err(no_text(expr, &other)),
    }
}

fn no_text(expr: &Expr, found: &Json) -> ExpressionError {
    error(expr, format!("a text is needed, and `{expr}` is {}", kind(found)))
}

fn compare(
    expr: &Expr,
    comparison: Comparison,
    left: &Expr,
    right: &Expr,
    facts: &impl Facts,
) -> Answer {
    let (a, b) = (value(left, facts)?, value(right, facts)?);
    let asks_for_null = [left, right].iter().any(|side| side.kind == Kind::Literal(Json::Null));
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    if is_equality && asks_for_null {
        return Ok((a.is_null() && b.is_null()) == (comparison == Comparison::Equal));
    }
    let order = order(&a, &b).ok_or_else(|| incomparable(expr, (left, &a), (right, &b)))?;
    Ok(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

fn is_in(expr: &Expr, left: &Expr, right: &Expr, facts: &impl Facts) -> Answer {
    let (item, list) = (value(left, facts)?, value(right, facts)?);
    // A text is no list: "administrator" has "admin" in it, and must not have that role.
    let Json::Array(items) = &*list else {
        let text = format!("`in` looks into a list, and `{right}` is {}", kind(&list));
        return Err(error(expr, text));
    };
    let mut different = None;
    for other in items {
        match order(&item, other) {
            Some(Ordering::Equal) => return Ok(true),
            Some(_) => {}
            None => different = Some(other),
        }
    }
    match different {
        Some(other) => Err(incomparable(expr, (left, &item), (right, other))),
        // In an empty list there is nothing, but null is no question.
        None if item.is_null() => Err(incomparable(expr, (left, &item), (right, &list))),
        None => Ok(false),
    }
}

/// The order of two values of one type; none if they cannot be compared. True and false are
/// ordered too, which `<` never sees in literals and which no harm comes from.
fn order(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
        (Json::Bool(a), Json::Bool(b)) => Some(a.cmp(b)),
        (Json::Number(a), Json::Number(b)) => order_of_numbers(a, b),
        _ => None,
    }
}

/// Exact, or none: of two long ids that a float cannot tell apart nobody may say that they are
/// equal.
fn order_of_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (as_integer(a), as_integer(b)) {
        return Some(a.cmp(&b));
    }
    let (a, b) = (a.as_f64()?, b.as_f64()?);
    if is_exact(a) && is_exact(b) { a.partial_cmp(&b) } else { None }
}

fn as_integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Whether a float stands for one number only: below 2^53.
pub(super) fn is_exact(number: f64) -> bool {
    number.abs() < 9_007_199_254_740_992.0
}

fn incomparable(expr: &Expr, left: (&Expr, &Json), right: (&Expr, &Json)) -> ExpressionError {
    let [a, b] = [left, right].map(|(side, value)| match value {
        Json::Null => format!("`{side}` is missing (null)"),
        value => format!("`{side}` is {}", kind(value)),
    });
    let missing = [left, right].into_iter().find(|(_, value)| value.is_null());
    let advice = match missing {
        Some((side, _)) => format!("ask before: `{side} != null && ...`"),
        None => "values of one type can be compared, and numbers up to 2^53".into(),
    };
    error(expr, format!("{a}, {b}: {advice}"))
}

fn error(expr: &Expr, message: impl Into<String>) -> ExpressionError {
    ExpressionError::new(expr.at.0, message)
}

/// What a value is. Not the value itself: it goes into the log, and may be personal.
fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "missing (null)",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::expression::Expression;

    /// Claims, and texts under the names of parameters.
    struct Known(Json);

    impl Facts for Known {
        fn value(&self, name: &Name) -> Result<Cow<'_, Json>, String> {
            Ok(match name {
                Name::Claims(path) => {
                    let found = path.iter().try_fold(&self.0, |value, name| value.get(name));
                    Cow::Borrowed(found.unwrap_or(&Json::Null))
                }
                Name::Param(name) if name != "none" => Cow::Owned(json!(name)),
                Name::Header(_) => return Err("header `x` stands there more than once".into()),
                _ => Cow::Owned(Json::Null),
            })
        }
    }

    fn answer(text: &str) -> Result<bool, ExpressionError> {
        let facts = Known(json!({
            "sub": "a-1",
            "admin": true,
            "level": 3,
            "rate": 0.5,
            "big": 18_446_744_073_709_551_615_u64,
            "huge": 1e300,
            "roles": ["reader", "editor"],
            "mixed": ["reader", 5],
            "none": [],
            "role": "administrator",
            "nothing": null,
            "realm": { "name": "shop" },
        }));
        Expression::parse(text).unwrap().holds(&facts)
    }

    #[test]
    fn values_of_one_type_are_compared() {
        for text in [
            "claims.sub == \"a-1\"",
            "claims.sub != 'A-1'",
            "claims.realm.name == \"shop\"",
            "claims.admin",
            "claims.admin == true && !(claims.admin == false)",
            "claims.level == 3 && claims.level == 3.0 && claims.level > 2 && claims.level >= 3",
            "claims.rate < 1 && claims.rate <= 0.5 && -1 < claims.rate",
            "claims.big == 18446744073709551615 && claims.big > -1",
            "params.b > \"a\"",
            "\"reader\" in claims.roles",
            "!(\"admin\" in claims.roles)",
            "!(\"x\" in claims.none)",
            "\"reader\" in claims.mixed",
            "params.x in [\"x\", \"y\"]",
            "claims.sub in [params.a, \"a-1\"]",
            "lower(\"ÄB\") == \"äb\"",
            "startsWith(claims.sub, \"a-\") && endsWith(claims.sub, \"1\") && contains(\"abc\", \"b\")",
            "matches(claims.sub, \"a-*\") && !matches(claims.sub, \"*2\")",
        ] {
            assert_eq!(answer(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn null_is_asked_for_and_nothing_else() {
        for text in [
            "claims.x == null",
            "claims.nothing == null",
            "claims.x.y.z == null",
            "claims.sub.x == null",
            "null == params.none",
            "claims.sub != null",
            "!(claims.x != null)",
            "claims.x == null || claims.x == \"a\"",
            "!(claims.x != null && claims.x == \"a\")",
        ] {
            assert_eq!(answer(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_no_answer_and_neither_is_its_negation() {
        for (text, column, part) in [
            (
                "claims.x == \"a\"",
                10,
                "`claims.x` is missing (null), `\"a\"` is a text: ask before",
            ),
            ("claims.x != \"a\"", 10, "`claims.x != null && ...`"),
            ("!(claims.x == \"a\")", 12, "is missing"),
            ("claims.x == claims.y", 10, "`claims.x` is missing (null), `claims.y` is missing"),
            ("!(claims.x > 5)", 12, "is missing"),
            ("claims.level == \"3\"", 14, "`claims.level` is a number, `\"3\"` is a text"),
            ("!(claims.level == \"3\")", 16, "values of one type"),
            ("claims.role == true", 13, "is a text"),
            ("claims.roles == \"reader\"", 14, "`claims.roles` is a list"),
            ("claims.realm != \"shop\"", 14, "is a table"),
            ("claims.sub == claims.level", 12, "`claims.level` is a number"),
            ("\"admin\" in claims.role", 9, "`in` looks into a list, and `claims.role` is a text"),
            ("!(\"admin\" in claims.role)", 11, "is a text"),
            ("\"admin\" in claims.x", 9, "`claims.x` is missing (null)"),
            ("!(\"admin\" in claims.mixed)", 11, "`claims.mixed` is a number"),
            ("params.none in claims.none", 13, "is missing (null)"),
            ("\"name\" in claims.realm", 8, "is a table"),
            ("claims.sub", 1, "true or false is needed, and `claims.sub` is a text"),
            ("!claims.x", 2, "true or false is needed, and `claims.x` is missing (null)"),
            ("true && claims.level", 9, "is a number"),
            (
                "startsWith(claims.x, \"a\")",
                12,
                "a text is needed, and `claims.x` is missing (null)",
            ),
            ("!startsWith(claims.level, \"3\")", 13, "is a number"),
            ("headers.x == \"a\"", 1, "header `x` stands there more than once"),
            ("claims.huge == claims.huge", 13, "numbers up to 2^53"),
            ("claims.big == 0.5", 12, "numbers up to 2^53"),
        ] {
            let error = answer(text).unwrap_err();
            assert_eq!(error.column, column, "{text}: {}", error.message);
            assert!(error.message.contains(part), "{text}: {}", error.message);
        }
    }

    #[test]
    fn what_decides_ends_it() {
        assert_eq!(answer("false && claims.x == 5"), Ok(false));
        assert_eq!(answer("true || claims.x == 5"), Ok(true));
        assert_eq!(answer("claims.x != null && claims.x == 5"), Ok(false));
        assert!(answer("claims.x == 5 && false").is_err());
        assert!(answer("claims.x == 5 || true").is_err());
    }
}
