//! sslyze, with Mozilla's policy "intermediate": only that nobody knows the certificate may remain.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};
use torana_tests::{Backend, Setup, reply, toml};

use crate::suite::{Score, output, program};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The certificate is the test's own.
const REMAINS: &str = "certificate_path_validation: Certificate path validation failed";

#[tokio::test]
async fn tls_is_as_the_policy_has_it() {
    let service = Backend::start(|_| reply(200, "hello")).await;
    let tls = "tls = [{ cert = \"a.pem\", key = \"a.key\" }]\n";
    let upstream = toml::upstream("service", service.address());
    let toml = [toml::LISTEN, tls, &upstream, &toml::route("all", toml::ALL)].concat();
    let (cert, key) = certificate();
    let gateway = Setup::new(&toml).file("a.pem", cert).file("a.key", key).start().await;
    let mut command = program("sslyze");
    command.args(["--mozilla_config", "intermediate"]);
    let address = format!("localhost:{}", gateway.address("public").port());
    command.arg(address);
    let report = output(command).await;
    let (_, compliance) =
        report.split_once("COMPLIANCE AGAINST").unwrap_or_else(|| panic!("{report}"));
    let mut score = Score::of("sslyze");
    let faults = compliance.lines().filter_map(|line| line.trim().strip_prefix("* "));
    let wrong: Vec<_> = faults.filter(|fault| !fault.starts_with(REMAINS)).collect();
    assert!(compliance.contains(REMAINS), "it looked at the gateway: {compliance}");
    score.count("intermediate", if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) });
    score.expect(1, 1, "Mozilla's \"intermediate\", but for the test's own certificate (Caddy 1)");
}

/// One that is good for as long as the policy has it: not for centuries.
fn certificate() -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 60 * DAY).into();
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}
