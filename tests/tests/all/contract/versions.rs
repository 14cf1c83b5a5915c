//! wit/ held against the text of 0.1.0 that is kept: nothing is gone, nothing is another thing.

use std::{fs, path::Path};

use torana_tests::paths;
use wit_parser::{Resolve, UnresolvedPackageGroup};

use super::shape::{Shape, shape};

const FROZEN: &str = "tests/data/frozen/0.1.0/wit";

/// The text of a package, all its files in one.
fn text(folder: &str) -> String {
    let files = fs::read_dir(paths::root().join(folder)).expect("a folder of WIT");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "wit"));
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("a file of WIT"));
    let package = |line: &str| line.starts_with("package ");
    let mut lines: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    // It stands in each of the files, and may stand in one text once.
    let first = lines.iter().find(|line| package(line)).expect("a package").clone();
    lines.retain(|line| !package(line));
    lines.insert(0, first);
    lines.join("\n")
}

fn shape_of(text: &str) -> Shape {
    let mut resolve = Resolve::default();
    let group = UnresolvedPackageGroup::parse(Path::new("contract.wit"), text);
    let group = group.unwrap_or_else(|error| panic!("{error:?}"));
    let package = resolve.push_group(group).unwrap_or_else(|error| panic!("{error:?}"));
    shape(&resolve, package)
}

/// What would break somebody, by name: components that were built for `old`, in a host of `new`.
fn breaks(old: &Shape, new: &Shape) -> Vec<String> {
    let changed = old.iter().filter_map(|(name, was)| match new.get(name) {
        None => Some(format!("{name} is gone; it was {}", was.text)),
        Some(is) if is.text != was.text => {
            Some(format!("{name} was {}, and is {}", was.text, is.text))
        }
        Some(_) => None,
    });
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
    let unsound = added.filter_map(|(name, is)| {
        if !is.is_later {
            return Some(format!("{name} is new and does not say @since"));
        }
        let (interface, function) = name.split_once('.')?;
        let is_hook = old.contains_key(&format!("hooks exports {interface}"));
        let is_called = is_hook && is.text.contains("func(");
        is_called
            .then(|| format!("{name} is new: plugins that have {interface} have no {function}"))
    });
    changed.chain(unsound).collect()
}

#[test]
fn todays_contract_has_all_of_the_frozen_one() {
    let breaks = breaks(&shape_of(&text(FROZEN)), &shape_of(&text("wit")));
    assert!(
        breaks.is_empty(),
        "components that were built for torana:plugin@0.1.0 would not load any more:\n{}",
        breaks.join("\n")
    );
}

/// The frozen text with one thing changed, and what that breaks.
fn edited(from: &str, to: &str) -> Vec<String> {
    let frozen = text(FROZEN);
    assert!(frozen.contains(from), "{from}");
    breaks(&shape_of(&frozen), &shape_of(&frozen.replacen(from, to, 1)))
}

#[test]
fn an_edit_that_breaks_is_named() {
    for (from, to, said) in [
        ("unix-millis: func() -> u64;", "", "clock.unix-millis is gone"),
        ("unix-millis: func() -> u64;", "unix-millis: func() -> s64;", "clock.unix-millis was"),
        ("count: func(name: string, by: u64);", "count: func(name: string);", "metrics.count was"),
        ("count: func(name: string,", "count: func(label: string,", "metrics.count was"),
        ("window-ms: u64,", "window-ms: u64, jitter-ms: u64,", "rate-limit.bucket was record"),
        ("fixed-window,", "fixed-window, sliding-window,", "rate-limit.algorithm was enum"),
        ("not-a-counter,", "", "kv.kv-error was variant"),
        ("respond(reply),", "respond(reply), again,", "types.action was variant"),
        ("import fetch;", "", "capabilities imports fetch is gone"),
        ("export handler;", "", "hooks exports handler is gone"),
        (
            "tick: func()",
            "again: func(); tick: func()",
            "on-tick.again is new and does not say @since",
        ),
        (
            "interface random {",
            "interface dice { roll: func() -> u8; } interface random {",
            "dice is new and does not say @since",
        ),
    ] {
        let breaks = edited(from, to);
        assert!(breaks.iter().any(|one| one.starts_with(said)), "{said}: {breaks:#?}");
    }
}

/// With the version of the package, as an addition must have it.
fn added(from: &str, to: &str) -> Vec<String> {
    let frozen = text(FROZEN);
    let next = frozen.replacen("torana:plugin@0.1.0", "torana:plugin@0.1.3", 1);
    assert!(next.contains(from), "{from}");
    breaks(&shape_of(&frozen), &shape_of(&next.replacen(from, to, 1)))
}

#[test]
fn an_addition_breaks_nobody_but_in_a_hook() {
    let since = "@since(version = 0.1.3)";
    let number = "number: func() -> u32;";
    assert_eq!(added(number, &format!("{number} {since} coin: func() -> bool;")), [""; 0]);
    let dice =
        format!("{since} interface dice {{ {since} roll: func() -> u8; }} interface random {{");
    assert_eq!(added("interface random {", &dice), [""; 0]);
    let tick = "tick: func()";
    let breaks = added(tick, &format!("{since} again: func(); {tick}"));
    assert_eq!(breaks, ["on-tick.again is new: plugins that have on-tick have no again"]);
}
