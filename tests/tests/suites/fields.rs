//! http-sf as an oracle: what the quota plugin writes is what a reader of structured fields reads.

use serde_json::{Value, json};
use torana_tests::{Backend, Gateway, reply, request, toml};

use crate::suite::{Score, objects, script};

#[tokio::test]
async fn rate_limits_are_structured_fields() {
    let service = Backend::start(|_| reply(200, "hello")).await;
    let quota = r#"
[plugins.quota]
component = "quota"
grants = { rate-limit = true, response-edit = true }
config = { key = "request.header.x-user", limit = { limit = "2/1h", algorithm = "fixed-window" } }
"#;
    let chain = format!("chain = [\"quota\"]\n{quota}");
    let gateway = Gateway::start(&toml::proxy_with(service.address(), &chain)).await;
    let mut command = script("fields.py");
    let mut rests = Vec::new();
    // Names that an unwary writer would put in as they are.
    for user in ["a", "a", "a", "it's \"quoted\" \\ here"] {
        let reply = gateway.client().send(request("GET", "/a").header("x-user", user), "").await;
        rests.push(reply.status == 200);
        for name in ["ratelimit-policy", "ratelimit"] {
            command.arg(reply.header(name).unwrap_or_else(|| panic!("{reply:?}")));
        }
    }
    assert_eq!(rests, [true, true, false, true]);
    let read = objects(command).await;
    let mut score = Score::of("http-sf as an oracle");
    for (pair, left) in read.chunks(2).zip([1, 0, 0, 1]) {
        let policy = &pair[0]["items"][0];
        score.count("RateLimit-Policy", judge(policy, &[("q", json!(2)), ("w", json!(3600))]));
        score.count("RateLimit", judge(&pair[1]["items"][0], &[("r", json!(left))]));
    }
    score.expect(8, 8, "RateLimit and RateLimit-Policy");
}

fn judge(item: &Value, expected: &[(&str, Value)]) -> Result<(), String> {
    let is_right = item["value"].is_string()
        && expected.iter().all(|(name, value)| item["parameters"][name] == *value);
    if is_right { Ok(()) } else { Err(format!("{item}, expected {expected:?}")) }
}
