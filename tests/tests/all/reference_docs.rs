//! What docs/upstreams.md, docs/metrics.md and docs/reload.md list is what there is, and all of it. A key, a
//! series or a reason that is new wants a row there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use torana_tests::{Backend, Folder, command::torana, paths, reply};

use crate::deploy::{everything, stir};

/// A file of the repository.
fn text(file: &str) -> String {
    fs::read_to_string(paths::root().join(file)).expect(file)
}

/// The part of a document below a heading, up to the next one.
fn section(document: &str, heading: &str) -> String {
    let text = text(document);
    let begin = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let below = &text[begin + heading.len() + 2..];
    below[..below.find("\n#").unwrap_or(below.len())].to_owned()
}

/// The rows of the tables in a text, cell by cell.
fn rows(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// What stands in backticks.
fn codes(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The cell, where it is nothing but one thing in backticks.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`').filter(|inner| !inner.contains('`'))
}

/// The strings in a source, without its comments.
fn strings(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Names as metrics and problems have them.
fn is_label(text: &&String) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// All of the host's sources, without what is only for its tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path());
    let entries = entries.filter(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"));
    let found = entries.map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    found.flatten().collect()
}

/// What can be written below `[upstreams.NAME]`: each key by its path, with what holds without it as it
/// would be written, or `required`, or `none`.
fn keys(schema: &Value, shape: &str, prefix: &str, found: &mut BTreeMap<String, String>) {
    let shape = &schema["definitions"][shape];
    for (name, property) in shape["properties"].as_object().expect("properties") {
        let required =
            shape["required"].as_array().is_some_and(|all| all.contains(&name.as_str().into()));
        let default = match property.get("default") {
            Some(default) => default.to_string(),
            None if required => "required".to_owned(),
            None => "none".to_owned(),
        };
        let path = format!("{prefix}{name}");
        found.insert(path.clone(), default);
        let mut shapes = BTreeSet::new();
        referred(property, &mut shapes);
        for inner in
            shapes.iter().filter(|name| !["outside", "secret_reference"].contains(&&***name))
        {
            keys(schema, inner, &format!("{path}."), found);
        }
    }
}

/// The definitions that may stand for a value.
fn referred(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| match member {
            Value::String(at) if name == "$ref" => {
                found.extend(at.rsplit('/').next().map(str::to_owned));
            }
            other => referred(other, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| referred(item, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_upstreams_is_listed_with_its_default() {
    let schema = torana(Folder::new().path(), &["schema"]).expect(0).stdout;
    let schema = serde_json::from_str(&schema).expect("JSON");
    let mut there = BTreeMap::new();
    keys(&schema, "upstream", "", &mut there);
    assert!(there.len() > 40, "{there:?}");
    let rows = rows(&text("docs/upstreams.md"));
    let listed = rows.iter().filter_map(|row| match &row[..] {
        [key, default, _] => Some((code(key)?.to_owned(), default.replace('`', ""))),
        _ => None,
    });
    let listed: BTreeMap<_, _> = listed.collect();
    assert_eq!(listed, there, "docs/upstreams.md, and the schema");
}

/// A type, and the names of labels; none where no series is there to tell them.
type Family = (String, Option<BTreeSet<String>>);

/// What `/metrics` has.
fn families(page: &str) -> BTreeMap<String, Family> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let family = |(name, kind): (&str, &str)| {
        let sample = if kind == "histogram" { format!("{name}_count") } else { name.to_owned() };
        let labels = page.lines().find_map(|line| {
            let rest = line.strip_prefix(&sample)?;
            let inner = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}'));
            match inner {
                Some((labels, _)) => Some(label_names(labels)),
                None => rest.starts_with(' ').then(BTreeSet::new),
            }
        });
        (name.to_owned(), (kind.to_owned(), labels))
    };
    types.map(family).collect()
}

/// The names in `a="1",b="2"`.
fn label_names(labels: &str) -> BTreeSet<String> {
    let names = labels.split("=\"").filter_map(|part| part.rsplit(['"', ',']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_series_is_listed_with_its_type_and_labels() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = everything(backend.address()).start().await;
    stir(&gateway).await;
    let there = families(gateway.admin().get("/metrics").await.text());
    let rows = rows(&text("docs/metrics.md"));
    let listed = rows.iter().filter_map(|row| match &row[..] {
        [name, kind, labels, _] => Some((code(name)?.to_owned(), (kind.clone(), codes(labels)))),
        _ => None,
    });
    let listed: BTreeMap<_, _> = listed
        .filter(|(name, _)| name.starts_with("torana_") || name.starts_with("process_"))
        .collect();
    for (name, (kind, labels)) in &there {
        let row = listed.get(name).unwrap_or_else(|| panic!("docs/metrics.md has no `{name}`"));
        assert_eq!(&row.0, kind, "`{name}` in docs/metrics.md");
        assert!(
            labels.as_ref().is_none_or(|labels| *labels == row.1),
            "{name}: {labels:?}, {row:?}"
        );
    }
    // What this gateway had no reason to show is a name in the source.
    let source: BTreeSet<_> = sources(&paths::root().join("host/src"))
        .iter()
        .flat_map(|file| strings(&fs::read_to_string(file).expect("UTF-8")))
        .collect();
    let unknown = listed.keys().filter(|name| !there.contains_key(*name)).filter(|name| {
        let bare = name.trim_start_matches("torana_");
        !source.contains(bare) && !source.contains(bare.trim_end_matches("_total"))
    });
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&String>::new(), "nobody counts these");
}

/// Answers that are no refusals, though they are judged with them.
const NO_REFUSALS: [&str; 2] = ["plugin", "server-wide"];

#[test]
fn every_reason_of_a_refusal_is_listed() {
    let judged = strings(&text("host/src/rescue/judge.rs"));
    let there = judged.iter().filter(is_label).filter(|reason| !NO_REFUSALS.contains(&&***reason));
    let there: BTreeSet<_> = there.cloned().collect();
    assert!(there.contains("upstream-timeout"), "{there:?}");
    let rows = rows(&section("docs/metrics.md", "## What the gateway refuses"));
    let listed: BTreeSet<_> =
        rows.iter().filter_map(|row| code(&row[0])).map(str::to_owned).collect();
    assert_eq!(listed, there, "docs/metrics.md, and host/src/rescue/judge.rs");
}

#[test]
fn every_cause_of_a_plugins_failure_is_listed() {
    let source = text("host/src/filter.rs");
    let (_, label) = source.split_once("pub fn label(").expect("the labels of causes");
    let (label, _) = label.split_once("\n    }\n").expect("their end");
    let there: BTreeSet<_> = strings(label).iter().filter(is_label).cloned().collect();
    assert!(there.contains("trap"), "{there:?}");
    let rows = rows(&section("docs/metrics.md", "### Why plugins fail"));
    let listed: BTreeSet<_> =
        rows.iter().filter_map(|row| code(&row[0])).map(str::to_owned).collect();
    assert_eq!(listed, there, "docs/metrics.md, and host/src/filter.rs");
}

#[test]
fn every_variable_of_the_environment_is_listed() {
    let listed = codes(&section("docs/metrics.md", "## The environment"));
    let mut there = BTreeSet::new();
    for file in sources(&paths::root().join("host/src")) {
        let source = fs::read_to_string(&file).expect("UTF-8");
        for call in ["env::var(\"", "env::var_os(\"", "try_from_env(\""] {
            let names = source.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            there.extend(names.map(str::to_owned));
        }
    }
    assert!(there.contains("TORANA_LOG") && there.contains("XDG_CACHE_HOME"), "{there:?}");
    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not tell of {missing:?}");
}

#[test]
fn all_that_needs_a_restart_is_listed() {
    let listed = codes(&section("docs/reload.md", "## What needs a restart"));
    let source = strings(&text("host/src/gateway/restart.rs"));
    let there: BTreeSet<_> = source.iter().filter(|text| !text.contains(' ')).cloned().collect();
    assert!(there.contains("gateway.workers"), "{there:?}");
    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "docs/reload.md does not tell of {missing:?}");
}
