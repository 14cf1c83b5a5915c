//! promtool: `/metrics` as Prometheus would have it.

use std::{fs::File, process::Command};

use torana_tests::{Backend, Gateway, paths, reply, toml};

use crate::suite::{Score, output, program};

#[tokio::test]
async fn prometheus_reads_the_metrics() {
    let service = Backend::start(|_| reply(200, "hello")).await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    gateway.client().get("/a").await;
    let metrics = gateway.admin().get("/metrics").await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, &metrics.body).expect("writing");
    let mut command: Command = program("promtool");
    command.args(["check", "metrics"]).stdin(File::open(&file).expect("the metrics"));
    let said = output(command).await;
    let mut score = Score::of("promtool");
    score.count("check metrics", if said.is_empty() { Ok(()) } else { Err(said) });
    assert!(metrics.text().contains("torana_requests_total{"), "there is something to check");
    for (word, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let mut command: Command = program("promtool");
        command.args([word, "rules"]).arg(paths::root().join("deploy/prometheus").join(file));
        let said = output(command).await;
        let good = said.contains("SUCCESS") && !said.contains("FAILED");
        score.count(&format!("{word} rules"), if good { Ok(()) } else { Err(said) });
    }
    score.expect(3, 3, "check metrics has nothing to say, and the alert rules are good");
}
