//! A case that holds says nothing; one that does not says what is wrong.

mod as_the_host;

use torana_plugin_sdk::{
    cases::{Case, check, check_decoding},
    host::Outgoing,
    prelude::*,
};

/// Asks a service who the client is, and says it to the upstream.
struct Identify;

#[plugin]
impl Plugin for Identify {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let id = host.request().param("id").ok_or("the route has no {id}")?;
        let call = Outgoing::get("people", format!("/{id}")).header("accept", "text/plain");
        let person = host.fetch().send(&call)?;
        if person.status == 404 {
            return Ok(Reply::problem(403, "stranger", "Nobody knows you.").into());
        }
        host.request_edit()
            .set_header("x-person", &String::from_utf8_lossy(person.body.as_bytes()))?;
        host.log().info(format_args!("{id} is known"));
        Ok(Action::Next)
    }

    fn on_response_stream(&self, _: &impl Host) -> StreamOutcome {
        Ok(Some(Box::new(Shout)))
    }
}

struct Shout;

impl Transform for Shout {
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        Ok(data.to_ascii_uppercase())
    }
    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(b"!".to_vec())
    }
}

const KNOWN: &str = r#"
grants = { fetch = ["people"], request-edit = true }
route = { path = "/users/{id}" }
request = { path = "/users/7" }
upstream = { body = "hello, world" }

[[fetch]]
request = { to = "people", path = "/7", headers = { accept = "text/plain" } }
reply = { body = "alice" }

[expect]
decision = "next"
request = { path = "/users/7", headers = { x-person = "alice", x-other = false } }
response = { status = 200, body = "HELLO, WORLD!" }
log = ["7 is known"]
"#;

fn differences(case: &str) -> Vec<String> {
    check::<Identify>(&Case::parse(case).unwrap())
}

#[test]
fn a_case_that_holds_says_nothing() {
    assert_eq!(differences(KNOWN), [""; 0]);
}

#[test]
fn a_reply_of_the_plugin_is_the_response() {
    let case = r#"
        grants = { fetch = ["people"], request-edit = true }
        route = { path = "/users/{id}" }
        request = { path = "/users/8" }
        [[fetch]]
        request = { to = "people", path = "/8" }
        reply = { status = 404 }
        [expect]
        decision = "respond"
        response.status = 403
        response.headers = { content-type = "application/problem+json" }
        response.json.type = "urn:torana:problem:stranger"
        response.json.title = "Stranger"
        response.json.status = 403
        response.json.detail = "Nobody knows you."
    "#;
    assert_eq!(differences(case), [""; 0]);
}

/// Counts its requests, and says to the upstream how many there were.
struct Count;

#[plugin]
impl Plugin for Count {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let count = host.kv().increment("n", 1, None)?;
        host.request_edit().add_header("x-count", &count.to_string())?;
        Ok(Action::Next)
    }
}

#[test]
fn of_several_requests_the_last_is_looked_at() {
    let case = r#"
        grants = { kv = true, request-edit = true }
        request.times = 3
        [expect]
        decision = "next"
        request.headers = { x-count = "3" }
    "#;
    assert_eq!(check::<Count>(&Case::parse(case).unwrap()), [""; 0]);
    let without = case.replace("request.times = 3", "");
    let told = check::<Count>(&Case::parse(&without).unwrap());
    assert_eq!(told, [r#"request header x-count: expected ["3"], is ["1"]"#]);
}

#[test]
fn stores_may_be_down() {
    let case = r#"
        grants = { kv = true }
        stores = "unavailable"
        [expect]
        decision = "fail"
        failure = "the store did not answer for `n`"
    "#;
    assert_eq!(check::<Count>(&Case::parse(case).unwrap()), [""; 0]);
}

#[test]
fn a_failure_has_a_text() {
    let case = r#"
        grants = { fetch = ["people"] }
        route = { path = "/users/{id}" }
        request = { path = "/users/7" }
        [[fetch]]
        request = { to = "people", path = "/7" }
        error = "timeout"
        [expect]
        decision = "fail"
        failure = "`people` did not answer in time"
        client = ""
    "#;
    assert_eq!(differences(case), [""; 0]);
}

#[test]
fn a_setting_that_is_refused_has_a_place() {
    let case = r#"
        config = { colour = "red" }
        [expect]
        decision = "refuse"
        settings = [{ path = ["colour"], message = "no such setting" }]
    "#;
    assert_eq!(differences(case), [""; 0]);
}

#[test]
fn every_difference_is_told() {
    let without_grants = KNOWN.replace(", request-edit = true", "");
    let text = "the plugin uses `request-edit`: add `request-edit = true` to the grants";
    assert_eq!(differences(&without_grants), [text]);

    let other_header = KNOWN.replace("x-other = false", "x-other = \"1\"");
    assert_eq!(differences(&other_header), ["request header x-other: expected [\"1\"], is []"]);

    let other_call = KNOWN.replace("path = \"/7\"", "path = \"/9\"");
    let told = differences(&other_call);
    assert!(told[0].starts_with("decision: expected Next, is Fail"), "{told:?}");
    assert!(told.contains(&"no [[fetch]] for GET people /7".to_owned()), "{told:?}");
    assert!(told.contains(&"nobody fetched GET people /9".to_owned()), "{told:?}");

    let other_path = KNOWN.replace("/users/{id}", "/people/{id}");
    assert_eq!(differences(&other_path)[0], "the request's path does not match the route's");
}

/// Encodes in a way that is easily undone.
struct Reverse;

#[plugin]
impl Plugin for Reverse {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn on_response_stream(&self, host: &impl Host) -> StreamOutcome {
        host.response_edit().set_header("content-encoding", "reverse")?;
        Ok(Some(Box::new(Reversed(Vec::new()))))
    }
}

struct Reversed(Vec<u8>);

impl Transform for Reversed {
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.0.extend(data);
        Ok(Vec::new())
    }
    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        self.0.reverse();
        Ok(std::mem::take(&mut self.0))
    }
}

#[test]
fn an_encoded_body_is_looked_at_as_the_client_reads_it() {
    let case = |body: &str| {
        let text = format!(
            "grants = {{ response-edit = true }}\nupstream = {{ body = \"abcdefg\" }}\n\
             [expect]\ndecision = \"next\"\nresponse = {{ body = \"{body}\" }}\n"
        );
        Case::parse(&text).unwrap()
    };
    let undo = |coding: &str, body: &[u8]| {
        (coding == "reverse").then(|| body.iter().rev().copied().collect())
    };
    assert_eq!(check_decoding::<Reverse>(&case("abcdefg"), undo), [""; 0]);
    assert_eq!(check_decoding::<Reverse>(&case("abcdefg"), |_, _| None).len(), 1);
    assert_eq!(check::<Reverse>(&case("gfedcba")), [""; 0]);
}
