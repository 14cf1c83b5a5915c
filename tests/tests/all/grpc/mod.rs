//! gRPC goes through as it is: a client and a service of tonic's, the gateway between them, HTTP/2 on
//! both of its sides.

mod client;
mod service;

use std::time::Duration;

use client::Client;
use futures_util::stream;
use service::{Talk, Text, text};
use tokio::sync::mpsc;
use tonic::{Code, Request};
use torana_tests::{Authority, Gateway, Setup, Unused, toml, within};

use crate::guests::PATIENT;

/// Of a key that nobody here has.
const HASH: &str =
    "sha256:ACMEacme:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE";

/// A route for everything, to the upstream `service`, which speaks HTTP/2.
fn to(talk: &Talk, more: &str) -> String {
    let upstream = toml::upstream("service", talk.address());
    let route = toml::route("all", &format!("{}\n{more}", toml::ALL));
    format!("{}{upstream}protocol = \"h2\"\n{route}", toml::LISTEN)
}

async fn started(more: &str) -> (Talk, Gateway, Client) {
    let talk = Talk::start(None).await;
    let gateway = Gateway::start(&to(&talk, more)).await;
    let client = Client::connect(gateway.address("public")).await;
    (talk, gateway, client)
}

/// Every kind of call, once.
async fn converse(client: &mut Client) {
    let said = client.unary("Say", Request::new(text("hello"))).await.expect("a reply");
    assert_eq!(said.metadata().get("x-said-by").expect("metadata"), "talk");
    assert_eq!(said.get_ref().text, "hello");

    let asked = Text { text: String::new(), count: 300 };
    let mut numbers = client.server_streaming("Count", asked).await.expect("a reply").into_inner();
    for expected in 0..300 {
        let next = within("a number", numbers.message()).await.expect("no failure");
        assert_eq!(next.expect("a number").count, expected);
    }
    assert_eq!(within("the end", numbers.message()).await.expect("a status"), None);

    let long = "0123456789".repeat(2_000);
    let messages = stream::iter(vec![text(&long); 100]);
    let joined = client.client_streaming("Join", messages).await.expect("a reply").into_inner();
    assert_eq!((joined.count, joined.text.len()), (100, 2_000_000));

    let (say, mut said) = mpsc::channel(1);
    let messages = stream::poll_fn(move |cx| said.poll_recv(cx));
    let chat = client.streaming("Chat", messages).await.expect("a reply");
    let mut chat = chat.into_inner();
    // Each answer comes before the next message is sent, so nothing waits for anything to be whole.
    for word in ["one", "two", "three"] {
        say.send(text(word)).await.expect("it is open");
        let answer = within("an answer", chat.message()).await.expect("no failure");
        assert_eq!(answer.expect("an answer").text, word);
    }
    drop(say);
    assert_eq!(within("the end", chat.message()).await.expect("a status"), None);
}

#[tokio::test]
async fn every_kind_of_call_passes_over_cleartext_http2() {
    let (talk, _gateway, mut client) = started("").await;
    converse(&mut client).await;
    for head in talk.heads() {
        assert_eq!(head["te"], "trailers");
        assert_eq!(head["content-type"], "application/grpc");
        assert!(head["user-agent"].to_str().expect("text").starts_with("tonic/"), "{head:?}");
    }
}

#[tokio::test]
async fn every_kind_of_call_passes_over_tls_on_both_sides() {
    let authority = Authority::new();
    let talk = Talk::start(Some(authority.issue(&["127.0.0.1"]).acceptor_of(&["h2"]))).await;
    let tls = "tls = [{ cert = \"a.pem\", key = \"a.key\" }]\n";
    let upstream = toml::upstream("service", talk.address());
    let upstream = format!("{upstream}protocol = \"h2\"\ntls = {{ ca = \"ca.pem\" }}\n");
    let toml = [toml::LISTEN, tls, &upstream, &toml::route("all", toml::ALL)].concat();
    let identity = authority.issue(&["a.example"]);
    let setup = Setup::new(&toml).file("a.pem", identity.cert).file("a.key", identity.key);
    let gateway = setup.file("ca.pem", authority.pem()).start().await;
    let connector = authority.connector(&["h2"], None);
    let mut client = Client::connect_tls(gateway.address("public"), "a.example", connector).await;
    converse(&mut client).await;
}

#[tokio::test]
async fn plugins_that_need_heads_only_hold_no_message_back() {
    let headers = format!(
        "chain = [\"mark\"]\n[plugins.mark]\ncomponent = \"headers\"\n{PATIENT}\n\
         grants = {{ request-edit = true, response-edit = true }}\n\
         config.request.set = {{ x-marked = \"yes\" }}\n"
    );
    let (talk, _gateway, mut client) = started(&headers).await;
    converse(&mut client).await;
    assert!(talk.heads().iter().all(|head| head["x-marked"] == "yes"));
}

#[tokio::test]
async fn a_status_arrives_with_its_message_and_its_details() {
    let (_talk, _gateway, mut client) = started("").await;
    // Nothing but a head, which has the status: "Trailers-Only".
    let status = client.unary("Say", Request::new(text(""))).await.expect_err("a status");
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "say: 100 % nothing, é"));
    assert_eq!(status.details(), b"\x00\xffdetails");
    // Behind messages, in the trailers.
    let asked = Text { text: "fail".to_owned(), count: 2 };
    let mut numbers = client.server_streaming("Count", asked).await.expect("a reply").into_inner();
    for _ in 0..2 {
        assert!(within("a number", numbers.message()).await.expect("no failure yet").is_some());
    }
    let status = within("the end", numbers.message()).await.expect_err("a status");
    assert_eq!((status.code(), status.message()), (Code::DataLoss, "no more numbers"));
    // A method that is not there.
    let status = client.unary("Sing", Request::new(text("la"))).await.expect_err("a status");
    assert_eq!((status.code(), status.message()), (Code::Unimplemented, "/talk.Talk/Sing"));
}

#[tokio::test]
async fn a_deadline_reaches_the_service_and_ends_the_call_there() {
    let (talk, _gateway, mut client) = started("").await;
    let mut request = Request::new(text("slowly"));
    request.set_timeout(Duration::from_millis(300));
    let status = client.unary("Hang", request).await.expect_err("a status");
    assert!([Code::Cancelled, Code::DeadlineExceeded].contains(&status.code()), "{status:?}");
    talk.wait("the service to be let go", |seen| seen.cancelled == 1).await;
    assert_eq!(talk.heads()[0]["grpc-timeout"], "300000u");
}

#[tokio::test]
async fn a_client_that_gives_a_call_up_ends_it_at_the_service() {
    let (talk, _gateway, client) = started("").await;
    let mut impatient = client.clone();
    let call = tokio::spawn(async move { impatient.unary("Hang", Request::new(text("a"))).await });
    talk.wait("the call", |seen| seen.heads.len() == 1).await;
    call.abort();
    talk.wait("the end of the call", |seen| seen.cancelled == 1).await;
    // Only the call: its connection, which others share, goes on.
    converse(&mut client.clone()).await;
}

#[tokio::test]
async fn what_the_gateway_answers_itself_is_a_status_with_a_message() {
    let keys = format!(
        "chain = [\"keys\"]\n[plugins.keys]\ncomponent = \"api-key\"\n{PATIENT}\n\
         grants = {{ request-edit = true, attributes = [\"consumer.id\"] }}\n\
         config.consumers = [{{ id = \"acme\", keys = [\"{HASH}\"] }}]\n"
    );
    for (more, method, code, message) in [
        (&*keys, "Say", Code::Unauthenticated, "An API key is needed, in the header `x-api-key`."),
        (
            "timeout = \"200ms\"",
            "Hang",
            Code::DeadlineExceeded,
            "The service did not answer in time.",
        ),
        ("max_body = \"3B\"", "Say", Code::ResourceExhausted, "The body may have 3 bytes at most."),
    ] {
        let (_talk, _gateway, mut client) = started(more).await;
        let status = client.unary(method, Request::new(text("hello"))).await.expect_err("a status");
        assert_eq!((status.code(), status.message()), (code, message), "{more}");
        // What is said in fields is metadata: how to authenticate.
        let challenged = status.metadata().contains_key("www-authenticate");
        assert_eq!(challenged, code == Code::Unauthenticated, "{status:?}");
    }
    let nobody = Unused::new();
    let upstream = toml::upstream("service", nobody.address());
    let toml = format!(
        "{}{upstream}protocol = \"h2\"\n{}",
        toml::LISTEN,
        toml::route("one", "match = { path = \"/talk.Talk/Say\" }\nupstream = \"service\"")
    );
    let gateway = Gateway::start(&toml).await;
    let mut client = Client::connect(gateway.address("public")).await;
    for (method, code, message) in [
        ("Say", Code::Unavailable, "The service cannot be reached."),
        ("Sing", Code::Unimplemented, "Nothing is served at this path."),
    ] {
        let status = client.unary(method, Request::new(text("hello"))).await.expect_err("a status");
        assert_eq!((status.code(), status.message()), (code, message), "{method}");
    }
}
