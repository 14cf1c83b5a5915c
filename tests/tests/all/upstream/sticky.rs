use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use torana_tests::{Backend, Gateway, Reply, Setup, reply, request};

use super::{named, plain, proxy};

const STICKY: &str = "sticky = { cookie = \"place\", key = { secret = \"places\" } }";

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A gateway whose clients stay with their targets. `more` is about the upstream.
async fn sticky(targets: &[&Backend], more: &str) -> Gateway {
    let secret = "\n[secrets]\nplaces = { env = \"PLACES\" }\n";
    let toml = proxy(&plain(targets), &format!("{STICKY}\n{more}"));
    Setup::new(&format!("{toml}{secret}")).env("PLACES", KEY).start().await
}

async fn ask(gateway: &Gateway, method: &str, cookies: &str) -> Reply {
    let request = request(method, "/").header("cookie", cookies);
    gateway.client().send(request, "").await
}

/// What a browser would send next time.
fn cookie_of(answer: &Reply) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_stays_with_the_target_that_answered_first() {
    let (a, b) = (named("a").await, named("b").await);
    let gateway = sticky(&[&a, &b], "").await;
    let first = ask(&gateway, "GET", "x=1").await;
    let set = first.header("set-cookie").unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    let cookie = cookie_of(&first);
    let value = cookie.strip_prefix("place=").unwrap();
    assert!(value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit()), "{value}");
    for method in ["GET", "POST", "PUT", "GET", "GET"] {
        let answer = ask(&gateway, method, &cookie).await;
        assert_eq!(answer.text(), first.text());
        assert_eq!(answer.header("set-cookie"), None, "only when it changes");
    }
    // Those without it take turns.
    let others = [ask(&gateway, "GET", "x=1").await, ask(&gateway, "GET", "x=1").await];
    assert_ne!(others[0].text(), others[1].text());
    assert_ne!(cookie_of(&others[0]), cookie_of(&others[1]));
}

#[tokio::test]
async fn the_service_gets_the_other_cookies_as_they_were() {
    let service = named("a").await;
    let gateway = sticky(&[&service], "").await;
    for (sent, expected) in [
        ("a=1;  place=0; b=\"x y\"", Some("a=1; b=\"x y\"")),
        ("place=0", None),
        ("a=1;b = 2;", Some("a=1;b = 2;")),
    ] {
        ask(&gateway, "GET", sent).await;
        assert_eq!(service.received().last().unwrap().header("cookie"), expected, "{sent}");
    }
}

#[tokio::test]
async fn every_gateway_with_the_same_key_knows_the_cookie() {
    let (a, b) = (named("a").await, named("b").await);
    let one = sticky(&[&a, &b], "").await;
    let first = ask(&one, "GET", "").await;
    let cookie = cookie_of(&first);
    drop(one);
    // Its targets stand in another order, and the first turn would be the other's.
    for order in [[&a, &b], [&b, &a]] {
        let other = sticky(&order, "").await;
        for _ in 0..3 {
            let answer = ask(&other, "GET", &cookie).await;
            assert_eq!((answer.text(), answer.header("set-cookie")), (first.text(), None));
        }
    }
}

#[tokio::test]
async fn a_cookie_that_nobody_gave_out_is_ignored() {
    let (a, b) = (named("a").await, named("b").await);
    let gateway = sticky(&[&a, &b], "").await;
    for forged in ["place=", "place=127.0.0.1:80", "place=00000000000000000000000000000000"] {
        let answer = ask(&gateway, "GET", forged).await;
        assert_eq!(answer.status, 200);
        assert_ne!(cookie_of(&answer), forged);
    }
}

#[tokio::test]
async fn whoever_loses_its_target_gets_another_one_and_stays_there() {
    let (a, b) = (named("a").await, named("b").await);
    let gateway = sticky(&[&a, &b], "").await;
    let first = ask(&gateway, "GET", "").await;
    let cookie = cookie_of(&first);
    let left = if first.text() == "a" {
        a.stop().await;
        b
    } else {
        b.stop().await;
        a
    };
    let moved = ask(&gateway, "POST", &cookie).await;
    assert_eq!(moved.status, 200);
    let cookie = cookie_of(&moved);
    let again = ask(&gateway, "GET", &cookie).await;
    assert_eq!((again.text(), again.header("set-cookie")), (moved.text(), None));
    assert_eq!(left.received().len(), 2);
}

#[tokio::test]
async fn a_retry_takes_the_session_with_it() {
    let is_busy = Arc::new(AtomicBool::new(false));
    let script = is_busy.clone();
    let one = Backend::start(move |_| match script.load(SeqCst) {
        true => reply(503, "busy"),
        false => reply(200, "one"),
    })
    .await;
    let two = named("two").await;
    let gateway = sticky(&[&one, &two], "retries = { on = [\"503\"] }").await;
    let answers = [ask(&gateway, "GET", "").await, ask(&gateway, "GET", "").await];
    let of_one = answers.iter().find(|answer| answer.text() == "one").expect("they take turns");
    let cookie = cookie_of(of_one);
    is_busy.store(true, SeqCst);
    let moved = ask(&gateway, "GET", &cookie).await;
    assert_eq!(moved.text(), "two");
    assert_ne!(cookie_of(&moved), cookie);
    // What is not repeated stays where it is, for better times.
    let stays = ask(&gateway, "POST", &cookie).await;
    assert_eq!((stays.text(), stays.header("set-cookie")), ("busy", None));
}

#[tokio::test]
async fn response_hooks_find_it_among_the_services_own() {
    let service = Backend::start(|_| {
        let mut answer = reply(200, "ok");
        answer.headers_mut().append("set-cookie", "own=1".parse().unwrap());
        answer
    })
    .await;
    let plugin = "\n[secrets]\nplaces = { env = \"PLACES\" }\n\n[plugins.headers]\n\
         component = \"headers\"\ngrants = { request-edit = true, response-edit = true, \
         headers = { read = [\"set-cookie\"], write = [\"set-cookie\"] } }\n\
         config.response.rename = { set-cookie = \"x-cookie\" }\n";
    let toml = proxy(&plain(&[&service]), STICKY);
    let toml = format!("{toml}\nchain = [\"headers\"]\n{plugin}");
    let gateway = Setup::new(&toml).env("PLACES", KEY).start().await;
    let answer = ask(&gateway, "GET", "").await;
    assert_eq!(answer.header("set-cookie"), None);
    let seen: Vec<_> = answer.headers.get_all("x-cookie").iter().collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0], "own=1");
    assert!(seen[1].to_str().unwrap().starts_with("place="), "{seen:?}");
}
