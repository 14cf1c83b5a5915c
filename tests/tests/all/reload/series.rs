//! What becomes of `/metrics` when routes, plugins and mirrors go.

use tokio::sync::watch;
use torana_tests::{Backend, Gateway, reply, toml, within};

use super::{reloaded, saying};
use crate::guests::{marker, metric};

/// A route for each name, to `service` and as a copy to `copies-NAME`, with the plugin `plugin-NAME`.
fn config(names: &[&str], service: &Backend, shadow: &Backend) -> String {
    let each = |name: &&str| {
        let more = format!(
            "match = {{ path = \"/{name}\" }}\nchain = [\"plugin-{name}\"]\nupstream = \"service\"\n\
             mirror = {{ upstream = \"copies-{name}\" }}"
        );
        let upstream = toml::upstream(&format!("copies-{name}"), shadow.address());
        [upstream, marker(&format!("plugin-{name}")), toml::route(name, &more)].concat()
    };
    let service = toml::upstream("service", service.address());
    let parts: String = names.iter().map(each).collect();
    [toml::LISTEN, &service, &parts].concat()
}

async fn series(gateway: &Gateway) -> String {
    gateway.admin().get("/metrics").await.text().to_owned()
}

async fn requests(gateway: &Gateway, route: &str) -> f64 {
    metric(gateway, "torana_requests_total", &[&format!("route=\"{route}\"")]).await
}

#[tokio::test]
async fn series_of_what_is_gone_go_and_the_others_go_on() {
    let (service, shadow) = (saying("ok").await, saying("copy").await);
    let gateway = Gateway::start(&config(&["stays", "goes"], &service, &shadow)).await;
    let client = gateway.client();
    for path in ["/stays", "/goes", "/stays", "/goes"] {
        assert_eq!(client.get(path).await.status, 200);
    }
    shadow.wait_for(4).await;
    for gone in ["route=\"goes\"", "plugin=\"plugin-goes\"", "upstream=\"copies-goes\""] {
        assert!(series(&gateway).await.contains(gone), "{gone}");
    }
    reloaded(&gateway, &config(&["stays"], &service, &shadow)).await;
    let away = async { while series(&gateway).await.contains("goes") {} };
    within("the end of what is gone", away).await;
    assert_eq!(requests(&gateway, "stays").await, 2.0);
    assert_eq!(client.get("/stays").await.status, 200);
    assert_eq!(requests(&gateway, "stays").await, 3.0);
    let calls = ["plugin=\"plugin-stays\"", "decision=\"next\""];
    let decisions = metric(&gateway, "torana_plugin_decisions_total", &calls).await;
    assert_eq!(
        decisions, 3.0,
        "of three requests: it has nothing to do before there is a response"
    );

    reloaded(&gateway, &config(&["stays", "goes"], &service, &shadow)).await;
    assert_eq!(client.get("/goes").await.status, 200);
    assert_eq!(requests(&gateway, "goes").await, 1.0, "it begins anew");
    assert_eq!(requests(&gateway, "stays").await, 3.0);
}

#[tokio::test]
async fn series_stay_as_long_as_an_exchange_of_theirs() {
    let (go_on, may_go_on) = watch::channel(false);
    let service = Backend::start_async(move |_| {
        let mut may_go_on = may_go_on.clone();
        async move {
            let _ = may_go_on.wait_for(|go| *go).await;
            reply(200, "at last")
        }
    })
    .await;
    let shadow = saying("copy").await;
    let gateway = Gateway::start(&config(&["goes"], &service, &shadow)).await;
    let client = gateway.client();
    let change = async {
        service.wait_for(1).await;
        reloaded(&gateway, &config(&["stays"], &service, &shadow)).await;
        assert!(series(&gateway).await.contains("route=\"goes\""));
        go_on.send_replace(true);
    };
    let (answer, ()) = tokio::join!(client.get("/goes"), change);
    assert_eq!(answer.text(), "at last");
    let away = async { while series(&gateway).await.contains("goes") {} };
    within("the end of what is gone", away).await;
}

#[tokio::test]
async fn names_that_differ_from_reload_to_reload_do_not_pile_up() {
    let (service, shadow) = (saying("ok").await, saying("copy").await);
    let gateway = Gateway::start(&config(&["turn-0"], &service, &shadow)).await;
    let client = gateway.client();
    for turn in 1..=10 {
        let name = format!("turn-{turn}");
        reloaded(&gateway, &config(&[&name], &service, &shadow)).await;
        assert_eq!(client.get(&format!("/{name}")).await.status, 200);
    }
    let is_old = |line: &str| line.contains("turn-") && !line.contains("turn-10\"");
    let away = async { while series(&gateway).await.lines().any(is_old) {} };
    within("the end of what is gone", away).await;
    assert_eq!(requests(&gateway, "turn-10").await, 1.0);
}
