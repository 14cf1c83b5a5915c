//! h2load: thousands of requests over a few HTTP/2 connections, in cleartext and over TLS.

use torana_tests::{Authority, Backend, Gateway, Setup, reply, toml};

use crate::suite::{Score, output, program};

const REQUESTS: usize = 5_000;

#[tokio::test]
async fn many_streams_all_get_their_replies() {
    let service = Backend::start(|_| reply(200, "hello")).await;
    let cleartext = Gateway::start(&toml::proxy(service.address())).await;
    let identity = Authority::new().issue(&["localhost"]);
    let tls = "tls = [{ cert = \"a.pem\", key = \"a.key\" }]\n";
    let upstream = toml::upstream("service", service.address());
    let toml = [toml::LISTEN, tls, &upstream, &toml::route("all", toml::ALL)].concat();
    let setup = Setup::new(&toml).file("a.pem", identity.cert).file("a.key", identity.key);
    let encrypted = setup.start().await;
    let mut score = Score::of("h2load");
    for (scheme, gateway) in [("http", &cleartext), ("https", &encrypted)] {
        let mut command = program("h2load");
        command.args(["-n", &REQUESTS.to_string(), "-c", "10", "-m", "50"]);
        let url = format!("{scheme}://localhost:{}/a", gateway.address("public").port());
        command.arg(url);
        let report = output(command).await;
        let all = format!("{REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout");
        score.count(scheme, if report.contains(&all) { Ok(()) } else { Err(report) });
    }
    score.expect(2, 2, "5000 requests each, 50 streams on 10 connections");
}
