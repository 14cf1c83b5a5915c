//! What the project wants of itself, held against what was measured.

use std::fmt::Write as _;

use super::{idle, results::Results};

/// One of them. What is measured is to stay below the limit, or to reach it.
struct Target {
    what: &'static str,
    limit: Limit,
    unit: &'static str,
    measured: fn(&Results) -> Option<f64>,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Limit::{AtLeast, AtMost};

impl Limit {
    fn holds(self, measured: f64) -> bool {
        match self {
            AtMost(limit) => measured <= limit,
            AtLeast(limit) => measured >= limit,
        }
    }
}

/// CPU time for each request in a scenario, as a share of another subject's.
fn ratio(results: &Results, scenario: &str, ours: &str, theirs: &str) -> Option<f64> {
    Some(results.cpu(scenario, ours)? / results.cpu(scenario, theirs)?)
}

/// CPU time for each request that one costs more than the other, microseconds.
fn more(results: &Results, scenario: &str, with: &str, without: &str) -> Option<f64> {
    Some(results.cpu(scenario, with)? - results.cpu(scenario, without)?)
}

static TARGETS: &[Target] = &[
    Target {
        what: "plain proxy, CPU a request, of nginx's",
        limit: AtMost(1.1),
        unit: "x",
        measured: |all| ratio(all, "plain", "torana", "nginx"),
    },
    Target {
        what: "plain proxy, CPU a request, of haproxy's",
        limit: AtMost(1.0),
        unit: "x",
        measured: |all| ratio(all, "plain", "torana", "haproxy"),
    },
    Target {
        what: "plain proxy, CPU a request, of Envoy's",
        limit: AtMost(0.3),
        unit: "x",
        measured: |all| ratio(all, "plain", "torana", "envoy"),
    },
    Target {
        what: "plain proxy at half load, p99, of nginx's",
        limit: AtMost(1.5),
        unit: "x",
        measured: |all| Some(all.half("plain", "torana")? / all.half("plain", "nginx")?),
    },
    Target {
        what: "one component more, CPU a request",
        limit: AtMost(3.0),
        unit: "us",
        measured: |all| more(all, "header", "torana one", "torana without"),
    },
    Target {
        what: "header, CPU a request, of Envoy's with Wasm",
        limit: AtMost(0.3),
        unit: "x",
        measured: |all| ratio(all, "header", "torana", "envoy wasm"),
    },
    Target {
        what: "a fresh instance for a hook call, CPU (two calls in each request)",
        limit: AtMost(20.0),
        unit: "us",
        measured: |all| Some(more(all, "fresh", "torana fresh", "torana pooled")? / 2.0),
    },
    Target {
        what: "chain of five, signature remembered, CPU a request more than none",
        limit: AtMost(15.0),
        unit: "us",
        measured: |all| more(all, "chain", "torana", "torana without"),
    },
    Target {
        what: "chain of five, CPU a request, of Envoy's with none",
        limit: AtMost(0.5),
        unit: "x",
        measured: |all| ratio(all, "chain", "torana", "envoy without"),
    },
    Target {
        what: "JWT RS256 verified each time, CPU a request more than remembered and than native verification",
        limit: AtMost(10.0),
        unit: "us",
        measured: |all| {
            let cold = all.cpu("jwt-cold", "torana")? - all.cpu("jwt", "torana")?;
            Some(cold - all.number(idle::NATIVE_VERIFY)?)
        },
    },
    Target {
        what: "TLS, connections kept, CPU a request, of nginx's",
        limit: AtMost(1.15),
        unit: "x",
        measured: |all| ratio(all, "tls", "torana", "nginx"),
    },
    Target {
        what: "HTTP/2, CPU a request, of nginx's",
        limit: AtMost(1.15),
        unit: "x",
        measured: |all| ratio(all, "h2", "torana", "nginx"),
    },
    Target {
        what: "10,000 routes, CPU a request, of one route's (5 % is what can be told from noise)",
        limit: AtMost(1.05),
        unit: "x",
        measured: |all| ratio(all, "routes", "10,000 routes", "1 route"),
    },
    Target {
        what: "two cores, what they serve, of one core's (by CPU a request)",
        limit: AtLeast(1.85),
        unit: "x",
        measured: |all| Some(2.0 * ratio(all, "cores", "one core", "two cores")?),
    },
    Target {
        what: "memory, idle, with ten plugins",
        limit: AtMost(30.0),
        unit: "MiB",
        measured: |all| all.number(idle::MEMORY),
    },
    Target {
        what: "memory of an idle kept connection",
        limit: AtMost(24.0),
        unit: "KiB",
        measured: |all| all.number(idle::CONNECTION),
    },
    Target {
        what: "memory of an idle instance",
        limit: AtMost(1.0),
        unit: "MiB",
        measured: |all| all.number(idle::INSTANCE),
    },
    Target {
        what: "start with ten plugins, compiled before",
        limit: AtMost(100.0),
        unit: "ms",
        measured: |all| all.number(idle::CACHED),
    },
    Target {
        what: "start with ten plugins, which are compiled",
        limit: AtMost(3_000.0),
        unit: "ms",
        measured: |all| all.number(idle::COLD),
    },
];

/// All of them as a table. What was not run says so.
pub(super) fn table(results: &Results) -> String {
    let mut text = String::from(
        "| target | | measured | met? | by the quietest rounds | by the kernel's part alone |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let (quietest, kernel) = (results.quietest(), results.kernel_alone());
    for Target { what, limit, unit, measured } in TARGETS {
        let bound = match limit {
            AtMost(limit) => format!("at most {limit} {unit}"),
            AtLeast(limit) => format!("at least {limit} {unit}"),
        };
        let say = |number: f64| format!("{number:.2} {unit}");
        let (number, met) = match measured(results) {
            Some(number) if limit.holds(number) => (say(number), "yes"),
            Some(number) => (say(number), "**no**"),
            None => ("not run".into(), ""),
        };
        let other = |number: &String, results| {
            measured(results).map(say).filter(|other| other != number).unwrap_or_default()
        };
        let quiet = other(&number, &quietest);
        // What is said as a difference has the kernel's part on both sides.
        let kernel = if *unit == "x" { other(&number, &kernel) } else { String::new() };
        let _ = writeln!(text, "| {what} | {bound} | {number} | {met} | {quiet} | {kernel} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        results::{Row, tests::sample},
        scenario::{Entry, Scenario},
        scenarios::SCENARIOS,
    };

    #[test]
    fn a_loss_is_shown_as_plainly_as_a_win() {
        let row = |name, cpu| Row::of(name, vec![sample(cpu)]);
        let torana = Row::of("torana", [26, 40, 30].map(sample).into());
        let rows = vec![torana, row("nginx", 20), row("envoy", 100)];
        let scenarios = vec![("plain", rows)];
        let numbers = [(idle::COLD, 2_000.0)].into();
        let table = table(&Results { scenarios, numbers });
        for line in [
            "| plain proxy, CPU a request, of nginx's | at most 1.1 x | 1.50 x | **no** | 1.30 x | 0.75 x |",
            "| plain proxy, CPU a request, of haproxy's | at most 1 x | not run |  |  |  |",
            "| plain proxy, CPU a request, of Envoy's | at most 0.3 x | 0.30 x | yes | 0.26 x | 0.15 x |",
            "| start with ten plugins, which are compiled | at most 3000 ms | 2000.00 ms | yes |  |  |",
        ] {
            assert!(table.contains(line), "{line}\n{table}");
        }
    }

    #[test]
    fn every_target_names_what_is_there() {
        let row = |entry: Entry| Row::of(entry.name, vec![sample(9)]);
        let rows = |scenario: &Scenario| {
            (scenario.name, (scenario.subjects)().into_iter().map(row).collect())
        };
        let scenarios = SCENARIOS.iter().map(rows).collect();
        let numbers = idle::NUMBERS.iter().map(|name| (*name, 1.0)).collect();
        let table = table(&Results { scenarios, numbers });
        assert!(!table.contains("not run"), "{table}");
    }
}
