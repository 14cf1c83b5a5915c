//! What the cases do not show of single keywords; the official suite has the rest.

use super::{Report, validate};
use crate::{
    json,
    schema::{Documents, Draft, Options, compile},
};

/// Whether a document fits a schema, and where it does not.
fn held(draft: Draft, schema: &str, document: &str) -> Result<Vec<String>, String> {
    let mut documents = Documents::new(draft);
    documents.add("?test", json::read(schema, 64).unwrap().into_owned());
    let root = documents.root(0);
    let compiled = compile(&mut documents, &[root], Options { formats: true });
    let (set, roots) = compiled.map_err(|faults| faults[0].message.clone())?;
    let value = json::read(document, 64).unwrap();
    let mut report = Report::of(10);
    let fits = validate(&set, roots[0], &value, &mut report).map_err(|_| "endless".to_owned())?;
    let quiet = validate(&set, roots[0], &value, &mut Report::of(0)).unwrap();
    assert_eq!((fits, fits), (quiet, report.found.is_empty()), "a report changes nothing");
    Ok(report.found.iter().map(|one| format!("{} {}", one.pointer, one.schema)).collect())
}

fn wrong(schema: &str, document: &str) -> Vec<String> {
    held(Draft::Of2020, schema, document).unwrap()
}

#[test]
fn a_mismatch_has_the_place_of_its_keyword() {
    let tree = r##"{"$defs":{"node":{"required":["v"],"properties":{"next":{"$ref":"#/$defs/node"}}}},"$ref":"#/$defs/node"}"##;
    assert_eq!(
        wrong(tree, r#"{"v":1,"next":{"v":1,"next":{}}}"#),
        ["/next/next #/$defs/node/required"]
    );
    assert_eq!(wrong(r#"{"items":false}"#, "[1]"), ["/0 #/items"]);
    assert_eq!(wrong(r#"{"anyOf":[{"type":"null"},{"minimum":3}]}"#, "2"), [" #/anyOf"]);
    // Of one alone it can be told what is wrong.
    assert_eq!(wrong(r#"{"anyOf":[{"minimum":3}]}"#, "2"), [" #/anyOf/0/minimum"]);
}

#[test]
fn what_others_have_looked_at_is_not_unevaluated() {
    let schema = r#"{"allOf":[{"properties":{"a":true}}],"if":{"required":["b"]},
        "then":{"properties":{"b":true}},"unevaluatedProperties":false}"#;
    assert!(wrong(schema, r#"{"a":1,"b":2}"#).is_empty());
    assert_eq!(wrong(schema, r#"{"a":1,"c":2}"#), ["/c #/unevaluatedProperties"]);
    let schema = r#"{"prefixItems":[true],"contains":{"type":"null"},"unevaluatedItems":false}"#;
    assert_eq!(wrong(schema, "[1,null,2]"), ["/2 #/unevaluatedItems"]);
}

#[test]
fn drafts_differ() {
    let fits =
        |draft, schema: &str, document: &str| held(draft, schema, document).unwrap().is_empty();
    assert!(!fits(Draft::Four, r#"{"type":"integer"}"#, "1.0"));
    assert!(fits(Draft::Six, r#"{"type":"integer"}"#, "1.0"));
    assert!(!fits(Draft::Four, r#"{"minimum":1,"exclusiveMinimum":true}"#, "1"));
    // Beside a `$ref` nothing counts, in old drafts.
    let beside = r##"{"definitions":{"a":true},"$ref":"#/definitions/a","maximum":1}"##;
    assert!(fits(Draft::Seven, beside, "2"));
    assert!(!fits(Draft::Of2019, beside, "2"));
    let own = r#"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"null"}]}"#;
    assert!(!fits(Draft::Of2020, own, "[1]"));
}

#[test]
fn equal_items_are_no_matter_of_how_they_are_written() {
    let schema = r#"{"uniqueItems":true}"#;
    assert!(wrong(schema, r#"[1,"1",true,[1],{"a":1},{"b":1}]"#).is_empty());
    assert_eq!(wrong(schema, "[1,2,1.0]"), [" #/uniqueItems"]);
    assert_eq!(wrong(schema, r#"[{"a":1,"b":2},{"b":2,"a":1}]"#), [" #/uniqueItems"]);
}

#[test]
fn places_in_schemas_are_fragments() {
    let schema = r#"{"patternProperties":{"^[A-Z] %$":false}}"#;
    assert_eq!(wrong(schema, r#"{"A %":1}"#), ["/A % #/patternProperties/%5E%5BA-Z%5D%20%25$"]);
}

#[test]
fn what_has_no_end_is_told() {
    let circle = held(Draft::Of2020, r##"{"not":{"$ref":"#"}}"##, "1").unwrap_err();
    assert!(circle.contains("without end"), "{circle}");
    // Where a dynamic reference leads is known when it is followed.
    let dynamic = r##"{"$dynamicAnchor":"a","$dynamicRef":"#a"}"##;
    assert_eq!(held(Draft::Of2020, dynamic, "1").unwrap_err(), "endless");
}

/// Linear in the text: an engine that goes back would take for ever over these.
#[test]
fn no_text_makes_an_expression_run_away() {
    let text = format!("\"{}!\"", "a".repeat(50_000));
    assert_eq!(wrong(r#"{"pattern":"^(a+)+$"}"#, &text), [" #/pattern"]);
    assert_eq!(wrong(r#"{"pattern":"^(a|a|aa)*$"}"#, &text), [" #/pattern"]);
}

#[test]
fn long_names_are_cut() {
    let document = format!("{{\"{}\":1}}", "é".repeat(1000));
    let found = wrong(r#"{"additionalProperties":false}"#, &document);
    assert!(found[0].len() < 300 && found[0].contains("é... #/"), "{found:?}");
}
