//! What the host does with a plugin is done in cases too: they hold, or not, on both.

use std::{fs, panic, path::PathBuf};

use torana_plugin_sdk::{
    cases::{Case, check, run},
    host::{Algorithm, Bucket, LeadAnswer, Outgoing},
    prelude::*,
};

/// Does what `mode` says.
struct Probe(Settings);

#[settings]
struct Settings {
    mode: String,
}

#[plugin]
impl Plugin for Probe {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        assert!(settings.mode != "new", "no\nsuch plugin");
        Ok(Self(settings))
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        let reply = |reply: Reply| Ok(reply.into());
        match self.0.mode.as_str() {
            "panic" => panic!("on\npurpose"),
            "response" => reply(Reply::empty(host.response().status())),
            "failure" => Err("one\ntwo".into()),
            "status" => reply(Reply::empty(999)),
            "name" => reply(Reply::empty(200).header("x b", "")),
            "value" => reply(Reply::empty(200).header("X-B", "\n")),
            "cookie" => reply(Reply::empty(200).header("Set-Cookie", "a=b")),
            "alias" => {
                host.request_edit().set_header("x-user-id", "me")?;
                Ok(Action::Next)
            }
            "many" => reply((0..201).fold(Reply::empty(200), |to, _| to.header("x", ""))),
            "kept" => reply(Reply::empty(200).header("Content-Length", "7").header("x", "1")),
            "bytes" => reply(Reply { body: b"{}".to_vec().into(), ..Reply::empty(200) }),
            "log" => {
                host.log().info("one\ntwo");
                Ok(Action::Next)
            }
            "lead" => self.lead(host),
            "fill" => {
                host.kv().set("k", &[0; 1024], None)?;
                Ok(Action::Next)
            }
            "shrink" => {
                for (limit, cost) in [(9, 8), (5, 1)] {
                    let (algorithm, key) = (Algorithm::FixedWindow, "k".into());
                    let window_ms = 1000;
                    let bucket =
                        Bucket { policy: None, key, algorithm, limit, window_ms, burst: None };
                    let verdict = host.rate_limit().take(&[bucket], cost)?[0];
                    host.log().info(format_args!("{} {}", verdict.allowed, verdict.remaining));
                }
                Ok(Action::Next)
            }
            "fetch" => {
                let call = Outgoing::get("https://idp.example:443/", "/x");
                host.fetch().send(&call.secret_header("authorization", "Bearer ", "TOKEN"))?;
                Ok(Action::Next)
            }
            "reveal" => {
                host.log().info(host.secrets().reveal("TOKEN")?);
                Ok(Action::Next)
            }
            "host" => {
                let [authority, field] =
                    [Some(host.request().authority()), host.request().header("host")?];
                host.log().info(format_args!("{authority:?} {field:?}"));
                Ok(Action::Next)
            }
            _ => Ok(Action::Next),
        }
    }

    fn on_request_body(&self, host: &impl Host) -> Outcome {
        host.log().info("a body");
        Ok(Action::Next)
    }

    fn on_response_head(&self, host: &impl Host) -> Outcome {
        if self.0.mode == "lead" { self.lead(host) } else { Ok(Action::Next) }
    }

    fn on_response_stream(&self, _: &impl Host) -> StreamOutcome {
        let transform: Box<dyn Transform> = Box::new(Trap);
        Ok((self.0.mode == "stream").then_some(transform))
    }
}

impl Probe {
    fn lead(&self, host: &impl Host) -> Outcome {
        host.log().info(match host.kv().lead("k", 0)? {
            LeadAnswer::Yours => "yours",
            _ => "another's",
        });
        Ok(Action::Next)
    }
}

struct Trap;

impl Transform for Trap {
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        panic!("a chunk of {}", data.len())
    }
}

/// What is wrong with a case of this mode, with this in it before `expect`, and that as it.
fn wrong(mode: &str, given: &str, expect: &str) -> Vec<String> {
    let case = format!("config = {{ mode = \"{mode}\" }}\n{given}\n[expect]\n{expect}\n");
    check::<Probe>(&Case::parse(&case).unwrap_or_else(|why| panic!("{why}")))
}

#[track_caller]
fn holds(mode: &str, given: &str, expect: &str) {
    assert_eq!(wrong(mode, given, expect), [""; 0]);
}

#[track_caller]
fn fails(mode: &str, given: &str, failure: &str) {
    holds(mode, given, &format!("decision = \"fail\"\nfailure = '{failure}'"));
}

#[test]
fn a_panic_is_a_failure_with_its_place() {
    fails("panic", "", r"trapped: on\npurpose (plugin-sdk/tests/cases/as_the_host.rs:");
    fails("response", "", "trapped: the host traps: there is no response in this hook");
    fails("stream", "upstream.body = \"0123456\"", "trapped: a chunk of 5 (");
}

#[test]
fn a_panic_in_new_is_no_end_of_a_case_but_told() {
    let told = wrong("new", "", "decision = \"fail\"");
    let [why] = told.as_slice() else { panic!("{told:?}") };
    assert!(why.starts_with(r"the plugin cannot be set up: trapped: no\nsuch plugin ("), "{why}");
}

#[test]
fn a_case_that_panics_is_told_by_its_file() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("panics");
    fs::create_dir_all(&folder).unwrap();
    let case = "config = { mode = \"panic\" }\n[expect]\ndecision = \"next\"\n";
    fs::write(folder.join("a.toml"), case).unwrap();
    let told = panic::catch_unwind(|| run::<Probe>(&folder)).unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(
        told.contains("panics/a.toml:\n  decision: expected Next, is Fail: trapped: "),
        "{told}"
    );
}

#[test]
fn texts_for_the_log_are_one_line() {
    fails("failure", "", r"one\ntwo");
    holds("log", "", "decision = \"next\"\nlog = ['one\\ntwo']");
}

#[test]
fn a_reply_that_breaks_the_contract_is_a_failure() {
    fails("status", "", "broke the contract: a reply of status 999 (200 to 599)");
    fails("name", "", "broke the contract: `x b` is no header name");
    let value = "broke the contract: the value of `x-b` has characters that no header may have";
    fails("value", "", value);
    let cookie =
        "a reply with `set-cookie`, which needs the grant headers = { write = [\"set-cookie\"] }";
    fails("cookie", "", &format!("broke the contract: {cookie}"));
    holds("cookie", "grants.headers.write = [\"set-cookie\"]", "decision = \"respond\"");
    fails("many", "", "broke the contract: 201 header fields (at most 200)");
    let kept = "decision = \"respond\"\nresponse.headers = { content-length = false, x = \"1\" }";
    holds("kept", "", kept);
}

#[test]
fn who_writes_a_name_writes_those_that_services_take_for_it() {
    let sent = "decision = \"next\"\nrequest.headers = { x-user-id = \"me\", x_user_id = false, x_other = \"1\" }";
    let given =
        "grants.request-edit = true\nrequest.headers = { x_user_id = \"evil\", x_other = \"1\" }";
    holds("alias", given, sent);
}

#[test]
fn a_reply_is_shown_as_text() {
    let told = wrong("bytes", "", "decision = \"next\"");
    assert!(told[0].contains(r#"body: Content::Text("{}")"#), "{told:?}");
}

#[test]
fn whoever_leads_does_so_for_one_hook() {
    holds("lead", "grants.kv = true", "decision = \"next\"\nlog = [\"yours\", \"yours\"]");
}

#[test]
fn there_is_room_for_what_the_grant_says() {
    let full = "no room for key `k`: raise `max_bytes` in the kv grant";
    fails("fill", "grants.kv = { max_bytes = \"1KiB\" }", full);
    holds("fill", "grants.kv = { max_bytes = \"2 kB\" }", "decision = \"next\"");
}

#[test]
fn a_limit_that_became_smaller_refuses() {
    let given = "grants.rate-limit = true";
    holds("shrink", given, "decision = \"next\"\nlog = [\"true 1\", \"false 0\"]");
}

#[test]
fn a_secret_goes_out_to_an_origin_however_it_is_written() {
    let given = |name: &str, bearer: &str| {
        format!(
            "secrets = {{ TOKEN = \"tok\" }}\n\
             grants = {{ fetch = [\"https://IDP.example\"], secrets = {{ {name} = [\"TOKEN\"] }} }}\n\
             [[fetch]]\nrequest = {{ to = \"https://idp.example/\", path = \"/x\", \
             headers = {{ authorization = \"{bearer}\" }} }}\n"
        )
    };
    holds("fetch", &given("use", "Bearer tok"), "decision = \"next\"");
    assert_eq!(wrong("fetch", &given("use", "Bearer"), "decision = \"next\"").len(), 1);
    let told = wrong("fetch", &given("reveal", "Bearer tok"), "decision = \"next\"");
    assert!(told[0].ends_with("is denied: secret `TOKEN` is not granted"), "{told:?}");
}

#[test]
fn a_secret_that_may_be_used_is_not_seen_and_one_without_a_text_has_one() {
    let given = |name: &str| format!("grants.secrets = {{ {name} = [\"TOKEN\"] }}");
    holds("reveal", &given("reveal"), "decision = \"next\"\nlog = [\"none\"]");
    fails("reveal", "grants.secrets = { use = [\"TOKEN\"], reveal = [\"X\"] }", "is not granted");
}

#[test]
fn an_empty_body_is_none() {
    let expect = "decision = \"next\"\nlog = [\"a body\"]";
    holds("", "request.body = \" \"", expect);
    assert_eq!(wrong("", "request.body = \"\"", expect), [r#"log: expected "a body" in []"#]);
}

#[test]
fn a_request_has_a_host() {
    let expect =
        |host: &str| format!("decision = \"next\"\nlog = ['Some(\"{host}\") Some(\"{host}\")']");
    holds("host", "", &expect("gateway.example"));
    holds("host", "request.headers = { Host = \"a.example\" }", &expect("a.example"));
    let sent = "decision = \"next\"\nrequest.headers = { host = \"a.example\" }";
    holds("host", "request.headers = { HOST = \"a.example\" }", sent);
}
