//! What went wrong becomes an answer: the only place that picks a status. A refusal is
//! problem+json (RFC 9457) with a stable `type`, a text that helps the client and shows nothing of
//! the inside, and the request id, under which the log has the rest.

mod grpc;
mod judge;

pub use grpc::{in_grpc, is_grpc};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use judge::{Judgement, judge};
use serde::Serialize;

use crate::{
    body::BodyError, chain::Why, fields::Fields, http1::Fault, message::Reply, router::BadPath,
    upstream::UpstreamError,
};

/// Everything that keeps an exchange from its service's own answer.
#[derive(Debug)]
pub enum Trouble {
    /// No route for this path.
    NoRoute,
    /// The path has routes, for these methods.
    OtherMethods(Vec<String>),
    /// The path means different things to different readers.
    BadPath(BadPath),
    /// A request that HTTP does not allow.
    BadRequest(&'static str),
    /// It is no message of HTTP/1.1.
    Malformed(Fault),
    /// Its head is larger than it may be.
    HeadTooLarge {
        /// How many it may have.
        bytes: usize,
        /// How many it may have.
        fields: usize,
    },
    /// The request target is longer than this many bytes.
    UriTooLong(usize),
    /// This gateway has seen the request before.
    Loop,
    /// It may not be forwarded once more, and its method means nothing here (RFC 9110, 7.6.2).
    LastHop,
    /// It is for the server as a whole, which no service stands for: an `OPTIONS *`.
    ServerWide,
    /// More requests in flight than the listener takes.
    Overloaded,
    /// A plugin stopped it.
    Chain(Why),
    /// The request body is longer than the route takes, which is this many bytes.
    BodyTooLarge(u64),
    /// An extended CONNECT for a protocol that the route does not grant.
    NoSuchProtocol,
    /// The service switched to a protocol that nobody asked it for.
    UnwantedSwitch,
    /// The service did not answer.
    Upstream(UpstreamError),
}

/// A refusal, and what the log should know.
pub struct Rescue {
    /// For the client.
    pub reply: Reply,
    /// For the log and the metric `torana_refusals_total{reason}`; none if it is the plugin's own
    /// decision.
    pub logged: Option<Logged>,
}

/// The log's side of a refusal.
pub struct Logged {
    /// The metric's label.
    pub reason: &'static str,
    /// The whole reason; none where it was written down as it happened.
    pub text: Option<String>,
    /// Whether somebody should look: the client's own mistakes are not worth waking anyone.
    pub is_ours: bool,
    /// The plugin that failed and its hook.
    pub plugin: Option<(std::sync::Arc<str>, &'static str)>,
    /// The upstream that refuses whatever comes for a while: one of a crowd.
    pub crowd: Option<std::sync::Arc<str>>,
}

/// What the client reads (RFC 9457).
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
}

/// The answer to trouble.
pub fn rescue(trouble: Trouble, request_id: &str) -> Rescue {
    if let Trouble::Chain(Why::Reply(reply)) = trouble {
        return Rescue { reply: *reply, logged: None };
    }
    if let Trouble::ServerWide = trouble {
        return Rescue { reply: abilities(), logged: None };
    }
    let verdict = judge(&trouble);
    let mut reply = problem(&verdict, request_id);
    if let Trouble::OtherMethods(methods) = &trouble
        && let Ok(allow) = HeaderValue::from_str(&methods.join(", "))
    {
        // RFC 9110, 15.5.6: a 405 must say what is allowed.
        reply.headers.insert(header::ALLOW, allow);
    }
    if verdict.status == StatusCode::SERVICE_UNAVAILABLE {
        reply.headers.insert(header::RETRY_AFTER, retry_after(&trouble).into());
    }
    let logged = Logged {
        reason: verdict.reason,
        text: (!is_told(&trouble)).then(|| log_text(&trouble)),
        is_ours: verdict.status.is_server_error(),
        plugin: plugin_of(&trouble),
        crowd: crowd_of(&trouble),
    };
    Rescue { reply, logged: Some(logged) }
}

/// What the gateway can do at all, whatever single routes take: to say that of each would tell a
/// stranger what there is.
fn abilities() -> Reply {
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    let headers = Fields::from_iter([(header::ALLOW, methods)]);
    Reply { status: StatusCode::NO_CONTENT, headers, body: Bytes::new() }
}

/// When to come again, seconds.
fn retry_after(trouble: &Trouble) -> u64 {
    match trouble {
        Trouble::Upstream(UpstreamError::Open { left, .. }) => {
            (left.as_secs_f64().ceil() as u64).max(1)
        }
        _ => 1,
    }
}

fn problem(verdict: &Judgement, request_id: &str) -> Reply {
    let problem = Problem {
        r#type: format!("urn:torana:problem:{}", verdict.reason),
        title: verdict.title,
        status: verdict.status.as_u16(),
        detail: &verdict.detail,
        request_id,
    };
    let mut headers = Fields::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    // A refusal is about this request only.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Reply { status: verdict.status, headers, body: Bytes::from(body) }
}

/// A stream hook's failure is told where it happens: most often nobody is left to hear of it later.
fn is_told(trouble: &Trouble) -> bool {
    let body = match trouble {
        Trouble::Chain(Why::RequestBody(error) | Why::ResponseBody(error, _))
        | Trouble::Upstream(UpstreamError::RequestBody(error)) => error,
        _ => return false,
    };
    matches!(body, BodyError::Plugin { .. })
}

fn log_text(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Chain(Why::Failed(failure, _)) => failure.cause.to_string(),
        Trouble::Chain(Why::RequestBody(error)) => format!("request: {error}"),
        Trouble::Chain(Why::ResponseBody(error, _)) => format!("response: {error}"),
        Trouble::Upstream(error) => error.to_string(),
        other => judge(other).detail,
    }
}

fn plugin_of(trouble: &Trouble) -> Option<(std::sync::Arc<str>, &'static str)> {
    match trouble {
        Trouble::Chain(Why::Failed(failure, _)) => {
            Some((failure.plugin.clone(), failure.hook.name()))
        }
        _ => None,
    }
}

fn crowd_of(trouble: &Trouble) -> Option<std::sync::Arc<str>> {
    match trouble {
        Trouble::Upstream(
            UpstreamError::Open { upstream, .. } | UpstreamError::Busy { upstream, .. },
        ) => Some(upstream.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::filter::{Cause, Failure, Hook};

    #[test]
    fn a_plugins_panic_is_for_the_log_only() {
        let cause = Cause::Trap("panicked at 'secret thing', src/lib.rs:7".into());
        let failure = Failure { plugin: "auth".into(), hook: Hook::RequestHead, cause };
        let rescue = rescue(Trouble::Chain(Why::Failed(failure, 500)), "id-1");
        let text = String::from_utf8(rescue.reply.body.to_vec()).unwrap();
        assert!(!text.contains("secret thing") && !text.contains("auth"), "{text}");
        assert!(text.contains("\"request_id\":\"id-1\""));
        let logged = rescue.logged.unwrap();
        assert!(logged.text.unwrap().contains("secret thing") && logged.is_ours);
        assert_eq!(logged.plugin.unwrap().0.as_ref(), "auth");
    }

    #[test]
    fn a_503_says_when_to_come_again() {
        let after = |left| {
            let open = UpstreamError::Open { upstream: "service".into(), left };
            rescue(Trouble::Upstream(open), "x").reply.headers["retry-after"].clone()
        };
        assert_eq!(after(Duration::from_millis(3000)), "3");
        assert_eq!(after(Duration::from_millis(3001)), "4");
        assert_eq!(after(Duration::ZERO), "1");
        assert_eq!(rescue(Trouble::Overloaded, "x").reply.headers["retry-after"], "1");
    }

    #[test]
    fn a_405_says_what_is_allowed() {
        let rescue = rescue(Trouble::OtherMethods(vec!["GET".into(), "HEAD".into()]), "x");
        assert_eq!(rescue.reply.status, 405);
        assert_eq!(rescue.reply.headers["allow"], "GET, HEAD");
        assert!(!rescue.logged.unwrap().is_ours);
    }
}
