//! Where a part of the configuration that a case stands for is in the case.

use toml_edit::{Document, Item, TableLike, Value};

use crate::config::Span;

/// The span in the case of what has this span in the configuration that was made of it, below a table of its own.
/// The nearest around it for what was not in the case, and none for what has nothing there.
pub(super) fn in_case(made: (&str, Option<Span>), below: &[&str], case: &str) -> Option<Span> {
    let (text, at) = (made.0, made.1?.start);
    let document = Document::parse(text).ok()?;
    let mut way = Vec::new();
    let is_key = lead(document.as_table(), at, &mut way);
    let is_below = |step: (&Step, &&str)| matches!(step.0, Step::Key(key) if key == step.1);
    if way.len() <= below.len() || !way.iter().zip(below).all(is_below) {
        return None;
    }
    let document = Document::parse(case).ok()?;
    find(document.as_table(), &way[below.len()..], is_key)
}

/// One step on the way to a value.
enum Step {
    Key(String),
    Index(usize),
}

/// Notes the way to what stands at a place; whether that is the key at its end.
fn lead(table: &dyn TableLike, at: usize, way: &mut Vec<Step>) -> bool {
    for (name, item) in table.iter() {
        let is_key =
            table.key(name).and_then(|key| key.span()).is_some_and(|span| span.contains(&at));
        if is_key || item.span().is_some_and(|span| span.contains(&at)) {
            way.push(Step::Key(name.to_owned()));
            return is_key || lead_into(item, at, way);
        }
    }
    false
}

fn lead_into(item: &Item, at: usize, way: &mut Vec<Step>) -> bool {
    if let Some(table) = item.as_table_like() {
        return lead(table, at, way);
    }
    let values = item.as_array().into_iter().flatten().enumerate();
    for (index, value) in values {
        if value.span().is_some_and(|span| span.contains(&at)) {
            way.push(Step::Index(index));
            return value.as_inline_table().is_some_and(|table| lead(table, at, way));
        }
    }
    false
}

/// As far as the way leads: the span of its last step that has one.
fn find(table: &dyn TableLike, way: &[Step], is_key: bool) -> Option<Span> {
    let (Step::Key(name), rest) = way.split_first()? else { return None };
    let item = table.get(name)?;
    let key = table.key(name).and_then(|key| key.span());
    if rest.is_empty() && is_key {
        return key.map(Span::from);
    }
    let deeper = match (item.as_table_like(), rest) {
        (Some(table), rest) => find(table, rest, is_key),
        (None, [Step::Index(index), rest @ ..]) => find_in(item, *index, rest, is_key),
        (None, _) => None,
    };
    deeper.or_else(|| item.span().or(key).map(Span::from))
}

fn find_in(item: &Item, index: usize, way: &[Step], is_key: bool) -> Option<Span> {
    let value = match item {
        // `[[config.rules]]`
        Item::ArrayOfTables(tables) => return find(tables.get(index)?, way, is_key),
        item => item.as_array()?.get(index)?,
    };
    let deeper = value.as_inline_table().and_then(|table| find(table, way, is_key));
    deeper.or_else(|| Value::span(value).map(Span::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_however_the_case_has_it() {
        let made = "plugins = { p = { config = { a = [1, { b = 2 }] }, grants = { kv = true, fetch = [] } } }";
        let found = |part: &str, case: &'static str| {
            let start = made.find(part).unwrap();
            let span = Span { start, end: start + 1 };
            in_case((made, Some(span)), &["plugins", "p"], case)
                .map(|Span { start, end }| &case[start..end])
        };
        for case in [
            "config = { a = [1, { b = 3 }] }",
            "config.a = [1, { b = 3 }]",
            "[config]\na = [1, { b = 3 }]",
        ] {
            assert_eq!(found("2 }", case), Some("3"), "{case}");
            assert_eq!(found("b =", case), Some("b"), "{case}");
            assert_eq!(found("1,", case), Some("1"), "{case}");
        }
        assert_eq!(found("2 }", "[[config.a]]\nb = 4\n[[config.a]]\nb = 3"), Some("3"));
        assert_eq!(found("true", "grants.kv = 1"), Some("1"));
        assert_eq!(found("[] }", "grants.kv = 1"), Some("grants"), "the nearest that is there");
        assert_eq!(found("[] }", "config.a = 1"), None, "it was added");
        assert_eq!(found("p =", "grants.kv = 1"), None);
    }
}
