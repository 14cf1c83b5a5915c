//! The plugins that shape data, on what only a running gateway can show.

use std::sync::Arc;

use tokio::sync::Notify;
use torana_tests::{Backend, Gateway, reply, request, toml};

use crate::{
    guests::{PATIENT, failures},
    sandbox::bodies::{gzip, gzip_of_zeros},
};

/// `aggregate` over four parts of one service: `related` needs `product`, `slow` needs nobody.
fn aggregating(backend: &Backend) -> String {
    let plugin = format!(
        "\n[plugins.details]\ncomponent = \"aggregate\"\n{PATIENT}\ngrants = {{ fetch = [\"service\"] }}\n\
         config.parts.product = {{ to = \"service\", path = \"/product/{{params.id}}\" }}\n\
         config.parts.related = {{ to = \"service\", path = \"/related/{{parts.product.kind}}\" }}\n\
         config.parts.slow = {{ to = \"service\", path = \"/slow\" }}\n"
    );
    let route = "match = { path = \"/details/{id}\" }\nchain = [\"details\"]";
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin, &toml::route("details", route)].concat()
}

#[tokio::test]
async fn a_slow_part_delays_nobody_who_does_not_need_it() {
    let related = Arc::new(Notify::new());
    let backend = Backend::start_async(move |received| {
        let related = related.clone();
        async move {
            match &*received.target {
                "/slow" => {
                    // It answers only when `related` was asked, which needs `product` first.
                    related.notified().await;
                    reply(200, "\"at last\"")
                }
                "/related/tea" => {
                    related.notify_one();
                    reply(200, "[1.10, 12345678901234567890123]")
                }
                "/product/7" => reply(200, "{\"kind\":\"tea\",\"id\":7}"),
                other => panic!("nobody asked for {other}"),
            }
        }
    })
    .await;
    let gateway = Gateway::start(&aggregating(&backend)).await;
    let answer = gateway.client().get("/details/7").await;
    let expected = "{\"product\":{\"kind\":\"tea\",\"id\":7},\
                    \"related\":[1.10, 12345678901234567890123],\"slow\":\"at last\"}";
    assert_eq!((answer.status, answer.text()), (200, expected));
}

pub(crate) fn translating(backend: &Backend, limits: &str) -> String {
    let plugin = format!(
        "\n[plugins.xml]\ncomponent = \"xml-json\"\n{limits}\n\
         grants = {{ request-edit = true, response-edit = true, request-body = \"read-write\", \
         response-body = \"read-write\" }}\n"
    );
    let upstream = toml::upstream("service", backend.address());
    let more = format!("{}\nchain = [\"xml\"]", toml::ALL);
    [toml::LISTEN, &upstream, &plugin, &toml::route("all", &more)].concat()
}

/// Records as partners send them, of about so many bytes.
pub(crate) fn records(bytes: usize) -> String {
    let record = |number: usize| {
        format!(
            "<item sku=\"{number:08}\"><name>Tea &amp; co {number}</name><price>4.20</price></item>"
        )
    };
    let count = bytes / record(0).len();
    let items: String = (0..count).map(record).collect();
    format!("<?xml version=\"1.0\"?>\n<order>{items}</order>")
}

pub(crate) fn xml(target: &str) -> http::request::Builder {
    request("POST", target)
        .header("content-type", "application/xml")
        .header("accept", "application/json")
}

#[tokio::test]
async fn ten_megabytes_of_xml_fit_into_the_default_memory() {
    let backend = Backend::start(|received| {
        let json: serde_json::Value = serde_json::from_slice(&received.body).expect("JSON");
        let items = json["order"]["item"].as_array().map_or(0, Vec::len);
        reply(200, format!("{{\"items\":{items}}}"))
    })
    .await;
    let limits = "limits = { cpu = \"15s\", body = \"16MiB\" }";
    let gateway = Gateway::start(&translating(&backend, limits)).await;
    let document = records(10 << 20);
    let count = document.matches("<item ").count();
    for (coding, body) in
        [("identity", document.clone().into_bytes()), ("gzip", gzip(document.as_bytes()))]
    {
        let answer =
            gateway.client().send(xml("/a").header("content-encoding", coding), body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["items"].to_string().trim_matches('"'), count.to_string());
    }
    assert_eq!(failures(&gateway, "xml", "memory").await, 0.0);
}

#[tokio::test]
async fn past_the_cap_a_body_is_refused_and_so_is_one_that_swells() {
    let large = records(200_000);
    let backend =
        Backend::start(move |_| reply(200, format!("{{\"a\":\"{}\"}}", "x".repeat(200_000)))).await;
    let limits = format!("{PATIENT}\nlimits.body = \"100KiB\"");
    let gateway = Gateway::start(&translating(&backend, &limits)).await;
    gateway.client().send(xml("/a"), large).await.problem(413);
    let bomb = gzip_of_zeros(5 << 20);
    assert!(bomb.len() < 50_000);
    gateway.client().send(xml("/a").header("content-encoding", "gzip"), bomb).await.problem(413);
    assert!(backend.received().is_empty());
    let asked = request("GET", "/a").header("accept", "application/xml");
    assert_eq!(gateway.client().send(asked, "").await.status, 502);
}

#[tokio::test]
async fn ten_megabytes_of_json_are_shaped_in_the_default_memory() {
    let item =
        |number: usize| format!("{{\"id\":{number},\"price\":1.10,\"secret\":\"{number:060}\"}}");
    let document = |items: Vec<String>| format!("{{\"items\":[{}]}}", items.join(","));
    let large = document((0..110_000).map(item).collect());
    assert!(large.len() > 10 << 20);
    let (count, served) = (110_000, large.clone());
    let backend = Backend::start(move |_| {
        let mut answer = reply(200, served.clone());
        let json = http::HeaderValue::from_static("application/json");
        answer.headers_mut().insert("content-type", json);
        answer
    })
    .await;
    let plugin = "\n[plugins.shape]\ncomponent = \"bff-shape\"\n\
        limits = { cpu = \"15s\", body = \"16MiB\" }\n\
        grants = { request-edit = true, response-edit = true, response-body = \"read-write\" }\n\
        config.profiles.phone = { exclude = [\"items[*].secret\"] }\n";
    let upstream = toml::upstream("service", backend.address());
    let more = format!("{}\nchain = [\"shape\"]", toml::ALL);
    let config = [toml::LISTEN, &upstream, plugin, &toml::route("all", &more)].concat();
    let gateway = Gateway::start(&config).await;
    let answer = gateway.client().get("/a").await;
    assert_eq!(answer.status, 200, "{:?}", answer.headers);
    assert_eq!(answer.text().matches("\"price\":1.10").count(), count, "numbers stay as they are");
    assert!(!answer.text().contains("secret"));
    assert_eq!(failures(&gateway, "shape", "memory").await, 0.0);
}
