//! Somebody must answer, and not two.

use super::{
    super::{
        Diagnostic,
        fault::{join, quote},
        table::Table,
    },
    Route,
};

/// What answers a route, beside a plugin of its chain.
const ANSWERS: [&str; 4] = ["upstream", "split", "redirect", "reply"];

/// What is about a request on its way to an upstream.
const ON_THE_WAY: [&str; 5] = ["alternatives", "mirror", "strip", "rewrite", "upgrade"];

/// Looks at the keys that say where a request goes. Whether a chain ends in a handler is only seen
/// when its components are.
pub(super) fn check(table: &Table<'_>, route: &Route) {
    let there: Vec<&str> = ANSWERS.into_iter().filter(|key| table.has(key)).collect();
    match there[..] {
        [] => check_chain(table, route),
        [one] if one == "redirect" || one == "reply" => check_way(table, one),
        [_] => {}
        [first, second, ..] => {
            let message = format!("{} and {} both say who answers", quote(first), quote(second));
            let problem = Diagnostic::error(table.span_of(second), message).label("take one out");
            table.cx.report(problem.help(format!("a route has one of {}", join(&ANSWERS, "or"))));
        }
    }
}

fn check_chain(table: &Table<'_>, route: &Route) {
    if !table.has("chain") || table.get("chain").is_some_and(|value| value.is_empty_list()) {
        let message = "nothing answers this route: it has neither an upstream nor a plugin";
        let help = "add upstream = \"NAME\", `split`, `redirect` or `reply`, or a chain whose last \
                    plugin makes the reply";
        table.cx.report(Diagnostic::error(route.span, message).help(help.to_owned()));
    }
    if table.has("alternatives") {
        let message = "`alternatives` needs an `upstream`, for when no plugin chooses";
        table.cx.report(Diagnostic::error(table.span_of("alternatives"), message));
    }
    if table.has("mirror") {
        let message = "`mirror` needs an `upstream`: it copies what goes there";
        table.cx.report(Diagnostic::error(table.span_of("mirror"), message));
    }
}

/// A request that is answered here goes nowhere.
fn check_way(table: &Table<'_>, answer: &str) {
    for key in ON_THE_WAY.into_iter().filter(|key| table.has(key)) {
        let message = format!("{} means nothing beside {}", quote(key), quote(answer));
        let problem = Diagnostic::error(table.span_of(key), message);
        table.cx.report(problem.label("no request goes on from here"));
    }
}
