//! Statuses of a service that the reply can have itself: an app refreshes its token on a 401 and waits
//! on a 429.

use torana_plugin_sdk::{host::Incoming, prelude::*};

use crate::settings::Part;

/// Each with a word for programs and, around the part's name, a sentence for people.
const STATUSES: [(u16, &str, [&str; 2]); 9] = [
    (400, "bad-request", ["The request is not one that", "can be had with."]),
    (401, "unauthorized", ["The request does not say who may have", "."]),
    (403, "forbidden", ["The request may not have", "."]),
    (404, "not-found", ["There is no", "here."]),
    (409, "conflict", ["The request does not fit what has become of", "."]),
    (410, "gone", ["There is no", "here any more."]),
    (422, "unprocessable-content", ["The request makes no sense for", "."]),
    (429, "too-many-requests", ["There were too many requests for", "."]),
    (503, "service-unavailable", ["There is nobody at work for", "now."]),
];

/// What clients need to know of an answer beside its status.
const HEADERS: [&str; 2] = ["retry-after", "www-authenticate"];

/// An answer whose status is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn of(answer: &Incoming) -> Self {
        let mut headers = Vec::new();
        for header in &answer.headers {
            let name = HEADERS.iter().find(|name| header.name.eq_ignore_ascii_case(name));
            headers.extend(name.map(|name| (*name, header.value.clone())));
        }
        Self { status: answer.status, headers }
    }

    /// As the reply. Nothing of the service's own text is in it.
    pub(crate) fn passed_on(&self, part: &str) -> Reply {
        let known = STATUSES.iter().find(|(status, ..)| *status == self.status);
        let (kind, detail) = known.map_or(("part-failed", String::new()), |(_, kind, texts)| {
            let [before, after] = texts;
            let space = if *after == "." { "" } else { " " };
            (*kind, format!("{before} `{part}`{space}{after}"))
        });
        let reply = Reply::problem(self.status, kind, &detail);
        self.headers.iter().fold(reply, |reply, (name, value)| reply.header(*name, value))
    }
}

/// What is wrong with the statuses that a part passes on, and which of them it is.
pub(crate) fn faults(part: &Part) -> Vec<(usize, String)> {
    let statuses: Vec<_> = part.pass.iter().map(|status| status.0).collect();
    let mut faults = Vec::new();
    for (index, status) in statuses.iter().enumerate() {
        if !STATUSES.iter().any(|(known, ..)| known == status) {
            let known: Vec<_> = STATUSES.iter().map(|(status, ..)| status.to_string()).collect();
            let text = format!(
                "a `{status}` cannot be passed on, but {}: for others there is `on_error`",
                known.join(", ")
            );
            faults.push((index, text));
        } else if statuses[..index].contains(status) {
            faults.push((index, format!("`{status}` stands there twice: remove it")));
        } else if *status == 404 && part.not_found.is_some() {
            let text = "`not_found` says what a 404 means: remove one of the two";
            faults.push((index, text.to_owned()));
        }
    }
    faults
}

/// The statuses, for the settings' schema.
pub(crate) fn statuses() -> Vec<u16> {
    STATUSES.iter().map(|(status, ..)| *status).collect()
}
