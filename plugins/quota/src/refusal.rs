//! Refusals, as the client gets them and as the log has them.

use std::fmt;

use serde::Serialize;
use torana_plugin_sdk::prelude::*;

use crate::{
    decide::Refusal,
    fields::{self, Reading},
};

/// The problem type that the draft registers (section 5.1), with its title.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const TITLE: &str = "Request cannot be satisfied as assigned quota has been exceeded";

impl Refusal<'_> {
    /// What the client gets.
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::NoKey(_) => Reply::problem(
                403,
                "unidentified-caller",
                "The request does not say who calls, and callers are counted here.",
            ),
            Self::NoTier(_) => {
                Reply::problem(403, "no-quota", "There is no quota for callers of your tier.")
            }
            Self::Exceeded(readings) => exceeded(readings),
            Self::StoreDown(_) => Reply::problem(
                503,
                "quota-unavailable",
                "Requests cannot be counted at the moment. Try again later.",
            ),
        }
    }
}

fn exceeded(readings: &[Reading<'_>]) -> Reply {
    let used_up = || readings.iter().filter(|reading| !reading.allowed);
    let names: Vec<_> = used_up().map(|reading| reading.limit.name.as_str()).collect();
    let seconds = fields::retry_after(readings);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let problem = Exceeded {
        r#type: QUOTA_EXCEEDED,
        title: TITLE,
        status: 429,
        detail: format!("Too many requests. Try again in {seconds} {unit}."),
        violated_policies: names,
    };
    let body = serde_json::to_string(&problem).expect("texts and a number are JSON");
    let reply = Reply { body: body.into(), ..Reply::empty(429) };
    reply
        .header("content-type", "application/problem+json")
        .header("cache-control", "no-store")
        .header("retry-after", seconds.to_string())
}

/// Problem details (RFC 9457), with the draft's own member.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Exceeded<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: String,
    violated_policies: Vec<&'a str>,
}

/// For the log.
impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(source) => write!(
                f,
                "nobody to count: `{source}` has no value, or more than one; should another \
                 plugin stand before this one, or `missing_key` be \"ip\"?"
            ),
            Self::NoTier(Some(tier)) => write!(
                f,
                "there are no limits for tier `{tier}`: add it to `tiers`, or set `limit` for all \
                 who have none of them"
            ),
            Self::NoTier(None) => {
                f.write_str("the caller has no tier: set `limit` for those who have none")
            }
            Self::Exceeded(readings) => {
                let used_up = readings.iter().filter(|reading| !reading.allowed);
                let names: Vec<_> =
                    used_up.map(|reading| format!("`{}`", reading.limit.name.as_str())).collect();
                let seconds = fields::retry_after(readings);
                write!(f, "limit {} is used up for {seconds} s", names.join(" and "))
            }
            Self::StoreDown(why) => write!(f, "the counters did not answer: {why}"),
        }
    }
}
