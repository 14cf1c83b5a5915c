//! The `quota` plugin under many requests at once, and what it says after a reload.

use futures_util::future::join_all;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use torana_tests::{Backend, Gateway, reply, toml, within};

use crate::guests::{PATIENT, metric, wait_for_metric};

const CONNECTIONS: usize = 100;
const STREAMS: usize = 100;
const LIMIT: usize = 1_000;

fn config(algorithm: &str, backend: &Backend) -> String {
    // On a busy machine calls wait for each other, which is not what this is about.
    let quota = format!(
        "\n[plugins.quota]\ncomponent = \"quota\"\n{PATIENT}\nlimits.instances = 900\n\
         grants = {{ rate-limit = true, response-edit = true }}\n\
         config.key = \"client.address\"\n\
         config.limit = {{ limit = \"{LIMIT}/1d\", algorithm = \"{algorithm}\" }}\n"
    );
    let limits = "limits = { h2_streams = 100, requests = 20000 }\n";
    let route = toml::route("all", &format!("{}\nchain = [\"quota\"]", toml::ALL));
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, limits, &upstream, &quota, &route].concat()
}

/// Ten thousand requests, all on their way before the first is answered for most of them; gives how
/// many had which status.
async fn ask_all(gateway: &Gateway) -> (usize, usize) {
    let address = gateway.address("public");
    let connection = async |_| {
        let tcp = TcpStream::connect(address).await.expect("connecting");
        let (client, driver) =
            handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.expect("h2");
        tokio::spawn(driver);
        let stream = async |_| {
            let request = Request::get("http://a.example/a").body(Empty::<bytes::Bytes>::new());
            let mut client = client.clone();
            let sent = client.send_request(request.expect("a request"));
            let response = sent.await.expect("a reply");
            let status = response.status();
            response.into_body().collect().await.expect("a body");
            status
        };
        join_all((0..STREAMS).map(stream)).await
    };
    let all = join_all((0..CONNECTIONS).map(connection));
    let statuses: Vec<_> = within("ten thousand replies", all).await.concat();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    (count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS))
}

#[tokio::test]
async fn of_ten_thousand_at_once_exactly_a_thousand_pass() {
    // In a day GCRA gives one back every 86 seconds, so none during the test.
    for algorithm in ["gcra", "fixed-window"] {
        let backend = Backend::start(|_| reply(200, "fine")).await;
        let gateway = Gateway::start(&config(algorithm, &backend)).await;
        let all = CONNECTIONS * STREAMS;
        assert_eq!(ask_all(&gateway).await, (LIMIT, all - LIMIT), "{algorithm}");
        assert_eq!(backend.received().len(), LIMIT, "{algorithm}");
        let labels = ["plugin=\"quota\"", "status=\"429\""];
        let refused = metric(&gateway, "torana_plugin_decisions_total", &labels).await;
        assert_eq!(refused, (all - LIMIT) as f64, "{algorithm}");
    }
}

/// Two an hour, so many of them at once.
fn bursting(burst: u8, backend: &Backend) -> String {
    let quota = format!(
        "\n[plugins.quota]\ncomponent = \"quota\"\n{PATIENT}\n\
         grants = {{ rate-limit = true, response-edit = true }}\n\
         config.key = \"client.address\"\n\
         config.limit = {{ limit = \"2/1h\", burst = {burst} }}\n"
    );
    let route = toml::route("all", &format!("{}\nchain = [\"quota\"]", toml::ALL));
    [toml::LISTEN, &toml::upstream("service", backend.address()), &quota, &route].concat()
}

#[tokio::test]
async fn what_was_taken_before_a_limit_was_made_smaller_is_told_with_the_wait() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let gateway = Gateway::start(&bursting(6, &backend)).await;
    let client = gateway.client();
    for _ in 0..6 {
        assert_eq!(client.get("/a").await.status, 200);
    }
    gateway.write(&bursting(1, &backend));
    gateway.signal_reload();
    wait_for_metric(&gateway, "torana_config_reloads_total", &["result=\"ok\""], 1.0).await;
    let refused = client.get("/a").await;
    assert_eq!(refused.status, 429);
    let told: u64 = refused.header("retry-after").expect("when to come again").parse().unwrap();
    // All six, which come back in three hours; under the new limit alone it would be one, in half an hour.
    assert!((9_000..=10_800).contains(&told), "{told}");
}
