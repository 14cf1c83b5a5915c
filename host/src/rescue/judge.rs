//! Which status each trouble has, its name in metrics and logs, and its text for the client.

use http::StatusCode;

use super::Trouble;
use crate::{body::BodyError, chain::Why, upstream::UpstreamError};

/// What a trouble is called, on both sides.
pub(super) struct Judgement {
    pub(super) status: StatusCode,
    /// The last part of `type`, and the metric's label.
    pub(super) reason: &'static str,
    pub(super) title: &'static str,
    /// For the client.
    pub(super) detail: String,
}

pub(super) fn judge(trouble: &Trouble) -> Judgement {
    match trouble {
        Trouble::NoRoute => verdict(
            StatusCode::NOT_FOUND,
            "no-route",
            "Not found",
            "Nothing is served at this path.",
        ),
        Trouble::OtherMethods(methods) => verdict(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            format!("This path takes {}.", methods.join(", ")),
        ),
        Trouble::BadPath(why) => verdict(
            StatusCode::BAD_REQUEST,
            "bad-path",
            "Bad path",
            format!("The request was refused because {}.", why.detail()),
        ),
        Trouble::BadRequest(why) => verdict(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "Bad request",
            format!("The request was refused because {why}."),
        ),
        Trouble::Malformed(fault) => verdict(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "Bad request",
            format!("The request was refused because {fault}."),
        ),
        Trouble::HeadTooLarge { bytes, fields } => verdict(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "head-too-large",
            "Request header fields too large",
            format!("The head may have {bytes} bytes and {fields} fields at most."),
        ),
        Trouble::UriTooLong(cap) => verdict(
            StatusCode::URI_TOO_LONG,
            "uri-too-long",
            "URI too long",
            format!("The request target is longer than {cap} bytes."),
        ),
        Trouble::NoSuchProtocol => verdict(
            StatusCode::NOT_IMPLEMENTED,
            "no-such-protocol",
            "Not implemented",
            "This path does not become that protocol.",
        ),
        Trouble::UnwantedSwitch => verdict(
            StatusCode::BAD_GATEWAY,
            "unwanted-switch",
            "Bad gateway",
            "The service switched to another protocol than it was asked for.",
        ),
        Trouble::LastHop => verdict(
            StatusCode::NOT_IMPLEMENTED,
            "last-hop",
            "Not implemented",
            "Max-Forwards ends here, and the gateway itself does not know the method.",
        ),
        // This one and a plugin's reply are answers by themselves: nobody is told of a problem.
        Trouble::ServerWide => verdict(StatusCode::NO_CONTENT, "server-wide", "", ""),
        Trouble::Loop => verdict(
            StatusCode::LOOP_DETECTED,
            "loop",
            "Loop detected",
            "The request came back to this gateway too often.",
        ),
        Trouble::Overloaded => verdict(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "Overloaded",
            "Too many requests are being served. Try again in a moment.",
        ),
        Trouble::BodyTooLarge(cap) => too_large(*cap),
        Trouble::Chain(why) => judge_chain(why),
        Trouble::Upstream(error) => judge_upstream(error),
    }
}

fn judge_chain(why: &Why) -> Judgement {
    match why {
        Why::Reply(reply) => verdict(reply.status, "plugin", "Refused", ""),
        Why::Failed(failure, status) => plugin_failed(*status, failure.cause.client()),
        Why::RequestBody(error) => judge_request_body(error),
        Why::ResponseBody(BodyError::Request(error), _) => judge_request_body(error),
        Why::ResponseBody(BodyError::Plugin { client, status, .. }, _) => {
            plugin_failed(*status, client)
        }
        Why::ResponseBody(BodyError::Timeout | BodyError::Deadline { .. }, _) => verdict(
            StatusCode::GATEWAY_TIMEOUT,
            "upstream-timeout",
            "Gateway timeout",
            "The service did not answer in time.",
        ),
        Why::ResponseBody(_, status) => verdict(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
            "bad-upstream-body",
            "Bad gateway",
            "The service's answer cannot be processed.",
        ),
    }
}

fn judge_request_body(error: &BodyError) -> Judgement {
    match error {
        BodyError::Plugin { client, status, .. } => plugin_failed(*status, client),
        BodyError::TooLarge(cap) => too_large(*cap),
        BodyError::Decode(why) => verdict(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-coding",
            "Unsupported media type",
            format!("The body cannot be decoded: {why}."),
        ),
        BodyError::Timeout => too_slow(),
        _ => verdict(StatusCode::BAD_REQUEST, "broken-body", "Bad request", "The body broke off."),
    }
}

fn judge_upstream(error: &UpstreamError) -> Judgement {
    match error {
        UpstreamError::Timeout { .. } => verdict(
            StatusCode::GATEWAY_TIMEOUT,
            "upstream-timeout",
            "Gateway timeout",
            "The service did not answer in time.",
        ),
        UpstreamError::RequestBody(error) => judge_request_body(error),
        UpstreamError::Connect { .. } | UpstreamError::Denied { .. } => verdict(
            StatusCode::BAD_GATEWAY,
            "upstream-unreachable",
            "Bad gateway",
            "The service cannot be reached.",
        ),
        UpstreamError::LookUp { .. } => verdict(
            StatusCode::BAD_GATEWAY,
            "upstream-unresolved",
            "Bad gateway",
            "The service cannot be found.",
        ),
        UpstreamError::Busy { .. } => verdict(
            StatusCode::SERVICE_UNAVAILABLE,
            "upstream-busy",
            "Service unavailable",
            "The service has as much to do as it can. Try again in a moment.",
        ),
        UpstreamError::Open { .. } => verdict(
            StatusCode::SERVICE_UNAVAILABLE,
            "circuit-open",
            "Service unavailable",
            "The service is in trouble and is left alone for a moment. Try again later.",
        ),
        UpstreamError::Protocol { .. } => verdict(
            StatusCode::BAD_GATEWAY,
            "upstream-failed",
            "Bad gateway",
            "The service's answer broke off or made no sense.",
        ),
    }
}

/// RFC 9110, 15.5.9: the client is the one that took too long.
fn too_slow() -> Judgement {
    verdict(
        StatusCode::REQUEST_TIMEOUT,
        "request-timeout",
        "Request timeout",
        "The body did not arrive in time.",
    )
}

fn too_large(cap: u64) -> Judgement {
    verdict(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        "Content too large",
        format!("The body may have {cap} bytes at most."),
    )
}

/// Where the plugin has no text for the client, the host's own says nothing of the inside.
fn plugin_failed(status: u16, detail: &str) -> Judgement {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = status.canonical_reason().unwrap_or("Refused");
    let general = "The gateway could not process the request. The log has the reason under the \
                   request id.";
    let detail = if detail.is_empty() { general } else { detail };
    verdict(status, "plugin-failed", title, detail)
}

fn verdict(
    status: StatusCode,
    reason: &'static str,
    title: &'static str,
    detail: impl Into<String>,
) -> Judgement {
    Judgement { status, reason, title, detail: detail.into() }
}
