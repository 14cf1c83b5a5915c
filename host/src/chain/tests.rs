use std::sync::Mutex;

use super::*;
use crate::{config::OnError, filter::Cause};

/// A filter that writes down its calls and answers as told.
struct Fake {
    name: Arc<str>,
    hooks: Hooks,
    on_error: OnError,
    calls: Arc<Mutex<Vec<String>>>,
    act: fn(Hook, &mut Exchange) -> Result<Verdict, Cause>,
}

impl Filter for Fake {
    fn name(&self) -> &Arc<str> {
        &self.name
    }
    fn hooks(&self) -> Hooks {
        self.hooks
    }
    fn on_error(&self) -> OnError {
        self.on_error
    }
    fn body_cap(&self) -> u64 {
        1000
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
    Fake { name, hooks: ALL, on_error: OnError::default(), calls, act }
}

fn next(_: Hook, _: &mut Exchange) -> Result<Verdict, Cause> {
    Ok(Verdict::Next)
}

fn chain(filters: Vec<Fake>) -> Chain<Fake> {
    Chain::new(filters, "r", &Telemetry::new())
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn heads_then_bodies_and_backward_on_the_way_out() {
    let calls = Calls::default();
    let chain = chain(vec![fake(&calls, "a", next), fake(&calls, "b", next)]);
    let mut x = Box::new(Exchange::vacant());
    x.response = Some(http::Response::new(()).into_parts().0);
    block(async {
        chain.request_heads(&mut x).await.unwrap();
        chain.request_body(&mut x, Bytes::from("in").into()).await.unwrap();
        chain.response_heads(&mut x, 2).await.unwrap();
        chain.response_body(&mut x, Bytes::from("out").into(), 2).await.unwrap();
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

#[test]
fn a_reply_stops_the_pass_where_it_was_made() {
    let calls = Calls::default();
    let reply = |_: Hook, _: &mut Exchange| {
        let (status, headers) = (http::StatusCode::FORBIDDEN, http::HeaderMap::new());
        Ok(Verdict::Respond(Reply { status, headers, body: Bytes::new() }))
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
    let (request, response) =
        block(async { (chain.request_heads(&mut x).await, chain.response_heads(&mut x, 1).await) });
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
    assert!(!x.request.headers.contains_key("content-length"), "hyper sets the new one");
}
