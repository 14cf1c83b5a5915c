//! Templates: one on the first line, a value on the rest.
//!
//! A value is put where its name stands, as it is: what it holds is never read as a template.

#![no_main]

use std::convert::Infallible;

use libfuzzer_sys::fuzz_target;
use template::{Piece, Template};
use torana_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    let Some([text, value]) = lines(data) else { return };
    let braces = value.replace('{', "{{").replace('}', "}}");
    let escaped: Template = Template::parse(&braces).expect("text alone");
    assert_eq!(rendered(&escaped, ""), value);
    match Template::parse(text) {
        Ok(template) => {
            let pieces = template.pieces().iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Value { .. } => value,
            });
            assert_eq!(rendered(&template, value), pieces.collect::<String>());
        }
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}"),
    }
});

fn rendered(template: &Template, value: &str) -> String {
    let Ok(text) = template.render(|_| Ok::<_, Infallible>(Some(value.to_owned())));
    text.expect("there is a value")
}
