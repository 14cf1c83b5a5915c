//! The host itself, through the component's imports.
//!
//! Each interface has a type of its own, though there is nothing in any of them: request and
//! response have functions of the same names.

use std::fmt::Display;

use super::*;
use crate::{Refused, bindings::capabilities as wit};

/// The gateway that runs this component. Outside of one its functions abort: logic takes
/// `&impl Host`, so that tests can give it a `FakeHost`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealHost;

struct RealLog;
struct RealClock;
struct RealRandom;
struct RealMetrics;
struct RealRequest;
struct RealRequestEdit;
struct RealRequestBody;
struct RealRequestBodyEdit;
struct RealResponse;
struct RealResponseEdit;
struct RealResponseAhead;
struct RealResponseBody;
struct RealResponseBodyEdit;
struct RealAttributes;
struct RealKv;
struct RealRateLimit;
struct RealFetch;
struct RealCrypto;
struct RealSecrets;

impl Host for RealHost {
    fn log(&self) -> impl Log {
        RealLog
    }
    fn clock(&self) -> impl Clock {
        RealClock
    }
    fn random(&self) -> impl Random {
        RealRandom
    }
    fn metrics(&self) -> impl Metrics {
        RealMetrics
    }
    fn request(&self) -> impl Request {
        RealRequest
    }
    fn response(&self) -> impl Response {
        RealResponse
    }
    fn attributes(&self) -> impl Attributes {
        RealAttributes
    }
    fn request_edit(&self) -> impl RequestEdit {
        RealRequestEdit
    }
    fn response_edit(&self) -> impl ResponseEdit {
        RealResponseEdit
    }
    fn response_ahead(&self) -> impl ResponseAhead {
        RealResponseAhead
    }
    fn request_body(&self) -> impl ReadBody {
        RealRequestBody
    }
    fn request_body_edit(&self) -> impl EditBody {
        RealRequestBodyEdit
    }
    fn response_body(&self) -> impl ReadBody {
        RealResponseBody
    }
    fn response_body_edit(&self) -> impl EditBody {
        RealResponseBodyEdit
    }
    fn kv(&self) -> impl Kv {
        RealKv
    }
    fn rate_limit(&self) -> impl RateLimit {
        RealRateLimit
    }
    fn fetch(&self) -> impl Fetch {
        RealFetch
    }
    fn crypto(&self) -> impl Crypto {
        RealCrypto
    }
    fn secrets(&self) -> impl Secrets {
        RealSecrets
    }
}

impl Setup for RealHost {
    fn every_request(&self) -> impl EditHeaders {
        RealRequestEdit
    }
    fn every_response(&self) -> impl ResponseAhead {
        RealResponseAhead
    }
    fn call_only_for(
        &self,
        headers: &[&str],
        methods: &[&str],
    ) -> Result<(), Refused<HeaderError>> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let requests =
            wit::hook_needs::Requests { headers: owned(headers), methods: owned(methods) };
        wit::hook_needs::only_for(&requests)
            .map_err(|why| Refused::new(setup::refused_name(headers, methods, &why), why))
    }
    fn reads_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        wit::hook_needs::reads_header(name, &setup::keys(path));
    }
    fn writes_header<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        wit::hook_needs::writes_header(name, &setup::keys(path));
    }
    fn chooses_upstream<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        wit::hook_needs::chooses_upstream(name, &setup::keys(path));
    }
    fn needs_param<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        wit::hook_needs::needs_param(name, &setup::keys(path));
    }
    fn reads_param<S: Display>(&self, name: &str, path: impl IntoIterator<Item = S>) {
        wit::hook_needs::reads_param(name, &setup::keys(path));
    }
}

impl Log for RealLog {
    fn write(&self, level: Level, message: &str) {
        wit::log::write(level, message);
    }
    fn enabled(&self, level: Level) -> bool {
        wit::log::enabled(level)
    }
}

impl Clock for RealClock {
    fn unix_millis(&self) -> u64 {
        wit::clock::unix_millis()
    }
    fn monotonic_nanos(&self) -> u64 {
        wit::clock::monotonic_nanos()
    }
}

impl Random for RealRandom {
    fn bytes(&self, length: u32) -> Vec<u8> {
        wit::random::bytes(length)
    }
    fn number(&self) -> u32 {
        wit::random::number()
    }
}

impl Metrics for RealMetrics {
    fn count(&self, name: &str, by: u64) {
        wit::metrics::count(name, by);
    }
    fn gauge(&self, name: &str, value: f64) {
        wit::metrics::gauge(name, value);
    }
}

/// The functions that requests and responses have in common.
macro_rules! headers {
    ($real:ident reads $module:ident) => {
        impl ReadHeaders for $real {
            fn header(&self, name: &str) -> Result<Option<String>, Refused<HeaderError>> {
                wit::$module::header(name).map_err(|why| Refused::new(name, why))
            }
            fn header_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Refused<HeaderError>> {
                wit::$module::header_bytes(name).map_err(|why| Refused::new(name, why))
            }
            fn header_values(&self, name: &str) -> Result<Vec<String>, Refused<HeaderError>> {
                wit::$module::header_values(name).map_err(|why| Refused::new(name, why))
            }
            fn header_names(&self) -> Vec<String> {
                wit::$module::header_names()
            }
        }
    };
    ($real:ident edits $module:ident) => {
        impl EditHeaders for $real {
            fn set_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
                wit::$module::set_header(name, value).map_err(|why| Refused::new(name, why))
            }
            fn set_header_bytes(&self, name: &str, value: &[u8]) -> Result<(), Refused<EditError>> {
                wit::$module::set_header_bytes(name, value).map_err(|why| Refused::new(name, why))
            }
            fn add_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>> {
                wit::$module::add_header(name, value).map_err(|why| Refused::new(name, why))
            }
            fn remove_header(&self, name: &str) -> Result<(), Refused<EditError>> {
                wit::$module::remove_header(name).map_err(|why| Refused::new(name, why))
            }
        }
    };
}

headers!(RealRequest reads request);
headers!(RealResponse reads response);
headers!(RealRequestEdit edits request_edit);
headers!(RealResponseEdit edits response_edit);

impl Request for RealRequest {
    fn method(&self) -> String {
        wit::request::method()
    }
    fn scheme(&self) -> String {
        wit::request::scheme()
    }
    fn authority(&self) -> String {
        wit::request::authority()
    }
    fn path(&self) -> String {
        wit::request::path()
    }
    fn query(&self) -> Option<String> {
        wit::request::query()
    }
    fn query_values(&self, name: &str) -> Vec<String> {
        wit::request::query_values(name)
    }
    fn param(&self, name: &str) -> Option<String> {
        wit::request::param(name)
    }
    fn version(&self) -> String {
        wit::request::version()
    }
    fn client_address(&self) -> String {
        wit::request::client_address()
    }
    fn tls(&self) -> Option<TlsSession> {
        wit::request::tls()
    }
    fn route(&self) -> String {
        wit::request::route()
    }
    fn id(&self) -> String {
        wit::request::id()
    }
}

impl RequestEdit for RealRequestEdit {
    fn set_path(&self, path: &str) -> Result<(), Refused<EditError>> {
        wit::request_edit::set_path(path).map_err(|why| Refused::new("path", why))
    }
    fn set_query(&self, query: Option<&str>) -> Result<(), Refused<EditError>> {
        wit::request_edit::set_query(query).map_err(|why| Refused::new("query", why))
    }
    fn choose_upstream(&self, name: &str) -> Result<(), Refused<EditError>> {
        wit::request_edit::choose_upstream(name).map_err(|why| Refused::new(name, why))
    }
}

impl Response for RealResponse {
    fn status(&self) -> u16 {
        wit::response::status()
    }
}

impl ResponseEdit for RealResponseEdit {
    fn set_status(&self, status: u16) -> Result<(), Refused<EditError>> {
        wit::response_edit::set_status(status).map_err(|why| Refused::new("status", why))
    }
}

/// What the refused one of several is about: of none there is none.
fn named<T>(all: &[T], index: u32, name: impl Fn(&T) -> &str) -> &str {
    all.get(index as usize).map_or("", name)
}

impl ResponseAhead for RealResponseAhead {
    fn edit(&self, changes: &[Change]) -> Result<(), Refused<EditError>> {
        wit::response_ahead::edit(changes)
            .map_err(|(index, why)| Refused::new(named(changes, index, Change::name), why))
    }
}

/// Bodies of requests and of responses differ in name only.
macro_rules! body {
    ($what:literal, $read:ident reads $module:ident, $edit:ident edits $edit_module:ident) => {
        impl ReadBody for $read {
            fn length(&self) -> Result<u64, Refused<BodyError>> {
                wit::$module::length().map_err(|why| Refused::new($what, why))
            }
            fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Refused<BodyError>> {
                wit::$module::read(offset, length).map_err(|why| Refused::new($what, why))
            }
            fn text(&self) -> Result<String, Refused<BodyError>> {
                wit::$module::text().map_err(|why| Refused::new($what, why))
            }
        }

        impl EditBody for $edit {
            fn write(&self, data: &[u8]) -> Result<(), Refused<BodyError>> {
                wit::$edit_module::write(data).map_err(|why| Refused::new($what, why))
            }
            fn write_text(&self, data: &str) -> Result<(), Refused<BodyError>> {
                wit::$edit_module::write_text(data).map_err(|why| Refused::new($what, why))
            }
            fn clear(&self) -> Result<(), Refused<BodyError>> {
                wit::$edit_module::clear().map_err(|why| Refused::new($what, why))
            }
        }
    };
}

body!("request", RealRequestBody reads request_body, RealRequestBodyEdit edits request_body_edit);
body!(
    "response",
    RealResponseBody reads response_body,
    RealResponseBodyEdit edits response_body_edit
);

impl Attributes for RealAttributes {
    fn get(&self, name: &str) -> Option<String> {
        wit::attributes::get(name)
    }
    fn set(&self, name: &str, value: &str) -> Result<(), Refused<AttributeError>> {
        wit::attributes::set(name, value).map_err(|why| Refused::new(name, why))
    }
    fn remove(&self, name: &str) -> Result<(), Refused<AttributeError>> {
        wit::attributes::remove(name).map_err(|why| Refused::new(name, why))
    }
    fn update(&self, values: &[(String, Option<String>)]) -> Result<(), Refused<AttributeError>> {
        wit::attributes::update(values)
            .map_err(|(index, why)| Refused::new(named(values, index, |(name, _)| name), why))
    }
}

impl Kv for RealKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refused<KvError>> {
        wit::kv::get(key).map_err(|why| Refused::new(key, why))
    }
    fn set(&self, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Refused<KvError>> {
        wit::kv::set(key, value, ttl_ms).map_err(|why| Refused::new(key, why))
    }
    fn delete(&self, key: &str) -> Result<bool, Refused<KvError>> {
        wit::kv::delete(key).map_err(|why| Refused::new(key, why))
    }
    fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, Refused<KvError>> {
        wit::kv::compare_and_swap(key, expected, value, ttl_ms)
            .map_err(|why| Refused::new(key, why))
    }
    fn increment(&self, key: &str, by: i64, ttl_ms: Option<u64>) -> Result<i64, Refused<KvError>> {
        wit::kv::increment(key, by, ttl_ms).map_err(|why| Refused::new(key, why))
    }
    fn lead(&self, key: &str, wait_ms: u32) -> Result<LeadAnswer, Refused<KvError>> {
        wit::kv::lead(key, wait_ms).map_err(|why| Refused::new(key, why))
    }
}

impl RateLimit for RealRateLimit {
    fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Verdict>, Refused<RateLimitError>> {
        wit::rate_limit::take(buckets, cost).map_err(|why| Refused::new(keys(buckets), why))
    }
}

/// What a refusal of [`RateLimit::take`] is about.
pub(crate) fn keys(buckets: &[Bucket]) -> String {
    buckets.iter().map(|bucket| bucket.key.as_str()).collect::<Vec<_>>().join("`, `")
}

impl Fetch for RealFetch {
    fn send(&self, request: &Outgoing) -> Result<Incoming, Refused<FetchError>> {
        wit::fetch::send(request).map_err(|why| Refused::new(&request.to, why))
    }
    fn send_all(&self, requests: &[Outgoing]) -> Vec<Result<Incoming, Refused<FetchError>>> {
        let answers = wit::fetch::send_all(requests);
        let pairs = requests.iter().zip(answers);
        pairs.map(|(out, answer)| answer.map_err(|why| Refused::new(&out.to, why))).collect()
    }
    fn start(&self, request: &Outgoing) -> u32 {
        wit::fetch::start(request)
    }
    fn wait_any(&self) -> Option<(u32, Result<Incoming, Refused<FetchError>>)> {
        let (number, answer) = wit::fetch::wait_any()?;
        Some((number, answer.map_err(|why| Refused::new(format!("call {number}"), why))))
    }
}

impl Crypto for RealCrypto {
    fn digest(&self, algorithm: DigestAlgorithm, data: &[u8]) -> Vec<u8> {
        wit::crypto::digest(algorithm, data)
    }
    fn hmac(
        &self,
        algorithm: DigestAlgorithm,
        key: &Key,
        data: &[u8],
    ) -> Result<Vec<u8>, Refused<CryptoError>> {
        wit::crypto::hmac(algorithm, key, data).map_err(|why| Refused::new(key_name(key), why))
    }
    fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Refused<CryptoError>> {
        wit::crypto::verify(algorithm, key, message, signature)
            .map_err(|why| Refused::new(format!("{algorithm:?}"), why))
    }
    fn equal(&self, a: &[u8], b: &[u8]) -> bool {
        wit::crypto::equal(a, b)
    }
}

/// What a refusal of [`Crypto::hmac`] is about.
pub(crate) fn key_name(key: &Key) -> &str {
    match key {
        Key::Bytes(_) => "HMAC",
        Key::Secret(name) => name,
    }
}

impl Secrets for RealSecrets {
    fn reveal(&self, name: &str) -> Result<String, Refused<SecretError>> {
        wit::secrets::reveal(name).map_err(|why| Refused::new(name, why))
    }
}
