use std::sync::Mutex;

use bytes::BytesMut;

use super::*;
use crate::{
    config::{OnError, OnErrorAction},
    fields::Fields,
    filter::{Cause, Hooks, Verdict},
    heads::ResponseHead,
    message::{Change, Requests, Standing},
    telemetry::Telemetry,
};

/// A filter that writes down its calls and answers as told.
struct Fake {
    name: Arc<str>,
    hooks: Hooks,
    standing: Standing,
    on_error: OnError,
    listens: bool,
    calls: Arc<Mutex<Vec<String>>>,
    act: fn(Hook, &mut Exchange) -> Result<Verdict, Cause>,
}

/// Doubles what passes and says `.` at the end; fails at an `!`.
struct Doubling(Arc<str>, Option<Calls>);

impl crate::filter::Stage for Doubling {
    async fn chunk(&mut self, data: Bytes) -> Result<Bytes, Failure> {
        if data.contains(&b'!') {
            let (plugin, hook) = (self.0.clone(), Hook::ResponseStream);
            return Err(Failure { plugin, hook, cause: Cause::Trap("broke".into()) });
        }
        Ok([&data[..], &data[..]].concat().into())
    }

    async fn finish(self) -> Result<Bytes, Failure> {
        if let Some(calls) = &self.1 {
            calls.lock().unwrap().push(format!("{}:end", self.0));
        }
        Ok(Bytes::from_static(b"."))
    }
}

impl Filter for Fake {
    type Stage = Doubling;

    async fn open(
        &self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Option<Doubling>, Failure> {
        match self.call(hook, exchange).await? {
            Verdict::Next => {
                let calls = self.listens.then(|| self.calls.clone());
                Ok(Some(Doubling(self.name.clone(), calls)))
            }
            Verdict::Respond(_) => Ok(None),
        }
    }

    fn name(&self) -> &Arc<str> {
        &self.name
    }
    fn hooks(&self) -> Hooks {
        self.hooks
    }
    fn standing(&self) -> &Standing {
        &self.standing
    }
    fn on_error(&self) -> OnError {
        self.on_error
    }
    fn body_cap(&self) -> u64 {
        1000
    }
    fn listens(&self, _: Hook) -> bool {
        self.listens
    }
    async fn call(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<Verdict, Failure> {
        self.calls.lock().unwrap().push(format!("{}:{}", self.name, hook.name()));
        (self.act)(hook, exchange).map_err(|cause| Failure {
            plugin: self.name.clone(),
            hook,
            cause,
        })
    }
}

const ALL: Hooks = Hooks {
    request_head: true,
    request_body: true,
    request_stream: false,
    handler: false,
    response_head: true,
    response_body: true,
    response_stream: false,
    tick: false,
    schema: false,
};

type Calls = Arc<Mutex<Vec<String>>>;

fn fake(calls: &Calls, name: &str, act: fn(Hook, &mut Exchange) -> Result<Verdict, Cause>) -> Fake {
    let (name, calls) = (name.into(), calls.clone());
    let (standing, on_error) = (Standing::default(), OnError::default());
    Fake { name, hooks: ALL, standing, on_error, listens: false, calls, act }
}

fn next(_: Hook, _: &mut Exchange) -> Result<Verdict, Cause> {
    Ok(Verdict::Next)
}

fn chain(filters: Vec<Fake>) -> Chain<Fake> {
    Chain::new(filters, "r", &Telemetry::new().scope())
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn heads_then_bodies_and_backward_on_the_way_out() {
    let calls = Calls::default();
    let chain = chain(vec![fake(&calls, "a", next), fake(&calls, "b", next)]);
    let mut x = Box::new(Exchange::vacant());
    x.response = Some(ResponseHead::default());
    block(async {
        chain.request_heads(&mut x).await.unwrap();
        chain.request_body(&mut x, Bytes::from("in").into()).await.unwrap();
        chain.response_heads(&mut x, chain.all()).await.unwrap();
        chain.response_body(&mut x, Bytes::from("out").into(), chain.all()).await.unwrap();
    });
    let expected = [
        "a:on-request-head",
        "b:on-request-head",
        "a:on-request-body",
        "b:on-request-body",
        "b:on-response-head",
        "a:on-response-head",
        "b:on-response-body",
        "a:on-response-body",
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
    assert_eq!(x.trail.len(), 8);
}

fn set(name: &'static str, value: &'static str) -> Vec<Change> {
    vec![Change::Set(http::HeaderName::from_static(name), http::HeaderValue::from_static(value))]
}

#[test]
fn what_stands_is_done_where_the_plugin_is_and_before_its_hooks() {
    let calls = Calls::default();
    let sees = |hook: Hook, x: &mut Exchange| {
        let of_request = x.request.headers.get("x-by").map(|by| by.as_bytes());
        let of_response = x.response.as_ref().and_then(|head| head.headers.get("x-by"));
        match hook {
            Hook::RequestHead => assert_eq!(of_request, Some(&b"b"[..])),
            _ => assert_eq!(of_response.map(|by| by.as_bytes()), Some(&b"b"[..])),
        }
        x.ahead.keep(1, set("x-ahead", "b")).unwrap();
        Ok(Verdict::Next)
    };
    let mut filters = vec![fake(&calls, "a", next), fake(&calls, "b", sees)];
    for (filter, by) in filters.iter_mut().zip(["a", "b"]) {
        filter.standing.keep_for_requests(set("x-by", by)).unwrap();
        filter.standing.keep_for_responses(set("x-by", by)).unwrap();
    }
    filters[1].standing.keep_for_responses(set("x-ahead", "stands")).unwrap();
    let chain = chain(filters);
    let mut x = Box::new(Exchange::vacant());
    block(chain.request_heads(&mut x)).unwrap();
    assert_eq!(x.request.headers["x-by"], "b");
    let respond = |x: &mut Exchange| x.response = Some(ResponseHead::default());
    respond(&mut x);
    block(chain.response_heads(&mut x, chain.all())).unwrap();
    let head = x.response.take().unwrap().headers;
    assert_eq!(head["x-by"], "a", "backward");
    assert_eq!(head["x-ahead"], "b", "what stands comes first");
    // What the first one replies itself has nothing of either.
    respond(&mut x);
    block(chain.response_heads(&mut x, Back::before(0))).unwrap();
    assert!(x.response.unwrap().headers.is_empty());
}

#[test]
fn a_hook_is_called_for_what_it_sees_of_the_request() {
    let calls = Calls::default();
    let mut filters = vec![fake(&calls, "a", next), fake(&calls, "b", next)];
    let asked = || Requests { headers: vec!["x-debug".parse().unwrap()], ..Requests::default() };
    filters.iter_mut().for_each(|filter| filter.standing.call_only_for(asked()));
    filters[0].act = |_, x| {
        x.request.headers.remove("x-debug");
        Ok(Verdict::Next)
    };
    let chain = chain(filters);
    let mut x = Box::new(Exchange::vacant());
    block(chain.request_heads(&mut x)).unwrap();
    assert_eq!(*calls.lock().unwrap(), [""; 0]);
    x.request.headers.insert("x-debug", "".parse().unwrap());
    block(chain.request_heads(&mut x)).unwrap();
    assert_eq!(*calls.lock().unwrap(), ["a:on-request-head"]);
    assert_eq!(x.trail.len(), 1);
}

#[test]
fn a_reply_stops_the_pass_where_it_was_made() {
    let calls = Calls::default();
    let reply = |_: Hook, _: &mut Exchange| {
        let (status, headers) = (http::StatusCode::FORBIDDEN, Fields::new());
        Ok(Verdict::Respond(Box::new(Reply { status, headers, body: Bytes::new() })))
    };
    let chain = chain(vec![fake(&calls, "a", next), fake(&calls, "b", reply)]);
    let mut x = Box::new(Exchange::vacant());
    let stop = block(chain.request_heads(&mut x)).unwrap_err();
    assert_eq!(stop.at, 1);
    assert!(matches!(stop.why, Why::Reply(_)));
}

#[test]
fn a_plugin_that_is_skipped_leaves_nothing_behind() {
    let calls = Calls::default();
    let mut half = fake(&calls, "half", |hook, x| {
        x.request.headers.insert("x-half", http::HeaderValue::from_static("1"));
        x.set_path = Some("/elsewhere".into());
        if hook == Hook::RequestBody {
            let new = Some(bytes::BytesMut::from("HALF"));
            x.request_body = BodySlot::Whole { bytes: Bytes::new(), replacement: new };
        }
        Err(Cause::Trap("half way".into()))
    });
    half.on_error.request = OnErrorAction::Skip;
    let chain = chain(vec![half]);
    let mut x = Box::new(Exchange::vacant());
    let body = block(async {
        chain.request_heads(&mut x).await.unwrap();
        chain.request_body(&mut x, Bytes::from("whole").into()).await.unwrap().collect(9).await
    });
    assert_eq!(body.unwrap(), "whole");
    assert!(x.request.headers.is_empty() && x.set_path.is_none());
    assert!(x.trail.iter().all(|step| step.decision == "skipped"));
}

#[test]
fn failures_deny_with_the_status_of_their_phase() {
    let calls = Calls::default();
    let mut broken = fake(&calls, "broken", |_, _| Err(Cause::Trap("no".into())));
    broken.on_error.response = OnErrorAction::Deny(503);
    let chain = chain(vec![broken]);
    let mut x = Box::new(Exchange::vacant());
    let (request, response) = block(async {
        (chain.request_heads(&mut x).await, chain.response_heads(&mut x, Back::before(1)).await)
    });
    assert!(matches!(request.unwrap_err().why, Why::Failed(_, 500)));
    assert!(matches!(response.unwrap_err().why, Why::Failed(_, 503)));
}

#[test]
fn what_a_body_hook_writes_is_the_body() {
    let calls = Calls::default();
    let shout = |hook: Hook, x: &mut Exchange| {
        if hook == Hook::RequestBody
            && let BodySlot::Whole { bytes, replacement } = &mut x.request_body
        {
            *replacement = Some(bytes.to_ascii_uppercase()[..].into());
        }
        Ok(Verdict::Next)
    };
    let chain = chain(vec![fake(&calls, "shout", shout), fake(&calls, "b", next)]);
    let mut x = Box::new(Exchange::vacant());
    x.request.headers.insert("content-length", http::HeaderValue::from_static("2"));
    let body = block(async {
        chain.request_body(&mut x, Bytes::from("hi").into()).await.unwrap().collect(9).await
    });
    assert_eq!(body.unwrap(), "HI");
    assert!(!x.request.headers.contains("content-length"), "hyper sets the new one");
}

fn streaming(calls: &Calls, name: &str) -> Fake {
    let hooks = Hooks { request_stream: true, response_stream: true, ..Hooks::default() };
    Fake { hooks, ..fake(calls, name, next) }
}

#[test]
fn bodies_pass_stream_hooks_and_whole_body_hooks_in_order() {
    let calls = Calls::default();
    let whole = fake(&calls, "whole", |_, exchange| {
        let seen = exchange.request_body.take_whole().expect("a body").0;
        let replacement = Some(BytesMut::from(&[&seen[..], b"|"].concat()[..]));
        exchange.request_body = BodySlot::Whole { bytes: seen, replacement };
        Ok(Verdict::Next)
    });
    let whole = Fake { hooks: Hooks { request_body: true, ..Hooks::default() }, ..whole };
    let chain = chain(vec![streaming(&calls, "a"), whole, streaming(&calls, "b")]);
    let mut exchange = Box::new(Exchange::vacant());
    exchange.request.headers.insert("content-length", http::HeaderValue::from_static("2"));
    let out = block(async {
        let body = Body::from(Bytes::from_static(b"xy"));
        let body = chain.request_body(&mut exchange, body).await.unwrap();
        body.collect(100).await.unwrap()
    });
    assert_eq!(out, "xyxy.|xyxy.|.");
    assert!(exchange.request.headers.is_empty(), "its length is another one");
    let order = ["a:on-request-stream", "whole:on-request-body", "b:on-request-stream"];
    assert_eq!(*calls.lock().unwrap(), order);
}

#[test]
fn a_stream_hook_that_fails_breaks_the_body_off() {
    let calls = Calls::default();
    let chain = chain(vec![streaming(&calls, "a")]);
    let mut exchange = Box::new(Exchange::vacant());
    exchange.response = Some(ResponseHead::default());
    let end = block(async {
        let body = Body::from(Bytes::from_static(b"x!"));
        let body = chain.response_body(&mut exchange, body, chain.all()).await.unwrap();
        body.collect(100).await
    });
    assert!(
        matches!(&end, Err(BodyError::Plugin { why, status: 500, at: 0, .. }) if why.contains("broke")),
        "{end:?}"
    );
}

#[test]
fn large_pieces_are_cut_and_an_empty_body_is_left_alone() {
    let calls = Calls::default();
    let chain = chain(vec![streaming(&calls, "a")]);
    let mut exchange = Box::new(Exchange::vacant());
    let large = Bytes::from(vec![b'x'; 200_000]);
    let (out, empty) = block(async {
        let body = chain.request_body(&mut exchange, Body::from(large)).await.unwrap();
        let empty = chain.request_body(&mut exchange, Body::Empty).await.unwrap();
        (body.collect(1 << 20).await.unwrap(), empty.collect(1).await.unwrap())
    });
    assert_eq!((out.len(), empty.len()), (400_001, 0));
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[test]
fn a_body_phase_that_stops_is_seen_by_all_but_its_plugin() {
    let calls = Calls::default();
    let chain = chain(vec![
        fake(&calls, "a", next),
        fake(&calls, "b", |hook, _| match hook {
            Hook::RequestBody => Err(Cause::Busy),
            _ => Ok(Verdict::Next),
        }),
        fake(&calls, "c", next),
    ]);
    let mut x = Box::new(Exchange::vacant());
    block(async {
        let stopped = chain.request_body(&mut x, Bytes::from("in").into()).await;
        let stop = stopped.err().expect("it stops");
        calls.lock().unwrap().clear();
        chain.response_heads(&mut x, chain.all_but(stop.at)).await.unwrap();
    });
    assert_eq!(*calls.lock().unwrap(), ["c:on-response-head", "a:on-response-head"]);
}

#[test]
fn a_stream_hook_sees_the_length_that_the_body_has_by_then() {
    let calls = Calls::default();
    let write = fake(&calls, "write", |_, exchange| {
        let (bytes, replacement) = (Bytes::new(), Some(BytesMut::from(&b"longer"[..])));
        exchange.response_body = BodySlot::Whole { bytes, replacement };
        Ok(Verdict::Next)
    });
    let write = Fake { hooks: Hooks { response_body: true, ..Hooks::default() }, ..write };
    let see = fake(&calls, "see", |_, exchange| {
        let head = exchange.response.as_ref().expect("a response");
        assert_eq!(head.headers["content-length"], "6");
        Ok(Verdict::Next)
    });
    let see = Fake { hooks: Hooks { response_stream: true, ..Hooks::default() }, ..see };
    let chain = chain(vec![see, write]);
    let mut exchange = Box::new(Exchange::vacant());
    let response = http::Response::builder().header("content-length", "2").body(()).unwrap();
    exchange.response = Some(response.into_parts().0.into());
    block(async {
        let body = Body::from(Bytes::from_static(b"ab"));
        let body = chain.response_body(&mut exchange, body, chain.all()).await.unwrap();
        assert_eq!(body.collect(100).await.unwrap(), "longerlonger.");
    });
    assert!(exchange.response.unwrap().headers.is_empty());
}

/// A chain of one that only hears responses, and the exchange of a body of three bytes.
fn listening(calls: &Calls, on_error: OnErrorAction) -> (Chain<Fake>, Box<Exchange>) {
    let hooks = Hooks { response_stream: true, ..Hooks::default() };
    let on_error = OnError { response: on_error, ..OnError::default() };
    let hear = Fake { hooks, on_error, listens: true, ..fake(calls, "hear", next) };
    let mut exchange = Box::new(Exchange::vacant());
    let response = http::Response::builder().header("content-length", "3").header("etag", "\"a\"");
    exchange.response = Some(response.body(()).unwrap().into_parts().0.into());
    (chain(vec![hear]), exchange)
}

async fn frame(body: &mut Body) -> Option<Result<Bytes, BodyError>> {
    let frame =
        std::future::poll_fn(|cx| http_body::Body::poll_frame(std::pin::Pin::new(&mut *body), cx));
    frame.await.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

#[test]
fn who_only_hears_a_body_changes_nothing_of_it_and_hears_its_end_before_others() {
    let calls = Calls::default();
    let (chain, mut exchange) = listening(&calls, OnErrorAction::Deny(500));
    block(async {
        let body = Body::from(Bytes::from_static(b"abc"));
        let mut body = chain.response_body(&mut exchange, body, chain.all()).await.unwrap();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(3));
        assert_eq!(frame(&mut body).await.unwrap().unwrap(), "abc");
        assert_eq!(*calls.lock().unwrap(), ["hear:on-response-stream", "hear:end"]);
        assert!(http_body::Body::is_end_stream(&body));
        assert!(frame(&mut body).await.is_none());
    });
    let headers = exchange.response.unwrap().headers;
    assert_eq!(
        (&headers["content-length"], &headers["etag"]),
        (&"3".parse().unwrap(), &"\"a\"".parse().unwrap())
    );
}

#[test]
fn an_empty_body_is_heard_before_anybody_has_it() {
    let calls = Calls::default();
    let (chain, mut exchange) = listening(&calls, OnErrorAction::Deny(500));
    block(chain.response_body(&mut exchange, Body::Empty, chain.all())).unwrap();
    assert_eq!(*calls.lock().unwrap(), ["hear:on-response-stream", "hear:end"]);
    assert!(!chain.changes_response(chain.all()), "HEAD says what GET would");
}

#[test]
fn a_body_goes_on_without_who_was_to_hear_it_only_if_the_file_says_so() {
    for (on_error, is_whole) in [(OnErrorAction::Skip, true), (OnErrorAction::Deny(500), false)] {
        let calls = Calls::default();
        let (chain, mut exchange) = listening(&calls, on_error);
        block(async {
            let body = Body::from(Bytes::from_static(b"ab!"));
            let mut body = chain.response_body(&mut exchange, body, chain.all()).await.unwrap();
            let first = frame(&mut body).await.unwrap();
            assert_eq!(first.is_ok_and(|piece| piece == "ab!"), is_whole);
            let then = frame(&mut body).await;
            assert!(then.is_none_or(|then| then.is_err() && !is_whole), "no end behind a failure");
        });
        assert_eq!(*calls.lock().unwrap(), ["hear:on-response-stream"]);
    }
}
