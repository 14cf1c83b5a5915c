//! What the client is told: problems (RFC 9457) that list what does not fit.

use torana_plugin_sdk::{prelude::*, serde::Serialize};

use crate::{body::Unfit, json::fragment, validate::Mismatch};

/// A refusal of a request.
pub(crate) fn refusal(unfit: &Unfit, status: u16, most: usize) -> Result<Reply, Failure> {
    let problem = |kind: &str, detail: &str| Reply::problem(400, kind, detail);
    Ok(match unfit {
        Unfit::Missing => problem("missing-body", "The request needs a body of JSON."),
        Unfit::OtherType => {
            let detail = "The body must be JSON, with the Content-Type `application/json`.";
            // Says what would do (RFC 9110, 15.5.16).
            Reply::problem(415, "unsupported-media-type", detail)
                .header("accept", "application/json")
        }
        Unfit::NotText => problem("malformed-json", "The body is not UTF-8."),
        Unfit::Malformed(why) => {
            problem("malformed-json", &format!("The body is not read as JSON: {why}."))
        }
        Unfit::TooDeep => problem("too-deep", "The body is nested too deep."),
        Unfit::Mismatch(found) => {
            mismatches("invalid-body", "The body does not fit its schema.", status, found, most)?
        }
    })
}

/// A refusal of parameters: of the `query`, or of the `path`.
pub(crate) fn refused_parameters(
    unfit: &Unfit,
    place: &str,
    most: usize,
) -> Result<Reply, Failure> {
    let found = if let Unfit::Mismatch(found) = unfit { found.as_slice() } else { &[] };
    let detail = match unfit {
        Unfit::NotText => format!("The parameters of the {place} are not UTF-8."),
        _ => format!("The parameters of the {place} do not fit their schema."),
    };
    mismatches(&format!("invalid-{place}"), &detail, 400, found, most)
}

/// A problem with its `errors`, as RFC 9457 (3) has them in its example.
fn mismatches(
    kind: &str,
    detail: &str,
    status: u16,
    found: &[Mismatch],
    most: usize,
) -> Result<Reply, Failure> {
    let mut reply = Reply::problem(status, kind, detail);
    let errors: Vec<_> = found.iter().take(most).map(Told::of).collect();
    if errors.is_empty() {
        return Ok(reply);
    }
    // The problem's own members come first, as everywhere.
    let mut body = String::from_utf8_lossy(reply.body.as_bytes()).into_owned();
    body.truncate(body.len() - 1);
    body += &format!(",\"errors\":{}}}", serde_json::to_string(&errors)?);
    reply.body = body.into();
    Ok(reply)
}

#[derive(Serialize)]
#[serde(crate = "torana_plugin_sdk::serde")]
struct Told<'a> {
    detail: &'a str,
    /// As a fragment, as in that example.
    pointer: String,
    schema: &'a str,
}

impl<'a> Told<'a> {
    fn of(found: &'a Mismatch) -> Self {
        Self { detail: &found.message, pointer: fragment(&found.pointer), schema: &found.schema }
    }
}
