//! Which keywords have schemas in them.

use super::Draft;

/// How schemas stand in a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Schema,
    List,
    SchemaOrList,
    Table,
}

/// Those of one keyword, in one draft.
pub(super) fn inside(keyword: &str, draft: Draft) -> Option<Inside> {
    let (since, until, inside) = match keyword {
        "not" | "additionalProperties" => (Draft::Four, Draft::Of2020, Inside::Schema),
        "allOf" | "anyOf" | "oneOf" => (Draft::Four, Draft::Of2020, Inside::List),
        // `definitions` and `dependencies` of old are kept in new drafts by most, and harm nobody.
        "properties" | "patternProperties" | "definitions" | "dependencies" => {
            (Draft::Four, Draft::Of2020, Inside::Table)
        }
        "items" if draft == Draft::Of2020 => (Draft::Of2020, Draft::Of2020, Inside::Schema),
        "items" => (Draft::Four, Draft::Of2019, Inside::SchemaOrList),
        "additionalItems" => (Draft::Four, Draft::Of2019, Inside::Schema),
        "contains" | "propertyNames" => (Draft::Six, Draft::Of2020, Inside::Schema),
        "if" | "then" | "else" => (Draft::Seven, Draft::Of2020, Inside::Schema),
        "dependentSchemas" | "$defs" => (Draft::Of2019, Draft::Of2020, Inside::Table),
        "unevaluatedItems" | "unevaluatedProperties" | "contentSchema" => {
            (Draft::Of2019, Draft::Of2020, Inside::Schema)
        }
        "prefixItems" => (Draft::Of2020, Draft::Of2020, Inside::List),
        _ => return None,
    };
    (since..=until).contains(&draft).then_some(inside)
}
