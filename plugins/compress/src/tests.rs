//! The cases, and what they cannot say.

use std::io::Read as _;

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use crate::{Compress, settings::Settings};

#[test]
fn cases() {
    torana_plugin_sdk::cases::run_decoding::<Compress>("cases", decoded);
}

/// What a client reads; none if it is not whole, or more follows.
pub(crate) fn decoded(coding: &str, encoded: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    match coding {
        "br" => {
            let mut rest = encoded;
            brotli::BrotliDecompress(&mut rest, &mut body).ok()?;
            rest.is_empty().then_some(body)
        }
        "gzip" => {
            let mut decoder = flate2::bufread::GzDecoder::new(encoded);
            decoder.read_to_end(&mut body).ok()?;
            decoder.into_inner().is_empty().then_some(body)
        }
        _ => None,
    }
}

/// What a client reads of a body that goes on.
pub(crate) fn decoded_part(coding: &str, encoded: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    // Both end with an error, for the end is missing; what came before it is there.
    let read = match coding {
        "br" => brotli::Decompressor::new(encoded, 4096).read_to_end(&mut body),
        _ => flate2::read::GzDecoder::new(encoded).read_to_end(&mut body),
    };
    assert!(read.is_err(), "{coding}: the body goes on");
    body
}

fn compress() -> Compress {
    Compress::new(Settings::default()).expect("good settings")
}

/// A client that accepts Brotli, and a page with more headers.
fn host(headers: &[(&str, &str)]) -> FakeHost {
    let page = Reply::empty(200).header("content-type", "text/html");
    let page = headers.iter().fold(page, |page, (name, value)| page.header(*name, *value));
    FakeHost::get("/").with_header("accept-encoding", "br").with_response(page)
}

fn is_compressed(host: &FakeHost) -> bool {
    compress().on_response_stream(host).expect("an answer").is_some()
}

#[test]
fn a_body_of_unknown_length_is_sent_on_at_once() {
    let first_part = |headers| {
        let mut transform = compress().on_response_stream(&host(headers)).unwrap().unwrap();
        decoded_part("br", &transform.chunk(b"the first part".to_vec()).unwrap())
    };
    assert_eq!(first_part(&[]), b"the first part");
    assert_eq!(first_part(&[("content-length", "5000")]), b"", "the rest is on its way");
}

#[test]
fn a_failure_after_the_end_is_no_panic() {
    let mut transform = compress().on_response_stream(&host(&[])).unwrap().unwrap();
    transform.finish().unwrap();
    assert!(transform.chunk(Vec::new()).is_err() && transform.finish().is_err());
}

#[test]
fn what_is_no_text_is_not_taken_for_nothing() {
    let host = FakeHost::get("/")
        .with_header_bytes("accept-encoding", b"br\xff")
        .with_response(Reply::empty(200).header("content-type", "text/html"));
    assert!(!is_compressed(&host), "a client that accepts nobody knows what");
    assert_eq!(host.answered_header("vary"), ["Accept-Encoding"]);
}
