//! `json-schema` on a running gateway: what it refuses no service sees.

use std::fs;

use tempfile::TempDir;
use torana_tests::{Backend, Client, Gateway, Reply, Setup, command::torana, reply, request, toml};

use crate::guests::{PATIENT, metric};

/// `POST /orders` and `GET /orders` with the plugin `shape`.
fn file(backend: &Backend, config: &str) -> String {
    let plugin = format!(
        "\n[plugins.shape]\ncomponent = \"json-schema\"\n{PATIENT}\n\
         grants = {{ request-body = \"read\", response-body = \"read\" }}\n{config}\n"
    );
    let route = "match = { path = \"/orders\" }\nupstream = \"service\"\nchain = [\"shape\"]";
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin, &toml::route("orders", route)].concat()
}

const ORDER: &str = "config.request.schema = { required = [\"sku\"], properties = { \
                     sku = { type = \"string\", pattern = \"^[A-Z]+$\" }, price = { multipleOf = 0.01 } } }";

/// One that says what it got.
async fn echo() -> Backend {
    Backend::start(|received| {
        let mut answer = reply(200, received.body.clone());
        answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
        answer
    })
    .await
}

async fn post(client: &Client, body: &str) -> Reply {
    let head = request("POST", "/orders").header("content-type", "application/json");
    client.send(head.header("content-length", body.len()), body.to_owned()).await
}

async fn counted(gateway: &Gateway, name: &str) -> f64 {
    metric(gateway, "torana_plugin_custom_total", &[&format!("name=\"{name}\"")]).await
}

#[tokio::test]
async fn what_fits_passes_as_it_came() {
    let backend = echo().await;
    let gateway = Gateway::start(&file(&backend, ORDER)).await;
    let order = "{ \"price\": 19.990,\n\"sku\" : \"\\u0041B\", \"n\": 1e400 }";
    assert_eq!(post(&gateway.client(), order).await.text(), order);
    assert_eq!(backend.only().body, order);
}

#[tokio::test]
async fn what_does_not_fit_never_reaches_the_service() {
    let backend = echo().await;
    let gateway = Gateway::start(&file(&backend, ORDER)).await;
    let client = gateway.client();
    let problem = post(&client, "{\"sku\":\"tea 4111\",\"price\":0.005}").await.problem(422);
    let errors = problem["errors"].as_array().expect("a list");
    let places: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(places, ["#/price", "#/sku"], "{problem:#}");
    assert!(!problem.to_string().contains("4111"), "{problem:#}");
    gateway.wait_for_log("it is told", |line| line.contains("the request is refused: ")).await;
    assert!(!gateway.log().lines().iter().any(|line| line.contains("4111")));

    post(&client, "{\"sku\":\"A\",\"sku\":\"b\"}").await.problem(400);
    post(&client, "{\"sku\":").await.problem(400);
    post(&client, "").await.problem(400);
    let form =
        request("POST", "/orders").header("content-type", "application/x-www-form-urlencoded");
    let refused = client.send(form, "sku=A").await;
    refused.problem(415);
    assert_eq!(refused.header("accept"), Some("application/json"));
    assert!(backend.received().is_empty());
    assert_eq!(counted(&gateway, "request-refused").await, 5.0);
}

/// No length is told of these.
#[tokio::test]
async fn a_body_in_chunks_is_held_as_others_are() {
    let backend = echo().await;
    let gateway = Gateway::start(&file(&backend, ORDER)).await;
    let head = || request("POST", "/orders").header("content-type", "application/json");
    let pieces = |pieces: &'static [&'static str]| {
        torana_tests::stream(futures_util::stream::iter(
            pieces.iter().map(|piece| Ok((*piece).into())),
        ))
    };
    let client = gateway.client();
    client.send_body(head(), pieces(&["{\"sk", "u\":1}"])).await.problem(422);
    client.send_body(head(), pieces(&[])).await.problem(400);
    assert!(backend.received().is_empty());
    let fits = client.send_body(head(), pieces(&["{\"sk", "u\":\"A\"}"])).await;
    assert_eq!((fits.status, fits.text()), (200, "{\"sku\":\"A\"}"));
}

#[tokio::test]
async fn who_only_looks_counts_and_lets_pass() {
    let backend = echo().await;
    let more =
        "config.mode = \"observe\"\nconfig.response = { schema = false, mode = \"observe\" }";
    let gateway = Gateway::start(&file(&backend, &format!("{ORDER}\n{more}"))).await;
    let answer = post(&gateway.client(), "{\"sku\":7}").await;
    assert_eq!((answer.status, answer.text()), (200, "{\"sku\":7}"));
    let said = "the request would be refused: `/sku` must be a string (#/properties/sku/type)";
    gateway.wait_for_log("it is told", |line| line.contains(said)).await;
    assert_eq!(counted(&gateway, "request-observed").await, 1.0);
    assert_eq!(counted(&gateway, "response-observed").await, 1.0);
}

#[tokio::test]
async fn a_service_that_breaks_its_promise_is_a_bad_gateway() {
    let backend = echo().await;
    let gateway =
        Gateway::start(&file(&backend, "config.response.schema = { required = [\"id\"] }")).await;
    let client = gateway.client();
    let problem = post(&client, "{\"secret\":1}").await.problem(502);
    assert!(!problem.to_string().contains("required"), "{problem:#}");
    assert_eq!(post(&client, "{\"id\":1}").await.status, 200);
}

#[tokio::test]
async fn a_schema_in_a_file_is_taken_anew_when_it_changes() {
    let backend = echo().await;
    let toml = file(&backend, "config.request.schema = { file = \"order.schema.json\" }");
    let toml = toml.replace("watch = false", "watch = true");
    let setup = Setup::new(&toml).file("order.schema.json", "{\"required\":[\"sku\"]}\n");
    let gateway = setup.start().await;
    let client = gateway.client();
    post(&client, "{\"id\":1}").await.problem(422);
    let write = |schema: &str| {
        fs::write(gateway.path("next"), schema).expect("writing the file");
        fs::rename(gateway.path("next"), gateway.path("order.schema.json")).expect("renaming it");
    };
    write("{\"required\":[\"id\"]}");
    gateway.wait_for_log("the reload", |line| line.contains(" reloaded")).await;
    assert_eq!(post(&client, "{\"id\":1}").await.status, 200);
    // One that is none leaves the one that is in service.
    write("{\"required\":\"sku\"}");
    gateway.wait_for_log("its refusal", |line| line.contains("reload refused")).await;
    post(&client, "{\"sku\":1}").await.problem(422);
}

/// Each at its own line, down to the keyword.
#[test]
fn a_wrong_schema_is_explained_at_its_line() {
    let folder = TempDir::new().expect("a folder");
    let plugin = "\n[plugins.shape]\ncomponent = \"json-schema\"\n\
                  grants = { request-body = \"read\", response-body = \"read\" }\n\
                  [plugins.shape.config.request.schema]\n\
                  properties.sku = { type = \"strin\" }\n\
                  properties.to = { \"$ref\" = \"https://schemas.example/address.json\" }\n";
    let upstream = toml::upstream("service", "127.0.0.1:9001".parse().expect("an address"));
    let route = "match = { path = \"/orders\" }\nupstream = \"service\"\nchain = [\"shape\"]";
    let file = [toml::LISTEN, &upstream, plugin, &toml::route("orders", route)].concat();
    fs::write(folder.path().join("gateway.toml"), &file).expect("writing the file");
    let told = torana(folder.path(), &["check", "gateway.toml"]).expect(1).text();
    for (at, message) in [
        ("\"strin\"", "setting `request.schema.properties.sku.type`: write \"null\", \"boolean\""),
        ("\"https://schemas", "is not among these schemas, and nothing is fetched"),
    ] {
        let line = file[..file.find(at).expect("it is there")].matches('\n').count() + 1;
        let told =
            told.lines().find(|told| told.contains(message)).unwrap_or_else(|| panic!("{told}"));
        assert!(told.starts_with(&format!("gateway.toml:{line}:")), "{told}");
    }
}
