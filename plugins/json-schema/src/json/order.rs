//! An order of all values, so that equal ones can be found by sorting: `uniqueItems` of a long list would else
//! take its square.

use std::cmp::Ordering;

use super::{Decimal, Object, Value};

/// Equal if, and only if, the values are equal.
pub(super) fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => Decimal::parse(a).cmp(&Decimal::parse(b)),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => compare_items(a, b),
        (Value::Object(a), Value::Object(b)) => compare_members(a, b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn compare_items(a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    let mut pairs = a.iter().zip(b).map(|(a, b)| compare(a, b));
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn compare_members(a: &Object<'_>, b: &Object<'_>) -> Ordering {
    let mut pairs = a.iter().zip(b.iter());
    let differ = pairs.find_map(|(a, b)| {
        let order = a.0.cmp(b.0).then_with(|| compare(a.1, b.1));
        order.is_ne().then_some(order)
    });
    differ.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn rank(value: &Value<'_>) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// The places of two items that are equal.
pub(crate) fn twins(items: &[Value<'_>]) -> Option<(usize, usize)> {
    twins_by(items, compare)
}

fn twins_by(
    items: &[Value<'_>],
    mut compare: impl FnMut(&Value<'_>, &Value<'_>) -> Ordering,
) -> Option<(usize, usize)> {
    let mut places: Vec<_> = (0..items.len()).collect();
    places.sort_by(|&a, &b| compare(&items[a], &items[b]));
    let pair = places.windows(2).find(|pair| compare(&items[pair[0]], &items[pair[1]]).is_eq())?;
    Some((pair[0].min(pair[1]), pair[0].max(pair[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorting twenty thousand takes fifteen rounds or so. To hold each against each other takes ten thousand.
    #[test]
    fn equal_items_are_found_by_sorting() {
        let mixed = (0..20_000).map(|number| number * 7_919 % 20_000);
        let mut items: Vec<_> =
            mixed.map(|number| Value::Number(number.to_string().into())).collect();
        let mut compared = 0;
        let mut found = |items: &[Value<'_>]| {
            twins_by(items, |a, b| {
                compared += 1;
                compare(a, b)
            })
        };
        assert_eq!(found(&items), None);
        items.push(Value::Number("0.0".into()));
        assert_eq!(found(&items), Some((0, 20_000)));
        assert!(compared < 2 * 20 * 20_000, "{compared}");
    }
}
