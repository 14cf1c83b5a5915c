//! What is done about targets that fail: `retries`, `eject` and `limits`.

use std::time::Duration;

use super::super::{
    Diagnostic,
    fault::Fault,
    keys::{HOUR, Kind, Shape, key},
    table::Table,
};

/// `retries = { attempts = 2, on = ["connect"] }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// After what it is sent again.
    pub on: Vec<RetryOn>,
    /// Repeated requests for each hundred.
    pub budget: u32,
    /// The pause before the first repetition is up to this; it doubles with each.
    pub backoff: Duration,
    /// Largest request body that is kept for a repetition, bytes.
    pub body: u64,
    /// When it is sent to a second target without waiting for the first, if ever.
    pub hedge: Option<Hedge>,
}

/// `hedge = { after = "50ms" }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hedge {
    /// How long the answers are waited for.
    pub after: Duration,
    /// How many more targets get the request.
    pub most: u32,
}

/// A reason to send a request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No target takes a connection.
    Connect,
    /// The connection broke before a response.
    Reset,
    /// `timeouts.try` or `timeouts.head` is over.
    Timeout,
    /// A response with this status.
    Status(u16),
}

/// `eject = { failures = 5 }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eject {
    /// Failures in a row that eject a target.
    pub failures: u32,
    /// In which they must come.
    pub window: Duration,
    /// For how long, the first time.
    pub period: Duration,
    /// The most of the targets that may be ejected, percent.
    pub most: u32,
    /// How long a target takes to get its whole share again.
    pub ramp: Duration,
}

/// `limits` of an upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// Requests in flight, in the process.
    pub in_flight: Option<usize>,
    /// Of these, requests that wait for a new connection.
    pub pending: Option<usize>,
}

const BUDGET: &str = "20%";
const MOST: &str = "50%";

pub(super) static RETRIES: Shape = Shape {
    id: "retries",
    place: "`retries` of [upstreams.NAME]",
    about: "Sends a request again where that is safe: to another target, if there is one, and \
            within the route's `timeout`. Safe are requests of which nothing was sent, and those \
            with an idempotent method (RFC 9110, 9.2.2) whose body is kept.",
    keys: &[
        key(
            "attempts",
            Kind::Integer(2, 10),
            "How often a request is sent at most, the first time included.",
        )
        .or("2"),
        key(
            "on",
            Kind::List(&Kind::Text("503")),
            "After what: \"connect\", \"reset\" (the connection broke before a response), \
             \"timeout\" (`try` or `head` of `timeouts`), or a status from 400 to 599. If not \
             given: \"connect\", \"reset\" and \"503\".",
        ),
        key(
            "budget",
            Kind::Text(BUDGET),
            "How many of the requests may be sent again, so that retries cannot drown a service \
             that is in trouble. Ten in each second are free.",
        )
        .or(BUDGET),
        key(
            "backoff",
            Kind::Duration(0, 60_000),
            "The pause before the first repetition is a random time up to this; it doubles with \
             each, up to 32 times.",
        )
        .or("25ms"),
        key(
            "body",
            Kind::Size(0, 16 << 20),
            "A request body up to this size is read before the request is sent, and kept.",
        )
        .or("64KiB"),
        key(
            "hedge",
            Kind::Table(&HEDGE),
            "Sends a request that is not answered soon to another target as well, if given.",
        ),
    ],
};

static HEDGE: Shape = Shape {
    id: "hedge",
    place: "`hedge` in `retries` of [upstreams.NAME]",
    about: "Sends a request to another target as well when the first one has not answered in time. \
            The first answer is taken, the other request is cancelled. Only where a request may be \
            sent again, out of the same `budget`, beside the `attempts`, and not for a request that \
            follows a `sticky` cookie.",
    keys: &[
        key(
            "after",
            Kind::Duration(1, HOUR),
            "How long the head of an answer is waited for. What nineteen of twenty requests take \
             is a good time.",
        )
        .required(),
        key(
            "most",
            Kind::Integer(1, 3),
            "How many more targets get the request, one after the other, `after` apart.",
        )
        .or("1"),
    ],
};

pub(super) static EJECT: Shape = Shape {
    id: "eject",
    place: "`eject` of [upstreams.NAME]",
    about: "Ejects a target after failures in a row: 502, 503 and 504, broken connections, within \
            a response too, timeouts, and connections that cannot be made. A run ends with an \
            answer that has come to its end.",
    keys: &[
        key("failures", Kind::Integer(1, 1000), "Failures in a row that eject a target.").or("5"),
        key("window", Kind::Duration(100, HOUR), "In which they must come.").or("10s"),
        key(
            "for",
            Kind::Duration(100, HOUR),
            "For how long, the first time. It doubles with each time, up to 16 times, and begins \
             anew when the target was in for ten times as long.",
        )
        .or("30s"),
        key(
            "most",
            Kind::Text(MOST),
            "The most of the targets that are ejected. Where fewer than the rest are fit, for \
             this or for other reasons, all that take connections are used.",
        )
        .or(MOST),
        key(
            "ramp",
            Kind::Duration(0, HOUR),
            "How long a target that comes back takes to get its whole share again: the \
             upstream's `slow_start`, if that is given.",
        )
        .or("10s"),
    ],
};

pub(super) static LIMITS: Shape = Shape {
    id: "upstream_limits",
    place: "`limits` of [upstreams.NAME]",
    about: "What may be asked of an upstream at a time; the rest is refused with 503 at once. \
            Without limit where none is given.",
    keys: &[
        key("in_flight", Kind::Integer(1, 10_000_000), "Requests that are not answered yet."),
        key(
            "pending",
            Kind::Integer(1, 10_000_000),
            "Of these, requests that wait for a new connection.",
        ),
    ],
};

pub(super) fn retries(table: &Table<'_>) -> Retries {
    Retries {
        attempts: table.integer("attempts") as u32,
        on: retry_on(table),
        budget: share(table, "budget", BUDGET),
        backoff: table.duration("backoff"),
        body: table.size("body"),
        hedge: table.get("hedge").and_then(|value| Some(hedge(&value.table()?))),
    }
}

fn hedge(table: &Table<'_>) -> Hedge {
    Hedge { after: table.duration("after"), most: table.integer("most") as u32 }
}

fn retry_on(table: &Table<'_>) -> Vec<RetryOn> {
    let Some(list) = table.get("on") else {
        return vec![RetryOn::Connect, RetryOn::Reset, RetryOn::Status(503)];
    };
    if list.is_empty_list() {
        let problem = Diagnostic::error(list.span, "`on` is empty: nothing would be sent again");
        table.cx.report(problem.help("leave `retries` out, or name a reason".to_owned()));
    }
    list.parsed_list(|text| match text {
        "connect" => Ok(RetryOn::Connect),
        "reset" => Ok(RetryOn::Reset),
        "timeout" => Ok(RetryOn::Timeout),
        status => {
            let code = status.parse().ok().filter(|code| (400..=599).contains(code));
            let fault = Fault::new("is no reason to send a request again");
            let help = "write \"connect\", \"reset\", \"timeout\", or a status such as \"503\"";
            code.map(RetryOn::Status).ok_or_else(|| fault.help(help))
        }
    })
}

pub(super) fn eject(table: &Table<'_>, slow_start: Option<Duration>) -> Eject {
    let slow_start = slow_start.filter(|_| !table.has("ramp"));
    Eject {
        failures: table.integer("failures") as u32,
        window: table.duration("window"),
        period: table.duration("for"),
        most: share(table, "most", MOST),
        ramp: slow_start.unwrap_or_else(|| table.duration("ramp")),
    }
}

pub(super) fn limits(table: &Table<'_>) -> UpstreamLimits {
    let limit = |name| table.has(name).then(|| table.integer(name) as usize);
    UpstreamLimits { in_flight: limit("in_flight"), pending: limit("pending") }
}

pub(super) fn share(table: &Table<'_>, name: &str, default: &str) -> u32 {
    table.parse(name, percent).or_else(|| percent(default).ok()).unwrap_or_default()
}

/// `"20%"`
fn percent(text: &str) -> Result<u32, Fault> {
    let fault = || Fault::new("is not a percentage");
    let Some(number) = text.trim().strip_suffix('%') else {
        let bare = text.trim().parse::<u32>().is_ok_and(|number| number <= 100);
        return Err(fault().help(match bare {
            true => format!("write \"{}%\"", text.trim()),
            false => "write a whole number from 1 to 100 and a percent sign: \"20%\"".to_owned(),
        }));
    };
    let number = number.trim_end().parse().ok().filter(|number| (1..=100).contains(number));
    number.ok_or_else(|| fault().help("the number is from 1 to 100"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages() {
        assert_eq!(percent("20%"), Ok(20));
        assert_eq!(percent(" 1 %"), Ok(1));
        assert_eq!(percent("20").unwrap_err().help.unwrap(), "write \"20%\"");
        for wrong in ["", "%", "0%", "101%", "-1%", "2.5%", "a%", "1%%"] {
            assert!(percent(wrong).is_err(), "{wrong}");
        }
    }
}
