//! Documents that are large, swell or mean harm: what each costs, and whom.

use futures_util::future::join_all;
use torana_tests::{Backend, Body, Gateway, reply, request, toml};

use crate::{
    guests::{PATIENT, failures, one_worker},
    sandbox::bodies::{gzip, gzip_of_zeros},
    shaping::{records, translating, xml},
};

fn json_reply(body: impl Into<bytes::Bytes>) -> http::Response<Body> {
    let mut answer = reply(200, body);
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert("content-type", json);
    answer
}

/// An array of so many bytes, of products.
fn products(bytes: usize) -> String {
    let product = |number: usize| {
        let id = 10_000_000 + number;
        format!(
            "{{\"id\":{id},\"name\":\"Tea & co, of the second flush, whole leaf\",\"price\":4.20,\"tags\":[\"a\",null]}}"
        )
    };
    let items: Vec<_> = (0..bytes / (product(0).len() + 1)).map(product).collect();
    format!("[{}]", items.join(","))
}

fn shaping(backend: &Backend, limits: &str) -> String {
    let plugin = format!(
        "\n[plugins.shape]\ncomponent = \"bff-shape\"\n{limits}\n\
         grants = {{ request-edit = true, response-edit = true, response-body = \"read-write\" }}\n\
         config.profiles.phone = {{ exclude = [\"[*].price\"] }}\n"
    );
    let upstream = toml::upstream("service", backend.address());
    let more = format!("{}\nchain = [\"shape\"]", toml::ALL);
    [toml::LISTEN, &upstream, &plugin, &toml::route("all", &more)].concat()
}

/// Two parts, of which one may be left out.
fn aggregating(backend: &Backend, more: &str) -> String {
    let plugin = format!(
        "\n[plugins.details]\ncomponent = \"aggregate\"\ngrants = {{ fetch = [\"service\"] }}\n{more}\n\
         config.parts.must = {{ to = \"service\", path = \"/must\" }}\n\
         config.parts.may = {{ to = \"service\", path = \"/may\", on_error = \"omit\" }}\n"
    );
    let route = "match = { path = \"/details\" }\nchain = [\"details\"]";
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin, &toml::route("details", route)].concat()
}

#[tokio::test]
async fn ten_megabytes_of_json_become_xml_in_the_default_memory() {
    let document = format!("{{\"order\":{{\"item\":{}}}}}", products(10 << 20));
    let count = document.matches("\"id\":").count();
    let backend = Backend::start(move |received| {
        let text = std::str::from_utf8(&received.body).expect("UTF-8");
        assert!(text.ends_with("</order>"), "the document is whole");
        let items = text.matches("<item><id>").count();
        let names = text
            .matches(
                "<name>Tea &amp; co, of the second flush, whole leaf</name><price>4.20</price>",
            )
            .count();
        reply(200, format!("{items} {names}"))
    })
    .await;
    let limits = "limits = { cpu = \"15s\", body = \"16MiB\" }\nconfig.service = \"xml\"";
    let gateway = Gateway::start(&translating(&backend, limits)).await;
    for coding in ["identity", "gzip"] {
        let asked = request("POST", "/a")
            .header("content-type", "application/json")
            .header("content-encoding", coding);
        let body = match coding {
            "gzip" => gzip(document.as_bytes()),
            _ => document.clone().into_bytes(),
        };
        let answer = gateway.client().send(asked, body).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("{count} {count}")));
    }
    assert_eq!(failures(&gateway, "xml", "memory").await, 0.0);
}

#[tokio::test]
async fn ten_megabytes_of_answers_are_joined_in_the_default_memory() {
    let half = products(5 << 20);
    let served = half.clone();
    let backend = Backend::start(move |_| json_reply(served.clone())).await;
    let more = "limits = { cpu = \"15s\", wall = \"120s\", body = \"16MiB\" }\n\
                config.max_bytes = \"16MiB\"\nconfig.timeout = \"60s\"";
    let gateway = Gateway::start(&aggregating(&backend, more)).await;
    let answer = gateway.client().get("/details").await;
    assert_eq!(answer.status, 200, "{:?}", answer.headers);
    assert_eq!(answer.text(), format!("{{\"must\":{half},\"may\":{half}}}"));
    assert_eq!(failures(&gateway, "details", "memory").await, 0.0);
}

#[tokio::test]
async fn an_answer_past_the_cap_is_left_out_or_fails_the_reply() {
    let backend = Backend::start(|received| match &*received.target {
        "/may" => json_reply(products(300_000)),
        _ => json_reply("[]"),
    })
    .await;
    let more = format!("{PATIENT}\nconfig.max_bytes = \"100KiB\"");
    let gateway = Gateway::start(&aggregating(&backend, &more)).await;
    let answer = gateway.client().get("/details").await;
    assert_eq!((answer.status, answer.text()), (200, "{\"must\":[]}"));
    assert_eq!(answer.header("x-aggregate-parts"), Some("must=ok, may=too-large"));

    let backend = Backend::start(|_| json_reply(products(300_000))).await;
    let gateway = Gateway::start(&aggregating(&backend, &more)).await;
    let problem = gateway.client().get("/details").await.problem(502);
    assert_eq!(problem["detail"], "The part `must` of the reply could not be had.");
}

#[tokio::test]
async fn a_response_past_the_cap_is_not_shaped_and_not_passed() {
    let bomb = gzip_of_zeros(5 << 20);
    let backend = Backend::start(move |received| {
        if received.target == "/plain" {
            return json_reply(products(300_000));
        }
        let mut answer = json_reply(bomb.clone());
        let gzip = http::HeaderValue::from_static("gzip");
        answer.headers_mut().insert("content-encoding", gzip);
        answer
    })
    .await;
    let limits = format!("{PATIENT}\nlimits.body = \"100KiB\"");
    let gateway = Gateway::start(&shaping(&backend, &limits)).await;
    for target in ["/plain", "/bomb"] {
        gateway.client().get(target).await.problem(502);
    }
    assert_eq!(failures(&gateway, "shape", "memory").await, 0.0);
}

/// On one worker, so that they would be in each other's way.
#[tokio::test]
async fn a_hostile_document_costs_its_sender_alone() {
    let backend = Backend::start(|_| reply(200, "{\"ok\":true}")).await;
    let strict = "limits = { cpu = \"5ms\", body = \"16MiB\" }";
    let config = translating(&backend, PATIENT);
    let hostile = translating(&backend, strict);
    let plugin = hostile.split_once("\n[plugins.xml]").expect("the plugin").1;
    let plugin = plugin.split_once("\n[[routes]]").expect("a route").0;
    let route = "match = { path = \"/strict\" }\nupstream = \"service\"\nchain = [\"strict\"]";
    let config = config.replace(toml::LISTEN, &one_worker());
    let config = [&config, "\n[plugins.strict]", plugin, &toml::route("strict", route)].concat();
    let gateway = Gateway::start(&config).await;

    let attributes: String = (0..10_000).map(|number| format!(" a{number}='1'")).collect();
    let refused = [
        "<a>".repeat(100_000),
        format!("<a{attributes}/>"),
        format!("<{}/>", "a".repeat(100_000)),
        "<!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;</a>".to_owned(),
        "<a>&#x0;</a>".to_owned(),
    ];
    let client = gateway.client();
    let friendly = || client.send(xml("/a"), "<order><id>7</id></order>");
    let hostile = join_all(refused.map(|document| client.send(xml("/a"), document)));
    let slow = client.send(xml("/strict"), records(8 << 20));
    let (hostile, slow, friends) =
        tokio::join!(hostile, slow, join_all((0..20).map(|_| friendly())));
    for answer in hostile {
        answer.problem(400);
    }
    assert!(slow.status >= 500, "it has used up its time: {slow:?}");
    assert_eq!(failures(&gateway, "strict", "cpu").await, 1.0);
    assert!(friends.iter().all(|answer| answer.status == 200));
    assert_eq!(backend.received().len(), friends.len(), "nothing hostile got through");
    assert_eq!(friendly().await.status, 200);
}
