//! Suites that others wrote, run through a gateway with the plugins that come with it, or against it. They are
//! installed, and this is called, by `cargo xtask suites`.
//!
//! | suite | is read by | and tests |
//! | --- | --- | --- |
//! | W3C XML conformance | [`w3c`] | that documents are read by the book |
//! | defusedxml's documents | [`attacks`] | that none of them reaches out, or blows up |
//! | JSONTestSuite | [`json`] | that JSON is read by the book |
//! | JSON-Schema-Test-Suite | [`json_schema`] | that documents fit their schemas by the book |
//! | xmltodict itself | [`convention`] | that documents become the JSON that it makes of them |
//! | xmltodict's tests | [`own_tests`] | the same, of the documents that they read |
//! | Autobahn's cases (kosoku) | [`websocket`] | that WebSockets pass as if there were no gateway |
//! | slowhttptest | [`slow_clients`] | that slow clients are cut off, and others served meanwhile |
//! | h2load | [`load`] | that many streams at once all get their replies |
//! | sslyze | [`tls_policy`] | that TLS is as Mozilla's "intermediate" has it |
//! | httplint | [`hygiene`] | that responses break no rule of HTTP |
//! | promtool | [`metrics`] | that Prometheus reads the metrics |
//! | opentelemetry-proto | [`otlp`] | that a collector reads the spans |
//! | http-sf | [`fields`] | that structured fields are some |
//! | http-cache-tests | [`caching`] | that a cache keeps to RFC 9111 |
//! | http_desync_guardian | [`desync`] | that no message goes on that a service could misread |
//!
//! Each score is held against the best there is, so a case that fails is a test that fails. Known
//! exceptions stand in a list, with their reason, and must stay exceptions.

mod attacks;
mod caching;
mod convention;
mod desync;
mod fields;
mod hygiene;
mod json;
mod json_schema;
mod load;
mod metrics;
mod otlp;
mod own_tests;
mod slow_clients;
mod suite;
mod tls_policy;
mod translator;
mod w3c;
mod websocket;
