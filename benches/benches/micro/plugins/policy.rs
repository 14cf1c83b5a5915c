//! What may pass: `quota`, `authz` and `require`.

use criterion::Criterion;
use http::StatusCode;

use super::{heads, known, named, route};
use crate::{cpu::CpuTime, room::Room};

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("quota");
    for (what, limits, status) in [
        ("gcra", r#""100000000/1s""#, StatusCode::OK),
        (
            "fixed-window",
            r#"{ limit = "100000000000/1h", algorithm = "fixed-window" }"#,
            StatusCode::OK,
        ),
        (
            "two-limits",
            r#""100000000/1s", { limit = "100000000000/1h", algorithm = "fixed-window" }"#,
            StatusCode::OK,
        ),
        ("refused", r#""1/1h""#, StatusCode::TOO_MANY_REQUESTS),
    ] {
        let text = route(&quota(limits), "\"quota\"");
        heads(&mut group, named(what), &room, &text, status, known);
    }
    group.finish();

    let mut group = c.benchmark_group("authz");
    for (what, rule) in [
        ("roles", r#"roles = ["clerk", "admin"]"#),
        (
            "expression",
            r#"when = 'params.id == "7" && claims.department in ["ops", "sales"] && claims.level >= 3'"#,
        ),
    ] {
        let text = route(&authz(rule), "\"policy\"");
        heads(&mut group, named(what), &room, &text, StatusCode::OK, known);
    }
    group.finish();

    let mut group = c.benchmark_group("require");
    let text = route(REQUIRE, "\"require\"");
    heads(&mut group, named("header-and-query"), &room, &text, StatusCode::OK, known);
    group.finish();
}

const REQUIRE: &str = r#"
[plugins.require]
component = "require"
config = { headers = ["x-tenant"], query = { format = ["json", "csv"] } }
"#;

pub(super) fn quota(limits: &str) -> String {
    format!(
        r#"
[plugins.quota]
component = "quota"
grants = {{ rate-limit = true, response-edit = true }}
config = {{ limits = [{limits}] }}
"#
    )
}

/// A rule that denies stands before the one that decides, as in most policies.
pub(super) fn authz(rule: &str) -> String {
    format!(
        r#"
[plugins.policy]
component = "authz"
[[plugins.policy.config.rules]]
name = "internal"
effect = "deny"
paths = ["/orders/internal/*"]
[[plugins.policy.config.rules]]
name = "ours"
effect = "allow"
{rule}
"#
    )
}
