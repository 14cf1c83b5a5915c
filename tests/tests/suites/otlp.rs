//! OpenTelemetry's own messages: what a collector reads of the spans.

use serde_json::Value;
use torana_tests::{Backend, Gateway, reply, toml};

use crate::suite::{Score, objects, script};

#[tokio::test]
async fn collectors_read_the_spans() {
    let service = Backend::start(|_| reply(503, "")).await;
    let collector = Backend::start(|_| reply(200, "")).await;
    let more = format!(
        "{}\n[traces]\nupstream = \"collector\"\ninterval = \"10ms\"\n",
        toml::upstream("collector", collector.address())
    );
    let gateway = Gateway::start(&[toml::proxy(service.address()), more].concat()).await;
    gateway.client().get("/a").await;
    assert!(gateway.stop().await.success(), "the last spans are out");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = script("otlp.py");
    for (number, received) in collector.received().iter().enumerate() {
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, &received.body).expect("writing");
        command.arg(file);
    }
    let mut score = Score::of("opentelemetry-proto");
    let read = objects(command).await;
    score.count("no unknown fields", holds(read.iter().all(|one| one["unknown"] == false), &read));
    let mut kinds: Vec<_> = spans(&read).map(|span| span["kind"].to_string()).collect();
    kinds.sort();
    let both = ["\"SPAN_KIND_CLIENT\"", "\"SPAN_KIND_SERVER\""];
    score.count("both kinds", holds(kinds == both, &read));
    let failed = |span: &Value| span["status"]["code"] == "STATUS_CODE_ERROR";
    score.count("both have failed", holds(spans(&read).all(failed), &read));
    let is_timed = |span: &Value| {
        let nanos = |key: &str| span[key].as_str().and_then(|text| text.parse::<u64>().ok());
        nanos("startTimeUnixNano") <= nanos("endTimeUnixNano")
            && nanos("startTimeUnixNano") > Some(0)
    };
    score.count("both took some time", holds(spans(&read).all(is_timed), &read));
    score.expect(4, 4, "spans as OpenTelemetry's own messages have them");
}

fn holds(is_so: bool, read: &[Value]) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(format!("{read:#?}")) }
}

/// All that were read.
fn spans(read: &[Value]) -> impl Iterator<Item = &Value> {
    let resources = read.iter().filter_map(|one| one["request"]["resourceSpans"].as_array());
    let scopes = resources.flatten().filter_map(|one| one["scopeSpans"].as_array()).flatten();
    scopes.filter_map(|one| one["spans"].as_array()).flatten()
}
