//! Clients are sent elsewhere: where they should go, and nowhere else.

use torana_tests::{Client, Gateway, Reply, Unused, raw, request, toml};

use crate::guests::{PATIENT, marker};

/// Routes by name, path and what they do.
async fn gateway(routes: &[(&str, &str)], more: &str) -> Gateway {
    let route = |(path, redirect): &(&str, &str)| {
        let name = path.trim_matches(['/', '}']).replace(['/', '{', '*', '}'], "-");
        let name = format!("r-{name}");
        toml::route(&name, &format!("match = {{ path = \"{path}\" }}\nredirect = {redirect}"))
    };
    let routes: String = routes.iter().map(route).collect();
    Gateway::start(&[toml::LISTEN, &routes, more].concat()).await
}

#[track_caller]
fn assert_sent(answer: &Reply, status: u16, location: &str) {
    assert_eq!((answer.status, answer.header("location")), (status, Some(location)), "{answer:?}");
    assert_eq!((answer.text(), answer.header("content-length")), ("", Some("0")));
}

async fn get(client: &Client, target: &str) -> Reply {
    client.send(request("GET", target).header("host", "shop.example:8080"), "").await
}

#[tokio::test]
async fn plain_http_is_sent_to_https() {
    let all = [("/{*all}", "{ to = \"https://{host}:8443{path}\", status = 308 }")];
    let gateway = gateway(&all, "").await;
    let client = gateway.client();
    for (target, place) in [
        ("/", "/"),
        ("/a/b?c=%26&d", "/a/b?c=%26&d"),
        ("/a%20b//c", "/a%20b/c"),
        ("/a/../b", "/b"),
        ("//evil.example/", "/evil.example/"),
    ] {
        let location = format!("https://shop.example:8443{place}");
        assert_sent(&get(&client, target).await, 308, &location);
    }
    for method in ["HEAD", "POST", "DELETE"] {
        let request = request(method, "/a").header("host", "[::1]:80");
        let answer = client.send(request, "a body that nobody reads").await;
        assert_sent(&answer, 308, "https://[::1]:8443/a");
    }
}

#[tokio::test]
async fn parameters_and_the_query_go_along() {
    let gateway = gateway(
        &[
            ("/old/{id}", "{ to = \"/new/{id}\", status = 301 }"),
            ("/docs/{*rest}", "{ to = \"https://docs.example/{rest}\", status = 302 }"),
            ("/find/{term}", "{ to = \"/search?q={term}&from={path}\", status = 303 }"),
            ("/dropped", "{ to = \"{scheme}://{host}/kept\", query = \"drop\" }"),
        ],
        "",
    )
    .await;
    let client = gateway.client();
    for (target, status, location) in [
        ("/old/7?a=1&b", 301, "/new/7?a=1&b"),
        ("/old/7", 301, "/new/7"),
        ("/old/a%20b%3Fc%23d%25", 301, "/new/a%20b%3Fc%23d%25"),
        ("/docs/a/b%20c", 302, "https://docs.example/a/b%20c"),
        ("/docs/", 302, "https://docs.example/"),
        ("/find/a%26b=c?d", 303, "/search?q=a%26b%3Dc&from=%2Ffind%2Fa%2526b%3Dc&d"),
        ("/dropped?a", 307, "http://shop.example/kept"),
    ] {
        assert_sent(&get(&client, target).await, status, location);
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_host_and_no_header_is_added() {
    let gateway =
        gateway(&[("/to/{*rest}", "{ to = \"/{rest}\" }"), ("/{*all}", "{ to = \"{path}\" }")], "")
            .await;
    let client = gateway.client();
    for (target, location) in [
        ("/to//evil.example/a", "/evil.example/a"),
        ("/to///evil.example", "/evil.example"),
        ("//evil.example/a", "/evil.example/a"),
        ("/to/a%0D%0ASet-Cookie:%20x=1", "/a%0D%0ASet-Cookie:%20x=1"),
        ("/to/%09/evil.example", "/%09/evil.example"),
        ("/to/@evil.example", "/@evil.example"),
    ] {
        let answer = get(&client, target).await;
        assert_sent(&answer, 307, location);
        assert_eq!(answer.header("set-cookie"), None);
    }
    get(&client, "/to/%5Cevil.example").await.problem(400);
}

#[tokio::test]
async fn without_a_host_there_is_nowhere_to_go() {
    let all = [("/{*all}", "{ to = \"https://{host}{path}\" }")];
    let gateway = gateway(&all, "").await;
    let answer = raw(gateway.address("public"), "GET /a HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 400 ") || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(!answer.to_lowercase().contains("\r\nlocation:"), "{answer}");
}

#[tokio::test]
async fn the_plugins_have_their_say_before_and_after() {
    let require = format!(
        "\n[plugins.require]\ncomponent = \"require\"\n{PATIENT}\n\
         config = {{ headers = [\"x-tenant\"], status = 403 }}\n"
    );
    let redirect = "{ to = \"/new\" }\nchain = [\"seen\", \"require\"]";
    let gateway = gateway(&[("/old", redirect)], &(marker("seen") + &require)).await;
    let client = gateway.client();
    let refused = client.get("/old").await;
    refused.problem(403);
    assert_eq!(refused.header("location"), None);
    let answer = client.send(request("GET", "/old").header("x-tenant", "a"), "").await;
    assert_sent(&answer, 307, "/new");
    assert_eq!(answer.header("x-seen"), Some("seen"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_still_refused() {
    let unused = Unused::new();
    let small = [("/small", "{ to = \"/new\" }\nmax_body = 4")];
    let other = toml::upstream("service", unused.address()) + &toml::route("all", toml::ALL);
    let gateway = gateway(&small, &other).await;
    gateway.client().post("/small", "12345").await.problem(413);
    assert_sent(&gateway.client().post("/small", "1234").await, 307, "/new");
}
