//! `jwt-auth`: a token as clients send it.
//!
//! A token has one spelling, and what is signed is a part of it as it came.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/jwt-auth/src/algorithm.rs"]
mod algorithm;
#[path = "../../plugins/jwt-auth/src/json.rs"]
mod json;
#[path = "../../plugins/jwt-auth/src/token.rs"]
mod token;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use token::{LastHeader, Token};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Base64 is far to go for chance, so that the parts are given decoded as well.
    let parts = text.splitn(3, '\n').map(|part| URL_SAFE_NO_PAD.encode(part));
    let headers = LastHeader::default();
    for text in [text.to_owned(), parts.collect::<Vec<_>>().join(".")] {
        // With the header of the one before remembered, and then with its own.
        for _ in 0..2 {
            read(&text, &headers);
        }
    }
    let _ = token::quoted(text);
});

fn read(text: &str, headers: &LastHeader) {
    let parsed = Token::parse(text, headers);
    assert_eq!(parsed.is_ok(), Token::parse(text, &LastHeader::default()).is_ok());
    let Ok(token) = parsed else { return };
    let signature = URL_SAFE_NO_PAD.encode(&token.signature);
    assert_eq!(format!("{}.{signature}", token.message), text);
    assert!(!token.signature.is_empty());
    if let Ok((claims, text)) = token.claims() {
        assert_eq!(json::parse_object(&text).as_ref(), Ok(&claims), "they are what the text says");
        let written = serde_json::to_vec(&claims).expect("JSON");
        // (Not by their values: of a fraction with many digits the last one may be another.)
        let again = json::parse_object(&written).expect("what is written is read");
        assert!(again.keys().eq(claims.keys()));
    }
}
