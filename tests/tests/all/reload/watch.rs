//! Files are watched: a change is a reload, without a signal.

use std::{cell::Cell, fs, os::unix::fs::symlink, path::Path, sync::Arc};

use tokio::sync::watch::Sender;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use torana_tests::{Authority, Backend, Gateway, Setup, paths, reply, request, toml, within};

use super::saying;
use crate::guests::{PATIENT, metric, one_worker, plugin, route};

fn watched(toml: &str) -> String {
    assert!(toml.contains("watch = false"), "{toml}");
    toml.replace("watch = false", "watch = true")
}

/// A gateway whose route answers with this header.
fn config(backend: &Backend, version: &str) -> String {
    let headers = format!(
        "\n[plugins.headers]\ncomponent = \"headers\"\n{PATIENT}\n\
         config.response.set = {{ x-version = {version} }}\n\
         grants = {{ request-edit = true, response-edit = true }}\n"
    );
    let upstream = toml::upstream("service", backend.address());
    watched(&[toml::LISTEN, &upstream, &headers, &route("[\"headers\"]")].concat())
}

/// Waits for the reload that something leads to.
async fn after(gateway: &Gateway, what: &str, change: impl FnOnce()) {
    told(gateway, what, " reloaded", change).await;
}

async fn told(gateway: &Gateway, what: &str, said: &str, change: impl FnOnce()) {
    let from = gateway.log().len();
    change();
    gateway.log().wait_from(from, what, |line| line.contains(said)).await;
}

async fn version(gateway: &Gateway) -> String {
    let answer = gateway.client().get("/a").await;
    answer.header("x-version").unwrap_or_default().to_owned()
}

/// Writes beside, then renames, as editors do.
fn replace(path: &Path, content: impl AsRef<[u8]>) {
    let beside = path.with_extension("beside");
    fs::write(&beside, content).expect("writing beside");
    fs::rename(beside, path).expect("renaming");
}

#[tokio::test]
async fn however_the_file_is_written_it_is_taken() {
    let backend = saying("ok").await;
    let gateway = Gateway::start(&config(&backend, "\"0\"")).await;
    let file = gateway.path("gateway.toml");
    let of = |version: &str| config(&backend, version);
    after(&gateway, "a write", || gateway.write(&of("\"1\""))).await;
    assert_eq!(version(&gateway).await, "1");
    after(&gateway, "a rename", || replace(&file, of("\"2\""))).await;
    assert_eq!(version(&gateway).await, "2");
    fs::write(gateway.path("copied"), of("\"3\"")).expect("a file to copy");
    after(&gateway, "a copy", || drop(fs::copy(gateway.path("copied"), &file))).await;
    assert_eq!(version(&gateway).await, "3");
    told(&gateway, "a removal", "reload refused", || fs::remove_file(&file).expect("removing"))
        .await;
    assert_eq!(version(&gateway).await, "3");
    after(&gateway, "that it is back", || gateway.write(&of("\"4\""))).await;
    assert_eq!(version(&gateway).await, "4");
}

#[tokio::test]
async fn a_mounted_config_map_is_taken_when_its_link_turns() {
    let backend = saying("ok").await;
    let gateway = Gateway::start(&config(&backend, "\"0\"")).await;
    let mount = |folder: &str, version: &str| {
        fs::create_dir(gateway.path(folder)).expect("a folder");
        let toml = config(&backend, "{ file = \"value\" }");
        fs::write(gateway.path(folder).join("gateway.toml"), toml).expect("the configuration");
        fs::write(gateway.path(folder).join("value"), version).expect("the value");
        symlink(folder, gateway.path("..next")).expect("a link");
        fs::rename(gateway.path("..next"), gateway.path("..data")).expect("turning the link");
    };
    mount("..one", "1");
    symlink("..data/value", gateway.path("value")).expect("a link");
    symlink("..data/gateway.toml", gateway.path("linked")).expect("a link");
    after(&gateway, "the mount", || {
        fs::rename(gateway.path("linked"), gateway.path("gateway.toml")).expect("renaming");
    })
    .await;
    assert_eq!(version(&gateway).await, "1");
    for number in ["2", "3"] {
        after(&gateway, "the turn", || mount(&format!("..turn-{number}"), number)).await;
        assert_eq!(version(&gateway).await, number);
    }
}

/// A file that is mounted alone into a container has no directory that could be watched for it.
#[tokio::test]
async fn a_file_that_is_written_to_by_another_name_is_taken() {
    let backend = saying("ok").await;
    let gateway = Gateway::start(&config(&backend, "\"0\"")).await;
    fs::create_dir(gateway.path("elsewhere")).expect("a folder");
    let name = gateway.path("elsewhere").join("other-name");
    fs::hard_link(gateway.path("gateway.toml"), &name).expect("a second name");
    for number in ["1", "2"] {
        let toml = config(&backend, &format!("\"{number}\""));
        after(&gateway, "a write", || fs::write(&name, toml).expect("writing")).await;
        assert_eq!(version(&gateway).await, number);
    }
}

#[tokio::test]
async fn a_half_written_file_is_refused_and_the_next_write_is_taken() {
    let backend = saying("ok").await;
    let gateway = Gateway::start(&config(&backend, "\"old\"")).await;
    let whole = config(&backend, "\"new\"");
    let half = &whole[..whole.find("set = {").expect("the settings") + 7];
    told(&gateway, "half a file", "reload refused", || gateway.write(half)).await;
    gateway.wait_for_log("the place", |line| line.contains("gateway.toml:")).await;
    assert_eq!(version(&gateway).await, "old");
    after(&gateway, "the whole file", || gateway.write(&whole)).await;
    assert_eq!(version(&gateway).await, "new");
}

#[tokio::test]
async fn what_a_refused_file_misses_is_waited_for() {
    let backend = saying("of the service").await;
    let gateway = Gateway::start(&config(&backend, "\"old\"")).await;
    let missing = config(&backend, "\"new\"").replace("[\"headers\"]", "[\"headers\", \"late\"]")
        + &format!(
            "\n[plugins.late]\ncomponent = {{ path = \"later/deep/p.wasm\" }}\n{PATIENT}\n\
             grants = {{ request-body = \"read-write\", response-body = \"read-write\" }}\n"
        );
    told(&gateway, "a missing component", "reload refused", || gateway.write(&missing)).await;
    assert_eq!(version(&gateway).await, "old");
    after(&gateway, "the component", || {
        fs::create_dir_all(gateway.path("later/deep")).expect("folders");
        let component = paths::guest("body-upper");
        fs::copy(component, gateway.path("later/deep/p.wasm")).expect("copying the component");
    })
    .await;
    assert_eq!(version(&gateway).await, "new");
    assert_eq!(gateway.client().get("/a").await.text(), "OF THE SERVICE");
}

#[tokio::test]
async fn a_file_that_is_written_as_it_was_is_no_reload() {
    let backend = saying("ok").await;
    let setup = Setup::new(&config(&backend, "\"same\"")).argument("--log=debug");
    let gateway = setup.start().await;
    for _ in 0..2 {
        let from = gateway.log().len();
        replace(&gateway.path("gateway.toml"), config(&backend, "\"same\""));
        let looked = |line: &str| line.contains("no file has changed");
        gateway.log().wait_from(from, "a look", looked).await;
    }
    let other = config(&backend, "\"other\"");
    after(&gateway, "a change", || replace(&gateway.path("gateway.toml"), other)).await;
    let counted = metric(&gateway, "torana_config_reloads_total", &[]).await;
    assert_eq!(counted, 1.0);
}

#[tokio::test]
async fn a_signal_still_reloads_and_the_watch_does_not_repeat_it() {
    let backend = saying("ok").await;
    let setup = Setup::new(&config(&backend, "\"same\"")).argument("--log=debug");
    let gateway = setup.start().await;
    after(&gateway, "the signal", || gateway.signal_reload()).await;
    let new = config(&backend, "\"new\"");
    after(&gateway, "a write and a signal", || {
        gateway.write(&new);
        gateway.signal_reload();
    })
    .await;
    assert_eq!(version(&gateway).await, "new");
    // What the signal has taken is no change for the watch.
    let from = gateway.log().len();
    replace(&gateway.path("gateway.toml"), &new);
    gateway.log().wait_from(from, "a look", |line| line.contains("no file has changed")).await;
}

#[tokio::test]
async fn the_watch_can_be_turned_off_and_on() {
    let backend = saying("ok").await;
    let off = |version: &str| config(&backend, version).replace("watch = true", "watch = false");
    let gateway = Gateway::start(&config(&backend, "\"0\"")).await;
    let watches = async || gateway.admin().get("/config").await.json()["watched"].clone();
    assert_eq!(watches().await, true);
    after(&gateway, "the last change that is seen", || gateway.write(&off("\"1\""))).await;
    assert_eq!((version(&gateway).await.as_str(), watches().await), ("1", false.into()));
    gateway.write(&config(&backend, "\"2\""));
    assert_eq!(version(&gateway).await, "1");
    after(&gateway, "the signal", || gateway.signal_reload()).await;
    assert_eq!((version(&gateway).await.as_str(), watches().await), ("2", true.into()));
    after(&gateway, "a change", || gateway.write(&config(&backend, "\"3\""))).await;
    assert_eq!(version(&gateway).await, "3");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections() {
    let backend = saying("ok").await;
    let authority = Authority::new();
    let (old, new) = (authority.issue(&["a.example"]), authority.issue(&["a.example"]));
    let tls = "tls = [{ cert = \"a.pem\", key = \"a.key\" }]\n";
    let upstream = toml::upstream("service", backend.address());
    let toml = watched(&[toml::LISTEN, tls, &upstream, &route("[]")].concat());
    let setup = Setup::new(&toml).file("a.pem", &old.cert).file("a.key", &old.key);
    let gateway = setup.start().await;
    let connector = authority.connector(&["http/1.1"], None);
    let address = gateway.address("public");
    assert_eq!(shown(&connector, address).await, old.der().to_vec());
    // Two files: what lies between their writes is refused or not seen, and never served.
    after(&gateway, "the new certificate", || {
        replace(&gateway.path("a.key"), &new.key);
        replace(&gateway.path("a.pem"), &new.cert);
    })
    .await;
    assert_eq!(shown(&connector, address).await, new.der().to_vec());
}

/// The certificate that a new connection sees.
async fn shown(connector: &TlsConnector, address: std::net::SocketAddr) -> Vec<u8> {
    let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("a.example").expect("a name");
    let tls = within("a handshake", connector.connect(name, stream)).await.expect("a handshake");
    tls.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}

#[tokio::test]
async fn renewed_secrets_and_values_are_used() {
    let backend = saying("ok").await;
    let toml = config(&backend, "{ file = \"version\" }")
        .replace("[admin]\n", "[admin]\ntoken = { secret = \"admin\" }\n")
        + "\n[secrets]\nadmin = { file = \"token\" }\n";
    let setup = Setup::new(&toml).file("version", "one\n").file("token", "first-token\n");
    let gateway = setup.start().await;
    let asked = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let request = request("GET", "/config").header("authorization", bearer);
        gateway.admin().send(request, "").await.status
    };
    assert_eq!((asked("first-token").await, asked("second-token").await), (200, 401));
    assert_eq!(version(&gateway).await, "one");
    after(&gateway, "the secret", || replace(&gateway.path("token"), "second-token\n")).await;
    assert_eq!((asked("first-token").await, asked("second-token").await), (401, 200));
    after(&gateway, "the value", || replace(&gateway.path("version"), "two")).await;
    assert_eq!(version(&gateway).await, "two");
}

#[tokio::test]
async fn one_component_is_swapped_under_load_and_nothing_else() {
    let backend = Backend::start(|received| reply(200, received.body.clone())).await;
    let toml = watched(
        &[
            &one_worker(),
            &toml::upstream("service", backend.address()),
            &plugin("counter", "counter", "config.tick_ms = 3600000\nlimits.instances = 1"),
            &format!(
                "\n[plugins.p]\ncomponent = {{ path = \"p.wasm\" }}\n{PATIENT}\n\
                 grants = {{ request-body = \"read-write\", response-body = \"read-write\" }}\n"
            ),
            &route("[\"counter\", \"p\"]"),
        ]
        .map(|part| part.as_str())
        .concat(),
    );
    let wasm = |name: &str| fs::read(paths::guest(name)).expect("a guest");
    let gateway = Setup::new(&toml).file("p.wasm", wasm("observer")).start().await;
    let client = gateway.client();
    assert_eq!(client.get("/kv/increment/n/5").await.json(), 5);
    let take = "/rate/alice?limit=9&algorithm=fixed-window&window=600000";
    assert_eq!(client.get(take).await.json()[0]["remaining"], 8);
    let instance = client.get("/id").await.json()["instance"].clone();
    let digests = async || {
        let plugins = gateway.admin().get("/plugins").await.json();
        let digest = |name: &str| {
            let of = |plugin: &&serde_json::Value| plugin["name"] == name;
            let plugin = plugins.as_array().expect("a list").iter().find(of).expect("the plugin");
            plugin["sha256"].clone()
        };
        (digest("counter"), digest("p"))
    };
    let before = digests().await;

    let (count, stop) = (Arc::new(Sender::new(0_u64)), Cell::new(false));
    let load = async {
        while !stop.get() {
            let answer = client.post("/a", "hello").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(["hello", "HELLO"].contains(&answer.text()), "{answer:?}");
            count.send_modify(|count| *count += 1);
        }
    };
    let swaps = async {
        let mut served = count.subscribe();
        for turn in 1..=6 {
            let (name, said) = match turn % 2 {
                0 => ("observer", "hello"),
                _ => ("body-upper", "HELLO"),
            };
            after(&gateway, "the swap", || replace(&gateway.path("p.wasm"), wasm(name))).await;
            assert_eq!(gateway.client().post("/a", "hello").await.text(), said);
            let before = *served.borrow();
            let enough = served.wait_for(|count| *count >= before + 20);
            within("requests between two swaps", enough).await.expect("it runs");
        }
        after(&gateway, "the last", || replace(&gateway.path("p.wasm"), wasm("body-upper"))).await;
        stop.set(true);
    };
    futures_util::future::join(load, swaps).await;
    assert_eq!(client.connections(), 1, "the client does not notice");

    // It has one instance for the worker, which is told from any other by its number.
    let now = digests().await;
    assert_eq!(now.0, before.0);
    assert_ne!(now.1, before.1);
    assert_eq!(client.get("/id").await.json()["instance"], instance, "the same instance");
    assert_eq!(client.get("/kv/increment/n/1").await.json(), 6);
    assert_eq!(client.get(take).await.json()[0]["remaining"], 7);
    // Its tick, that comes first at once and then each hour, did not come again.
    assert_eq!(client.get("/kv/increment/ticks/0").await.json(), 1);
    let connects = metric(&gateway, "torana_upstream_connects_total", &[]).await;
    assert!(connects <= 3.0, "connections to the service are kept: {connects}");
}
