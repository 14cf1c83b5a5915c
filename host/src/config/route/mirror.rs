//! `mirror`: copies of requests.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{
    super::{
        Diagnostic,
        keys::{HOUR, Kind, Shape, key},
        table::Table,
    },
    matching::{check_methods, check_not_empty, method},
    refer,
};

/// Where copies go, and of which requests.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// The upstream that gets them.
    pub upstream: Arc<str>,
    /// How many of a hundred requests are copied.
    pub percent: u64,
    /// Largest body of a copy, bytes.
    pub max_body: u64,
    /// Methods that are copied, upper case; the safe ones where there are none.
    pub methods: Vec<String>,
    /// Copies that may be under way.
    pub in_flight: usize,
    /// For its body to pass, and again from sending it to the end of its answer.
    pub timeout: Duration,
}

impl Mirror {
    /// Whether requests with this method are copied. A service that gets the copy of an unsafe one
    /// (RFC 9110, 9.2.1) does what it says, so that must have been asked for.
    pub fn takes(&self, method: &Method) -> bool {
        match &self.methods[..] {
            [] => method.is_safe(),
            methods => methods.iter().any(|name| name == method.as_str()),
        }
    }
}

/// The table's keys.
pub(super) static MIRROR: Shape = Shape {
    id: "mirror",
    place: "`mirror` of [[routes]]",
    about: "Copies of requests, for a service that is tried out. They carry `x-torana-mirror: 1`, \
            and nothing that becomes of them changes what the client gets.",
    keys: &[
        key("upstream", Kind::Text("catalog-next"), "Where copies go.").required(),
        key("percent", Kind::Integer(1, 100), "How many of a hundred requests are copied.")
            .or("100"),
        key(
            "methods",
            Kind::List(&Kind::Text("GET")),
            "Methods that are copied. If not given, those that are safe: GET, HEAD, OPTIONS, TRACE.",
        ),
        key(
            "max_body",
            Kind::Size(0, 16 << 20),
            "Largest body of a copy. Requests with more are not copied, and counted.",
        )
        .or("64KiB"),
        key(
            "in_flight",
            Kind::Integer(1, 100_000),
            "Copies that may be under way. Past it requests are not copied, and counted.",
        )
        .or("100"),
        key(
            "timeout",
            Kind::Duration(1, HOUR),
            "How long a copy waits for the end of its body, and then for the end of its answer.",
        )
        .or("10s"),
    ],
};

/// Reads it.
pub(super) fn read(table: &Table<'_>) -> Option<Mirror> {
    let methods = table.get("methods").map(|value| value.parsed_list(method)).unwrap_or_default();
    check_methods(table, &methods);
    check_not_empty(table, "methods", "leave it out to copy requests with safe methods");
    Some(Mirror {
        upstream: refer(table.cx, &table.cx.names.upstreams, table.text("upstream")?),
        percent: table.integer("percent"),
        max_body: table.size("max_body"),
        methods,
        in_flight: table.integer("in_flight") as usize,
        timeout: table.duration("timeout"),
    })
}

/// A copy to the same place is the request twice, which is hardly meant.
pub(super) fn check(table: &Table<'_>, mirror: &Mirror, upstreams: &[&Arc<str>]) {
    if upstreams.contains(&&mirror.upstream) {
        let message = "`mirror` copies requests to where they go anyway";
        let problem = Diagnostic::warning(table.span_of("mirror"), message);
        table.cx.report(problem.label("it gets them twice"));
    }
}
