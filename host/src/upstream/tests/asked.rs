//! What is noted of the targets that were asked.

use std::time::Duration;

use tokio::join;

use super::{OK, Service, build, fails, get, nowhere, settings, soon, text};
use crate::{
    config::{self, Hedge, Retries, RetryOn},
    message::Asked,
    upstream::{Caller, Upstream},
};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

/// The status, if there was an answer.
async fn ask(upstream: &Upstream, asked: &Asked) -> Option<u16> {
    let mut call = upstream.call(Caller::default(), get("/"), soon());
    call.note(asked);
    Some(call.answer().await.ok()?.head.status.as_u16())
}

fn repeating(settings: config::Upstream, hedge: Option<Hedge>) -> config::Upstream {
    let on = vec![RetryOn::Status(503)];
    let backoff = Duration::from_millis(1);
    let retries = Retries { attempts: 2, on, budget: 20, backoff, body: 8, hedge };
    config::Upstream { retries: Some(retries), ..settings }
}

#[tokio::test]
async fn whoever_takes_no_connection_was_asked_too() {
    let service = Service::start().await;
    let upstream = build(settings(&[nowhere().await, service.address()]));
    let asked = Asked::default();
    assert_eq!((asked.attempts(), asked.target()), (0, None));
    let (_peer, status) = join!(service.answer(OK), ask(&upstream, &asked));
    assert_eq!((status, asked.attempts(), asked.target()), (Some(200), 2, Some(1)));
    assert_eq!(upstream.target_name(1).map(|name| &**name), Some(&*service.address().to_string()));
}

#[tokio::test]
async fn where_nobody_answers_it_is_the_last_one() {
    let upstream = build(settings(&[nowhere().await]));
    let asked = Asked::default();
    assert_eq!(ask(&upstream, &asked).await, None);
    assert_eq!((asked.attempts(), asked.target()), (1, Some(0)));
}

#[tokio::test]
async fn whoever_is_refused_has_asked_nobody() {
    let mut settings = settings(&[nowhere().await]);
    settings.limits.in_flight = Some(0);
    let (upstream, asked) = (build(settings), Asked::default());
    let mut call = upstream.call(Caller::default(), get("/"), soon());
    call.note(&asked);
    fails(call.answer().await);
    assert_eq!((asked.attempts(), asked.target()), (0, None));
}

#[tokio::test]
async fn a_retry_is_another_attempt() {
    let (one, two) = (Service::start().await, Service::start().await);
    let upstream = build(repeating(settings(&[one.address(), two.address()]), None));
    let asked = Asked::default();
    let (_one, _two, status) = join!(one.answer(BUSY), two.answer(OK), ask(&upstream, &asked));
    assert_eq!((status, asked.attempts(), asked.target()), (Some(200), 2, Some(1)));
}

#[tokio::test]
async fn of_two_at_a_time_it_is_the_one_that_answers() {
    let (one, two) = (Service::start().await, Service::start().await);
    let hedge = Hedge { after: Duration::from_millis(1), most: 1 };
    let upstream = build(repeating(settings(&[one.address(), two.address()]), Some(hedge)));
    let asked = Asked::default();
    let serve = async {
        let (mut slow, mut other) = (one.accept().await, two.accept().await);
        other.head().await;
        slow.answer(OK).await;
        (slow, other)
    };
    let (_peers, answer) = join!(serve, async {
        let mut call = upstream.call(Caller::default(), get("/"), soon());
        call.note(&asked);
        text(call.answer().await).await
    });
    assert_eq!((answer.0, asked.attempts(), asked.target()), (200, 2, Some(0)));
}
