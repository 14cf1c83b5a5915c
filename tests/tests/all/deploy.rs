//! What is meant for others' machines names what there is.

use std::{collections::BTreeSet, fs};

use torana_tests::{Authority, Backend, Gateway, Setup, paths, reply, request, toml};

use crate::guests::{plugin, wait_for_metric};

/// With everything that has numbers of its own.
pub(crate) fn everything(target: std::net::SocketAddr) -> Setup {
    let service = toml::upstream("service", target);
    let chain = "chain = [\"bad\"]\nmirror = { upstream = \"service\" }";
    let route = toml::route("all", &format!("{}\n{chain}", toml::ALL));
    let more = "\n[listen.secure]\naddress = \"127.0.0.1:0\"\n\
                tls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n\
                [store]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:1\"\n\
                [access_log]\npath = \"/dev/full\"\n\
                [audit_log]\npath = \"audit.log\"\n";
    let bad = plugin("bad", "misbehaving", "");
    let limits = "breaker = {}\nlimits = { in_flight = 1000 }\n";
    let toml = [toml::LISTEN, &service, limits, &bad, &route, more].concat();
    let identity = Authority::new().issue(&["localhost"]);
    Setup::new(&toml).file("cert.pem", identity.cert).file("key.pem", identity.key)
}

/// Makes everything happen that is counted by a name of its own: such a family is not there before.
pub(crate) async fn stir(gateway: &Gateway) {
    for mode in ["metric-flood", "panic"] {
        gateway.client().send(request("GET", "/a").header("x-mode", mode), "").await;
    }
    gateway.signal_reload();
    wait_for_metric(gateway, "torana_config_reloads_total", &["ok"], 1.0).await;
    wait_for_metric(gateway, "torana_access_log_dropped_total", &[], 2.0).await;
    wait_for_metric(gateway, "torana_mirrored_total", &["answered"], 1.0).await;
}

/// The names of metrics in a text, as a program finds them there.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c));
    words.filter(|word| word.starts_with("torana_") || word.starts_with("process_")).collect()
}

#[tokio::test]
async fn rules_and_dashboard_ask_for_numbers_that_exist() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = everything(backend.address()).start().await;
    stir(&gateway).await;
    let page = gateway.admin().get("/metrics").await.text().to_owned();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut known = BTreeSet::new();
    for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
        known.insert(name.to_owned());
        if kind == "histogram" {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
    }
    assert!(known.contains("torana_requests_total") && known.contains("torana_store_up"), "{page}");
    for file in ["deploy/prometheus/alerts.yml", "deploy/grafana/torana.json"] {
        let text = fs::read_to_string(paths::root().join(file)).expect(file);
        let asked = names(&text);
        assert!(asked.len() > 10, "{file} asks for {asked:?}");
        let unknown: Vec<_> = asked.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}, and there is\n{page}");
    }
}

/// Where somebody looks at three in the morning. An alert that is not there is a night that is longer.
const DECISIVE: [&str; 9] = [
    "torana_upstream_responses_broken_total",
    "torana_upstream_target_responses_total",
    "torana_upstream_healthy",
    "torana_upstream_breaker_opened_total",
    "torana_upstream_breaker_refused_total",
    "torana_connections_not_accepted_total",
    "torana_connections_failed_total",
    "torana_plugin_instances_busy",
    "torana_config_last_reload_success",
];

/// Alerts that are a number against a bound, where nothing can be wrong that the number does not show.
const PLAIN: [&str; 7] = [
    "ToranaConnectionsRefused",
    "ToranaDown",
    "ToranaFewDescriptors",
    "ToranaRetriesUsedUp",
    "ToranaSlow",
    "ToranaStoreDown",
    "ToranaUpstreamFull",
];

#[test]
fn what_is_decisive_has_an_alert_and_a_panel() {
    for file in ["deploy/prometheus/alerts.yml", "deploy/grafana/torana.json"] {
        let text = fs::read_to_string(paths::root().join(file)).expect(file);
        let asked = names(&text);
        let missing: Vec<_> = DECISIVE.iter().filter(|name| !asked.contains(**name)).collect();
        assert!(missing.is_empty(), "{file} does not ask for {missing:?}");
    }
}

#[test]
fn every_alert_has_a_test_unless_it_is_plain() {
    let text = |file| fs::read_to_string(paths::root().join("deploy/prometheus").join(file));
    let (rules, tests) =
        (text("alerts.yml").expect("rules"), text("alerts_test.yml").expect("tests"));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<_> = alerts.collect();
    let untested = alerts.iter().filter(|name| !tests.contains(&format!("alertname: {name}\n")));
    let untested: Vec<_> = untested.copied().collect();
    assert_eq!(untested, PLAIN, "alerts_test.yml");
}

#[tokio::test]
async fn the_gateway_of_the_config_map_is_good() {
    let manifest = fs::read_to_string(paths::root().join("deploy/kubernetes/torana.yaml"));
    let manifest = manifest.expect("the manifest");
    let (_, file) = manifest.split_once("gateway.toml: |\n").expect("a file in it");
    let lines = file.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let file: String =
        lines.map(|line| line.trim_start_matches("    ").to_owned() + "\n").collect();
    let folder = tempfile::TempDir::new().expect("a folder");
    let token = folder.path().join("admin-token");
    fs::write(&token, "a-token-of-the-operator").expect("writing");
    let file = file.replace("/etc/torana-secrets/admin-token", &token.display().to_string());
    fs::write(folder.path().join("gateway.toml"), &file).expect("writing");
    let checked = torana_tests::command::torana(folder.path(), &["check", "gateway.toml"]);
    assert_eq!((checked.code, &*checked.stderr), (0, ""), "{file}");
}
