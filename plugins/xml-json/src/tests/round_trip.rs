//! There and back again.

use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value, json as value};

use super::{json, options, path, typed, xml};
use crate::{
    convert::{Convention, Options, Type},
    xml::{Kind, NodeId, Tree, chars},
};

/// Text that is not changed by trimming, of characters that XML has.
fn text() -> impl Strategy<Value = String> {
    "[a-z<>&\"'\\]é😀][a-z 0-9<>&\"'\n\t\r\\]é\u{FFFD}]{0,8}[a-z0-9;]"
}

/// What an attribute can be: anything.
fn attribute() -> impl Strategy<Value = String> {
    "[a-z <>&\"'\n\t\r\u{A0}]{0,6}"
}

fn number() -> impl Strategy<Value = Value> {
    // As serde_json reads and writes them alike.
    prop_oneof![any::<i64>().prop_map(|number| value!(number)), Just(value!(1.5))]
}

/// The documented subset: no empty strings, objects and arrays but where `types` and `arrays` know.
fn element() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![2 => text().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let several = collection::vec(inner.clone(), 2..4).prop_map(Value::from);
        let member = prop_oneof![3 => inner.clone(), 1 => several];
        let members = (
            collection::btree_map("[a-c]", member, 0..3),
            collection::btree_map("@[a-c]", attribute().prop_map(Value::from), 0..3),
            proptest::option::of(collection::vec(inner, 1..3)),
            proptest::option::of(number()),
            proptest::option::of(any::<bool>()),
            proptest::option::of("[a-z]{0,2}"),
            proptest::option::of(text()),
        );
        let object = members.prop_map(|(elements, attributes, list, number, flag, note, text)| {
            let mut object: Map<String, Value> = attributes.into_iter().chain(elements).collect();
            object.extend(list.map(|list| ("list".to_owned(), list.into())));
            object.extend(number.map(|number| ("number".to_owned(), number)));
            object.extend(flag.map(|flag| ("flag".to_owned(), flag.into())));
            object.extend(note.map(|note| ("note".to_owned(), note.into())));
            if !object.is_empty() {
                object.extend(text.map(|text| ("#text".to_owned(), text.into())));
            }
            object
        });
        object.prop_filter_map("an empty object is null", |object| {
            (!object.is_empty()).then_some(Value::Object(object))
        })
    })
}

fn told() -> Options {
    let types =
        [("**.number", Type::Number), ("**.flag", Type::Boolean), ("**.note", Type::String)];
    Options { arrays: [(path("**.list"), ())].into_iter().collect(), ..typed(&types) }
}

/// Documents of XML, with all that is lost in JSON: order, comments, white space.
fn document() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        text()
            .prop_map(|text| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")),
        Just("<![CDATA[<&>]]>".to_owned()),
        Just("<!-- c -->".to_owned()),
        Just("\n  ".to_owned()),
        Just("&#x20;&#65;".to_owned()),
    ];
    let name = sample::select(vec!["a", "b", "p:c", "名"]);
    let attributes = sample::subsequence(vec![" x='1'", " p:y=\" &lt; \"", " z='&#10;\t'"], 0..=3);
    let leaf = piece.prop_map(|piece| vec![piece]);
    let content = leaf.prop_recursive(4, 40, 5, move |inner| {
        let element = (name.clone(), attributes.clone(), collection::vec(inner, 0..4));
        element.prop_map(|(name, attributes, content)| {
            let content = content.concat().concat();
            vec![format!("<{name}{}>{content}</{name} >", attributes.concat())]
        })
    });
    collection::vec(content, 0..5).prop_map(|content| {
        format!("<!-- d --><r xmlns:p='urn:p'>{}</r>\n", content.concat().concat())
    })
}

/// A document without what is lost in JSON.
fn canonical(document: &str) -> String {
    let options = options();
    let tree = Tree::read(document, options.reading(true)).expect("well-formed");
    let mut out = String::new();
    canonical_element(&tree, tree.root(), &mut out);
    out
}

fn canonical_element(tree: &Tree<'_>, id: NodeId, out: &mut String) {
    let attributes = tree.children(id).filter(|(_, node)| node.kind == Kind::Attribute);
    let attributes = attributes.map(|(_, node)| (tree.key(node).to_owned(), tree.value(node)));
    let mut attributes: Vec<_> = attributes.collect();
    attributes.sort();
    let text = chars::trimmed(tree.text(id, &mut String::new())).to_owned();
    out.push_str(&format!("<{} {attributes:?} {text:?}>", tree.key(tree.node(id))));
    let mut elements: Vec<_> = tree.elements(id).collect();
    elements.sort_by_key(|(_, node)| tree.key(node));
    for (id, _) in elements {
        canonical_element(tree, id, out);
    }
    out.push_str("</>");
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn json_to_xml_to_json_is_the_identity(element in element()) {
        let document = value!({ "root": element });
        let there = xml(&document.to_string(), &told());
        prop_assert_eq!(parsed(&json(&there, &told())), document, "{}", there);
    }

    #[test]
    fn xml_to_json_to_xml_loses_order_and_comments_alone(document in document()) {
        for shape in [Convention::Xmltodict.shape(), Convention::Badgerfish.shape()] {
            let options = Options::new(shape);
            let back = xml(&json(&document, &options), &options);
            prop_assert_eq!(canonical(&back), canonical(&document), "{}", back);
        }
    }
}
