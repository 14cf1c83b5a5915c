//! `api-key`: the hash of a key on the first line, `Authorization` on the second, the query on the rest.
//!
//! A key that was taken away is not found any more.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/api-key/src/hash.rs"]
mod hash;
#[path = "../../plugins/api-key/src/query.rs"]
mod query;
#[path = "../../plugins/api-key/src/source.rs"]
mod source;

use hash::{KeyHash, KeyId};
use libfuzzer_sys::fuzz_target;
use source::{BasicPart, Found, Source};
use torana_plugin_sdk::{fake::FakeHost, host::Host as _, settings::parse};

fuzz_target!(|data: &[u8]| {
    let lines: Vec<_> = data.splitn(3, |&byte| byte == b'\n').collect();
    let [hash, authorization, query] = lines[..] else { return };
    let hash = String::from_utf8_lossy(hash).into_owned();
    let hash = KeyHash::try_from(hash).unwrap_or(KeyHash::NOBODYS);
    assert!(!bool::from(hash.fits(authorization)), "nobody finds the key of a hash");
    let _ = KeyId::of(authorization);

    let header = parse::<Source>(r#"{"scheme":"ApiKey"}"#);
    let parameter = parse::<Source>(r#"{"query":"key"}"#);
    let (Ok(header), Ok(parameter)) = (header, parameter) else { panic!("these are sources") };
    for basic in [Source::Basic(BasicPart::User), Source::Basic(BasicPart::Password)] {
        let sources = [basic, header.clone(), parameter.clone()];
        let host = request(authorization, query);
        let Ok(Found::Key(_)) = source::find(&sources, &host.request()) else { continue };
        source::remove(&sources, &host).expect("all is granted");
        assert_eq!(source::find(&sources, &host.request()).ok(), Some(Found::Nothing));
    }
});

/// As a server hands it on: no control characters in a field, a target of one word.
fn request(authorization: &[u8], query: &[u8]) -> FakeHost {
    let field: Vec<u8> = authorization.iter().copied().filter(|&byte| byte >= b' ').collect();
    let query = String::from_utf8_lossy(query);
    let query: String =
        query.chars().filter(|c| !c.is_control() && !matches!(c, ' ' | '#')).collect();
    let host = FakeHost::get(&format!("/?{query}"));
    let host = host.with_header_bytes("authorization", &field);
    host.grant_read("authorization").grant_write("authorization")
}
