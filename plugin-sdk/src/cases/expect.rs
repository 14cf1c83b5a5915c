//! Holds what came of a case against what must.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    format::{Case, Decision, ExpectedRequest, ExpectedSettingError, ExpectedValue, FetchRequest},
    play::{End, Played},
};
use crate::{
    Failure, Header,
    fake::FakeHost,
    host::{Attributes as _, Host as _, Outgoing, Request as _, Response as _},
    settings::SettingError,
};

/// All that is not as it must be, in words.
pub(super) fn differences(case: &Case, played: &Played) -> Vec<String> {
    let mut wrong = Wrong::default();
    if case.params().is_none() {
        wrong.say("the request's path does not match the route's".into());
    }
    wrong.decision(case, played);
    wrong.grants(case, &played.host);
    played.fetches.iter().for_each(|mistake| wrong.say(mistake.clone()));
    wrong.request(&case.expect.request, played);
    wrong.response(case, played);
    for (name, expected) in &case.expect.attributes {
        let values: Vec<_> = played.host.attributes().get(name).into_iter().collect();
        wrong.value(&format!("attribute {name}"), expected, &values);
    }
    wrong.log(&case.expect.log, &played.host);
    if let Some(elapsed) = &case.expect.elapsed_ms {
        wrong.equal("elapsed milliseconds", elapsed, &played.host.elapsed_millis());
    }
    wrong.0
}

/// What is wrong with a call to another service.
pub(super) fn call(expected: &FetchRequest, call: &Outgoing) -> Vec<String> {
    let mut wrong = Wrong::default();
    let what = format!("fetch from {}", call.to);
    wrong.headers(&what, &expected.headers, |name| lines(&call.headers, name));
    wrong.body(&what, expected.body.as_deref(), expected.json.as_ref(), call.body.as_bytes());
    wrong.0
}

fn lines(headers: &[Header], name: &str) -> Vec<String> {
    let found = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value.clone()).collect()
}

#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, is: &T) {
        if expected != is {
            self.say(format!("{what}: expected {expected:?}, is {is:?}"));
        }
    }

    fn contains(&mut self, what: &str, part: &str, text: &str) {
        if !text.contains(part) {
            self.say(format!("{what}: expected {part:?} in {text:?}"));
        }
    }

    fn decision(&mut self, case: &Case, played: &Played) {
        let expect = &case.expect;
        let (is, more) = match &played.end {
            End::Next => (Decision::Next, String::new()),
            End::Respond(reply) => (Decision::Respond, format!(": {reply:?}")),
            End::Fail(failure) => (Decision::Fail, format!(": {}", failure.log)),
            End::Refuse(errors) => (Decision::Refuse, format!(": {errors:?}")),
        };
        if is != expect.decision {
            self.say(format!("decision: expected {:?}, is {is:?}{more}", expect.decision));
        }
        match &played.end {
            End::Fail(failure) => {
                self.failure(failure, expect.failure.as_deref(), expect.client.as_deref());
            }
            End::Refuse(errors) => self.settings(&expect.settings, errors),
            _ => {}
        }
    }

    fn failure(&mut self, failure: &Failure, log: Option<&str>, client: Option<&str>) {
        if let Some(log) = log {
            self.contains("failure", log, &failure.log);
        }
        if let Some(client) = client {
            self.equal("client", &client, &failure.client.as_str());
        }
    }

    fn settings(&mut self, expected: &[ExpectedSettingError], errors: &[SettingError]) {
        self.equal("wrong settings", &expected.len(), &errors.len());
        for (expected, is) in expected.iter().zip(errors) {
            self.equal("path of the setting", &expected.path, &is.path);
            self.contains("message of the setting", &expected.message, &is.message);
        }
    }

    fn grants(&mut self, case: &Case, host: &FakeHost) {
        for interface in host.used() {
            if let Some(grant) = case.grants.lacks(interface) {
                self.say(format!("the plugin uses `{interface}`: add `{grant}` to the grants"));
            }
        }
    }

    fn request(&mut self, expected: &ExpectedRequest, played: &Played) {
        let host = &played.host;
        if let Some(path) = &expected.path {
            let query = host.request().query().map(|query| format!("?{query}"));
            let is = format!("{}{}", host.request().path(), query.unwrap_or_default());
            self.equal("request path", path, &is);
        }
        if let Some(upstream) = &expected.upstream {
            self.equal("upstream", &Some(upstream.clone()), &host.upstream());
        }
        self.headers("request", &expected.headers, |name| host.forwarded_header(name));
        let (text, json) = (expected.body.as_deref(), expected.json.as_ref());
        self.body("request", text, json, &played.request_body);
    }

    fn response(&mut self, case: &Case, played: &Played) {
        let expected = &case.expect.response;
        let what = "response";
        let (text, json) = (expected.body.as_deref(), expected.json.as_ref());
        match &played.end {
            End::Next => {
                let host = &played.host;
                self.status(expected.status, host.response().status());
                self.headers(what, &expected.headers, |name| host.answered_header(name));
                self.body(what, text, json, &played.response_body);
            }
            End::Respond(reply) => {
                self.status(expected.status, reply.status);
                self.headers(what, &expected.headers, |name| lines(&reply.headers, name));
                self.body(what, text, json, reply.body.as_bytes());
            }
            // The host makes the answer.
            End::Fail(_) | End::Refuse(_) => {}
        }
    }

    fn status(&mut self, expected: Option<u16>, is: u16) {
        self.equal("status", &expected.unwrap_or(is), &is);
    }

    fn headers(
        &mut self,
        what: &str,
        expected: &BTreeMap<String, ExpectedValue>,
        values: impl Fn(&str) -> Vec<String>,
    ) {
        for (name, expected) in expected {
            self.value(&format!("{what} header {name}"), expected, &values(name));
        }
    }

    fn value(&mut self, what: &str, expected: &ExpectedValue, is: &[String]) {
        match expected {
            ExpectedValue::Is(there) => {
                self.equal(&format!("{what} is there"), there, &!is.is_empty())
            }
            ExpectedValue::Values(values) => self.equal(what, &values.as_slice(), &is),
        }
    }

    fn body(&mut self, what: &str, text: Option<&str>, json: Option<&Json>, is: &[u8]) {
        let is = String::from_utf8_lossy(is);
        if let Some(text) = text {
            self.equal(&format!("{what} body"), &text, &&*is);
        }
        if let Some(json) = json {
            match serde_json::from_str::<Json>(&is) {
                Ok(is) => self.equal(&format!("{what} body"), json, &is),
                Err(error) => self.say(format!("{what} body is no JSON ({error}): {is:?}")),
            }
        }
    }

    fn log(&mut self, expected: &[String], host: &FakeHost) {
        let lines = host.logs();
        let mut rest = lines.iter();
        for part in expected {
            if !rest.any(|(_, line)| line.contains(part)) {
                self.say(format!("log: expected {part:?} in {lines:?}"));
            }
        }
    }
}
