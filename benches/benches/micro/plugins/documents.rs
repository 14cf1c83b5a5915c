//! Documents of records, of a given size.

use std::fmt::Write as _;

/// What they are measured with: name and bytes.
pub(super) const SIZES: [(&str, usize); 3] = [("1KB", 1_000), ("64KB", 64_000), ("1MB", 1_000_000)];

/// Orders, in XML.
pub(super) fn orders_xml(size: usize) -> String {
    let tail = "</orders>";
    let mut text = String::from(r#"<?xml version="1.0" encoding="UTF-8"?><orders>"#);
    grow(&mut text, size - tail.len(), |text, i| {
        let _ = write!(
            text,
            "<order id=\"{i}\" paid=\"true\"><customer>Miller &amp; Sons</customer>\
             <line><code>A-{i:05}</code><sum>1{}.10</sum></line>\
             <line><code>B-{i:05}</code><sum>2{}.75</sum></line>\
             <note>Leave it at the back door</note></order>",
            i % 10,
            i % 7
        );
    });
    text + tail
}

/// The same in JSON, as the XML is translated.
pub(super) fn orders_json(size: usize) -> String {
    let tail = "]}}";
    let mut text = String::from(r#"{"orders":{"order":["#);
    grow(&mut text, size - tail.len(), |text, i| {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(
            text,
            r#"{comma}{{"@id":"{i}","@paid":true,"customer":"Miller & Sons","line":[{{"code":"A-{i:05}","sum":1{}.10}},{{"code":"B-{i:05}","sum":2{}.75}}],"note":"Leave it at the back door"}}"#,
            i % 10,
            i % 7
        );
    });
    text + tail
}

/// A list of products, as a shop's backend has them.
pub(super) fn products(size: usize) -> String {
    let tail = r#"],"total":4711}"#;
    let mut text = String::from(r#"{"items":["#);
    grow(&mut text, size - tail.len(), |text, i| {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(
            text,
            r#"{comma}{{"id":{i},"name":"Desk lamp {i}","description":"A lamp of \"brushed\" steel.","price":{{"amount":{}.90,"currency":"EUR"}},"stock":{},"images":[{{"url":"/i/{i}-1.jpg","width":640}},{{"url":"/i/{i}-2.jpg","width":640}}],"tags":["lamp","desk"]}}"#,
            i % 90 + 10,
            i % 5
        );
    });
    text + tail
}

/// Adds records as long as they fit, one at least.
fn grow(text: &mut String, size: usize, record: impl Fn(&mut String, usize)) {
    for i in 0.. {
        let before = text.len();
        record(text, i);
        if text.len() > size && i > 0 {
            text.truncate(before);
            return;
        }
    }
}
