//! What goes where.

use super::{json, no_json, no_xml, options, path, typed, xml};
use crate::convert::{Convention, Duplicates, Infer, Limits, Nulls, Options, Type};

#[test]
fn xmltodict_is_the_default() {
    for (document, expected) in [
        ("<a>1</a>", r#"{"a":"1"}"#),
        ("<a> <b> x </b> </a>", r#"{"a":{"b":"x"}}"#),
        ("<a><b>1</b><b/><b>3</b></a>", r#"{"a":{"b":["1",null,"3"]}}"#),
        ("<a><b>1</b><c>2</c><b>3</b></a>", r#"{"a":{"b":["1","3"],"c":"2"}}"#),
        ("<a>x<b/>y<c/>z</a>", r##"{"a":{"b":null,"c":null,"#text":"xyz"}}"##),
        ("<a id='1'>x</a>", r##"{"a":{"@id":"1","#text":"x"}}"##),
        ("<a id=''/>", r#"{"a":{"@id":""}}"#),
        ("<a>1<!-- c -->2</a>", r#"{"a":"12"}"#),
        ("<a>&#32;x&#10;</a>", r#"{"a":"x"}"#),
        ("<a><![CDATA[<b/>]]>&amp;</a>", r#"{"a":"<b/>&"}"#),
        ("<a>\"\\\t/</a>", r#"{"a":"\"\\\t/"}"#),
    ] {
        assert_eq!(json(document, &options()), expected, "{document}");
    }
}

#[test]
fn white_space_and_comments_can_be_kept() {
    let kept = Options { trim: false, comments: true, ..options() };
    for (document, expected) in [
        ("<a> x </a>", r#"{"a":" x "}"#),
        ("<a>\n<b/></a>", r##"{"a":{"b":null,"#text":"\n"}}"##),
        (
            "<!-- 1 --><a><!--2--><b/><!--3\r\n--></a>",
            r##"{"#comment":" 1 ","a":{"#comment":["2","3\n"],"b":null}}"##,
        ),
    ] {
        assert_eq!(json(document, &kept), expected, "{document}");
    }
    assert_eq!(
        xml(r##"{"#comment":" 1 ","a":{"b":null,"#comment":["2","3"],"#text":"x"}}"##, &kept),
        "<!-- 1 --><a><b/><!--2--><!--3-->x</a>"
    );
    assert!(no_xml(r##"{"a":{"#comment":"a--b"}}"##, &kept).contains("`a.#comment`: a comment"));
    assert!(no_xml(r##"{"a":{"#comment":"b"}}"##, &options()).contains("not the name"));
}

#[test]
fn white_space_is_that_of_xml() {
    for (document, expected) in [
        ("<a>&#160;</a>", "{\"a\":\"\u{A0}\"}"),
        ("<a>\u{A0}</a>", "{\"a\":\"\u{A0}\"}"),
        ("<a> \u{3000}x\u{85}\t</a>", "{\"a\":\"\u{3000}x\u{85}\"}"),
        ("<a b='1'>\u{2003}</a>", "{\"a\":{\"@b\":\"1\",\"#text\":\"\u{2003}\"}}"),
        ("<a>\r\n\t &#13;</a>", "{\"a\":null}"),
    ] {
        assert_eq!(json(document, &options()), expected, "{document}");
    }
    let told = typed(&[("a", Type::Number), ("b", Type::Boolean)]);
    assert_eq!(json("<a>\n7\t</a>", &told), "{\"a\":7}");
    for document in ["<a>7\u{A0}</a>", "<a>&#x2003;</a>", "<b>\u{3000}true</b>"] {
        assert!(no_json(document, &told).contains("` is no "), "{document}");
    }
    let comments = Options { comments: true, ..options() };
    let comment = json("<a><!-- \u{A0} --></a>", &comments);
    assert_eq!(comment, "{\"a\":{\"#comment\":\"\u{A0}\"}}");
}

#[test]
fn badgerfish_has_objects_alone() {
    let badgerfish = Options::new(Convention::Badgerfish.shape());
    for (document, expected) in [
        ("<a/>", r#"{"a":{}}"#),
        ("<a>x</a>", r#"{"a":{"$":"x"}}"#),
        ("<a><b>1</b><b>2</b></a>", r#"{"a":{"b":[{"$":"1"},{"$":"2"}]}}"#),
        ("<a id='1'>x</a>", r#"{"a":{"@id":"1","$":"x"}}"#),
        ("<a id='1' xmlns='u' xmlns:v='w'/>", r#"{"a":{"@xmlns":{"$":"u","v":"w"},"@id":"1"}}"#),
    ] {
        let document_json = json(document, &badgerfish);
        assert_eq!(document_json, expected, "{document}");
        assert_eq!(json(&xml(&document_json, &badgerfish), &badgerfish), expected, "{document}");
    }
}

#[test]
fn parker_has_elements_alone() {
    let parker = Options { root: Some("r".into()), ..Options::new(Convention::Parker.shape()) };
    for (document, expected) in [
        ("<r/>", "null"),
        ("<r>x</r>", r#""x""#),
        ("<other><b c='1'>1</b><b>2</b>text</other>", r#"{"b":["1","2"]}"#),
    ] {
        assert_eq!(json(document, &parker), expected, "{document}");
    }
    assert_eq!(xml(r#"{"b":["1",2]}"#, &parker), "<r><b>1</b><b>2</b></r>");
    assert_eq!(xml("7", &parker), "<r>7</r>");
    assert!(no_xml(r#"{"@b":1}"#, &parker).contains("`r.@b`: not the name of an XML element"));
}

#[test]
fn arrays_are_arrays_even_with_one_element() {
    let arrays = ["a.b", "**.item"].map(|at| (path(at), ()));
    let options = Options { arrays: arrays.into_iter().collect(), ..options() };
    assert_eq!(json("<a><b/><c/></a>", &options), r#"{"a":{"b":[null],"c":null}}"#);
    assert_eq!(
        json("<x><y><item><item>1</item></item></y></x>", &options),
        r#"{"x":{"y":{"item":[{"item":["1"]}]}}}"#
    );
}

#[test]
fn types_are_told_and_kept() {
    let options = typed(&[
        ("a.n", Type::Number),
        ("a.i", Type::Integer),
        ("a.b", Type::Boolean),
        ("a.s", Type::String),
        ("**.@n", Type::Number),
    ]);
    for (document, expected) in [
        ("<a><n>1.10</n></a>", r#"{"a":{"n":1.10}}"#),
        ("<a><n> 1e400 </n></a>", r#"{"a":{"n":1e400}}"#),
        ("<a><n>12345678901234567890</n></a>", r#"{"a":{"n":12345678901234567890}}"#),
        ("<a><n>+007.50</n></a>", r#"{"a":{"n":7.50}}"#),
        ("<a><n/><i> </i><b/><s/></a>", r#"{"a":{"n":null,"i":null,"b":null,"s":""}}"#),
        ("<a><b>1</b><b>false</b></a>", r#"{"a":{"b":[true,false]}}"#),
        ("<a><n n='2'>1</n></a>", r##"{"a":{"n":{"@n":2,"#text":1}}}"##),
        ("<a><s>1</s><t>1</t></a>", r#"{"a":{"s":"1","t":"1"}}"#),
    ] {
        assert_eq!(json(document, &options), expected, "{document}");
    }
    for (document, why) in [
        ("<a><n>1,5</n></a>", "`a.n` is no number: \"1,5\""),
        ("<a><n>NaN</n></a>", "`a.n` is no number"),
        ("<a><i>1.0</i></a>", "`a.i` is no integer"),
        ("<a><b>yes</b></a>", "`a.b` is no boolean"),
        ("<x><y n='z'/></x>", "`x.y.@n` is no number"),
    ] {
        assert!(no_json(document, &options).contains(why), "{document}");
    }
}

#[test]
fn types_are_inferred_only_where_told() {
    let all = Infer { numbers: true, booleans: true };
    let document = "<a><b>1.10</b><b>007</b><b>true</b><b>1e5</b><b>+1</b><b>True</b><b/></a>";
    assert_eq!(
        json(document, &options()),
        r#"{"a":{"b":["1.10","007","true","1e5","+1","True",null]}}"#
    );
    assert_eq!(
        json(document, &Options { infer: all, ..options() }),
        r#"{"a":{"b":[1.10,"007",true,1e5,"+1","True",null]}}"#
    );
    let told = Options { infer: all, ..typed(&[("a.b", Type::String)]) };
    assert_eq!(json("<a><b>1</b></a>", &told), r#"{"a":{"b":"1"}}"#);
}

#[test]
fn a_root_can_be_left_out() {
    let rooted = Options { root: Some("order".into()), item: Some("item".into()), ..options() };
    assert_eq!(json("<order id='1'><b/></order>", &rooted), r#"{"@id":"1","b":null}"#);
    assert_eq!(json("<fault>x</fault>", &rooted), r#"{"fault":"x"}"#);
    assert_eq!(xml(r#"{"@id":1,"b":null}"#, &rooted), "<order id=\"1\"><b/></order>");
    assert_eq!(xml("null", &rooted), "<order/>");
    assert_eq!(xml("[1,[2]]", &rooted), "<order><item>1</item><item><item>2</item></item></order>");
    assert!(no_xml("[1]", &options()).contains("the document: XML needs a name for this"));
    for document in ["{}", r#"{"a":1,"b":2}"#, r#"{"a":[1,2]}"#, r#"{"a":[]}"#] {
        assert!(no_xml(document, &options()).contains("one element at the top"), "{document}");
    }
    assert_eq!(xml(r#"{"a":[1]}"#, &options()), "<a>1</a>");
}

#[test]
fn values_become_elements_and_attributes() {
    for (document, expected) in [
        (r##"{"a":{"b":[1,2],"@c":true,"#text":"x"}}"##, r#"<a c="true"><b>1</b><b>2</b>x</a>"#),
        (r#"{"a":{"@b":null,"c":null,"d":{},"e":""}}"#, r#"<a b=""><c/><d/><e/></a>"#),
        (r#"{"a":{"b":[]}}"#, "<a/>"),
        (r#"{"a":1.10}"#, "<a>1.10</a>"),
        (r#"{"a":-0.0e+1}"#, "<a>-0.0e+1</a>"),
        (r#"{"a":{"@b":"\"<&>'\t\n\r"}}"#, "<a b=\"&quot;&lt;&amp;&gt;'&#9;&#10;&#13;\"/>"),
        (r#"{"a":"]]>\t\r\n\u00e9\ud83d\ude00"}"#, "<a>]]&gt;\t&#13;\né😀</a>"),
        (r#"{"\u0061":{"\u0040b":1,"\u0023text":2}}"#, "<a b=\"1\">2</a>"),
        (r#"{"a":{"@xmlns":{"p":"u"},"p:b":1}}"#, "<a xmlns:p=\"u\"><p:b>1</p:b></a>"),
    ] {
        assert_eq!(xml(document, &options()), expected, "{document}");
    }
}

#[test]
fn what_xml_cannot_say_is_refused_with_its_place() {
    for (document, why) in [
        (r#"{"a":{"b c":1}}"#, "`a.b c`: not the name of an XML element"),
        (r#"{"a":{"b":{"@1":1}}}"#, "`a.b.@1`: not the name of an XML attribute"),
        (r#"{"a":{"":1}}"#, "not the name of an XML element"),
        (r#"{"a":{"b><c":1}}"#, "not the name of an XML element"),
        (r#"{"a":{"@b='1' c":1}}"#, "not the name of an XML attribute"),
        (r#"{"a":{"p:b":1}}"#, "`a.p:b`: the prefix `p` is not declared"),
        (r#"{"a":{"@p:b":1}}"#, "`a.@p:b`: the prefix `p` is not declared"),
        (r#"{"a":{"@xmlns:p":"","p:b":1}}"#, "`a.@xmlns:p`: a prefix cannot stand for no"),
        (r#"{"a":{"@xmlns:xml":"u"}}"#, "`a.@xmlns:xml`: the prefix `xml` has"),
        (r#"{"a":{"@xmlns:1":"u"}}"#, "`a.@xmlns:1`: not an XML name"),
        (r#"{"a":{"@xmlns":{"b":1},"@xmlns:b":1}}"#, "`a.@xmlns:b`: this attribute is there twice"),
        (
            r#"{"a":{"@xmlns:p":"u","@xmlns:q":"u","@p:x":1,"@q:x":2}}"#,
            "`a`: two attributes are one",
        ),
        (r#"{"a":"\u0000"}"#, "`a`: XML has no character U+0000"),
        (r#"{"a":{"@b":"\uffff"}}"#, "`a.@b`: XML has no character U+FFFF"),
        (r#"{"a":{"@b":[1]}}"#, "`a.@b`: text cannot be an array or object"),
        (r##"{"a":{"#text":{}}}"##, "`a.#text`: text cannot be an array or object"),
        (r#"{"a":{"b":[[1]]}}"#, "`a.b`: an array here needs a name for its items: set `item`"),
        (r#"{"a":{"b":1,"\u0062":2}}"#, "`a`: key \"b\" is there twice"),
        (
            r#"{"a":{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"0":1}}"#,
            "\"0\" is there",
        ),
        (r#"{"a":1,"a":2}"#, "one element at the top"),
    ] {
        let error = no_xml(document, &options());
        assert!(error.contains(why), "{document}: {error}");
    }
}

#[test]
fn keys_can_be_escaped() {
    let escape = Options { escape: true, ..options() };
    let document = r#"{"a b":{"@1":"x","p:q":"y","_x0041_":"z","c":"w"}}"#;
    let escaped = xml(document, &escape);
    assert_eq!(
        escaped,
        "<a_x0020_b _x0031_=\"x\"><p_x003A_q>y</p_x003A_q><_x005F_x0041_>z</_x005F_x0041_>\
         <c>w</c></a_x0020_b>"
    );
    assert_eq!(json(&escaped, &escape), document);
    assert!(no_xml(r#"{"":1}"#, &escape).contains("not the name"), "nothing escapes nothing");
}

#[test]
fn the_last_of_equal_keys_can_count() {
    let last = Options { duplicates: Duplicates::Last, ..options() };
    assert_eq!(xml(r#"{"a":{"@b":1,"c":2,"@b":3,"c":4}}"#, &last), "<a b=\"3\"><c>4</c></a>");
    let many: String = (0..20).map(|number| format!(r#""k{}":{number},"#, number % 10)).collect();
    let document = format!(r#"{{"a":{{{many}"z":null}}}}"#);
    assert!(xml(&document, &last).starts_with("<a><k0>10</k0><k1>11</k1>"));
}

#[test]
fn nulls_can_go() {
    let omit = Options { nulls: Nulls::Omit, ..options() };
    assert_eq!(xml(r##"{"a":{"@b":null,"c":null,"#text":null,"d":1}}"##, &omit), "<a><d>1</d></a>");
    assert_eq!(xml(r#"{"a":{"c":null}}"#, &omit), "<a/>");
    assert_eq!(xml(r#"{"a":null}"#, &omit), "<a/>", "a document has a root");
}

#[test]
fn the_limits_hold_for_json() {
    let limits = Limits { depth: 3, elements: 6, attributes: 1, name: 4, output: 80 };
    let options = Options { limits, ..options() };
    for (document, why) in [
        (r#"{"a":{"a":{"a":{}}}}"#, "more than 3 arrays and objects in one another"),
        (r#"{"a":{"b":[1,2,3,4]}}"#, "more than 6 values"),
        (r#"{"a":{"@b":1,"@c":2}}"#, "more than 1 attributes"),
        (r#"{"abcde":1}"#, "a name of more than 4 bytes"),
        (r#"{"a":"1234567890123456789012345678901234567890"}"#, "larger than `limits.output`"),
    ] {
        let error = no_xml(document, &options);
        assert!(error.contains(why), "{document}: {error}");
    }
    xml(r#"{"a":{"a":{"@b":1}}}"#, &options);
}
