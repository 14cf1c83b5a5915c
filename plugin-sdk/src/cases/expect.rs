//! Holds what came of a case against what must.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::format::{
    Case, Decision, ExpectedRequest, ExpectedSettingError, ExpectedValue, FetchRequest,
};
use crate::{Content, Failure, Header, Reply, host::Outgoing, settings::SettingError};

/// How a case ends.
#[derive(Debug)]
pub enum End {
    /// The upstream's reply, as the response hooks left it, is with the [`Witness`].
    Next,
    /// The plugin replied.
    Respond(Reply),
    /// A hook failed.
    Fail(Failure),
    /// The plugin refused its settings.
    Refuse(Vec<SettingError>),
}

/// What a case is held against, whatever host it was played on.
pub trait Witness {
    /// Path and query, as they go to the upstream.
    fn target(&self) -> String;
    /// The upstream that is called.
    fn upstream(&self) -> Option<String>;
    /// The values of a header as they go to the upstream.
    fn sent(&self, name: &str) -> Vec<String>;
    /// The body that goes to the upstream.
    fn sent_body(&self) -> Vec<u8>;
    /// The response's status.
    fn status(&self) -> u16;
    /// The values of a header as the client gets them.
    fn answered(&self, name: &str) -> Vec<String>;
    /// The body that the client gets.
    fn answered_body(&self) -> Vec<u8>;
    /// An attribute after the last hook, by its full name or, without a dot, one of the plugin's own.
    fn attribute(&self, name: &str) -> Option<String>;
    /// What the plugin has logged, in order.
    fn log(&self) -> Vec<String>;
    /// How long other services were waited for, in milliseconds; none where time is real, and so
    /// never the same.
    fn elapsed_millis(&self) -> Option<u64>;
}

/// All that is not as it must be, in words.
pub fn differences(case: &Case, end: &End, seen: &impl Witness) -> Vec<String> {
    let mut wrong = Wrong::default();
    if case.params().is_none() {
        wrong.say("the request's path does not match the route's".into());
    }
    wrong.decision(case, end);
    wrong.request(&case.expect.request, seen);
    wrong.response(case, end, seen);
    for (name, expected) in &case.expect.attributes {
        let values: Vec<_> = seen.attribute(name).into_iter().collect();
        wrong.value(&format!("attribute {name}"), expected, &values);
    }
    wrong.log(&case.expect.log, &seen.log());
    if let (Some(expected), Some(is)) = (&case.expect.elapsed_ms, seen.elapsed_millis()) {
        wrong.equal("elapsed milliseconds", expected, &is);
    }
    wrong.0
}

/// What is wrong with a call to another service.
pub fn call(expected: &FetchRequest, call: &Outgoing) -> Vec<String> {
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

/// A reply for a person to read: its body is text where it can be.
fn legible(reply: &Reply) -> Reply {
    let text = str::from_utf8(reply.body.as_bytes());
    let body = text.map_or_else(|_| reply.body.clone(), Content::from);
    Reply { body, ..reply.clone() }
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

    fn decision(&mut self, case: &Case, end: &End) {
        let expect = &case.expect;
        let (is, more) = match end {
            End::Next => (Decision::Next, String::new()),
            End::Respond(reply) => (Decision::Respond, format!(": {:?}", legible(reply))),
            End::Fail(failure) => (Decision::Fail, format!(": {}", failure.log)),
            End::Refuse(errors) => (Decision::Refuse, format!(": {errors:?}")),
        };
        if is != expect.decision {
            self.say(format!("decision: expected {:?}, is {is:?}{more}", expect.decision));
        }
        match end {
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

    fn request(&mut self, expected: &ExpectedRequest, seen: &impl Witness) {
        if let Some(path) = &expected.path {
            self.equal("request path", path, &seen.target());
        }
        if let Some(upstream) = &expected.upstream {
            self.equal("upstream", &Some(upstream.clone()), &seen.upstream());
        }
        self.headers("request", &expected.headers, |name| seen.sent(name));
        let (text, json) = (expected.body.as_deref(), expected.json.as_ref());
        self.body("request", text, json, &seen.sent_body());
    }

    fn response(&mut self, case: &Case, end: &End, seen: &impl Witness) {
        let expected = &case.expect.response;
        let what = "response";
        let (text, json) = (expected.body.as_deref(), expected.json.as_ref());
        match end {
            End::Next => {
                self.status(expected.status, seen.status());
                self.headers(what, &expected.headers, |name| seen.answered(name));
                self.body(what, text, json, &seen.answered_body());
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

    fn log(&mut self, expected: &[String], lines: &[String]) {
        let mut rest = lines.iter();
        for part in expected {
            if !rest.any(|line| line.contains(part)) {
                self.say(format!("log: expected {part:?} in {lines:?}"));
            }
        }
    }
}
