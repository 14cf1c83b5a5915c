//! What the documents show is what the gateway takes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use toml::{Table, Value};
use torana_tests::{
    Authority,
    command::{torana, torana_with},
    paths,
};

/// The blocks of a language in a Markdown text.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split_once("\n```")).map(|b| b.0).collect()
}

#[test]
fn the_file_of_the_readme_is_good() {
    let readme = fs::read_to_string(paths::root().join("README.md")).expect("README.md");
    let files = blocks(&readme, "toml");
    assert!(!files.is_empty(), "README.md shows a configuration");
    for file in files {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("gateway.toml"), file).expect("writing the file");
        let checked = torana(folder.path(), &["check", "gateway.toml"]).expect(0);
        assert_eq!(checked.stderr, "", "{file}");
    }
}

#[test]
fn the_files_of_the_plugins_are_good() {
    plugin_readmes().iter().for_each(|readme| assert_good(readme));
}

#[test]
fn the_files_of_the_guides_are_good() {
    let guides = fs::read_dir(paths::root().join("docs")).expect("docs/");
    let guides = guides.map(|entry| entry.expect("an entry").path());
    let guides: Vec<_> =
        guides.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    assert!(!guides.is_empty());
    guides.iter().for_each(|guide| assert_good(guide));
}

#[test]
fn the_files_of_the_examples_are_good() {
    let examples = fs::read_dir(paths::root().join("examples")).expect("examples/");
    let folders = examples.map(|entry| entry.expect("an entry").path());
    let folders: Vec<_> = folders.filter(|path| path.join("gateway.toml").is_file()).collect();
    assert!(!folders.is_empty());
    for folder in folders {
        let checked = torana(&folder, &["check", "gateway.toml"]).expect(0);
        assert_eq!(checked.stderr, "", "{}", folder.display());
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut documents =
        vec![paths::root().join("README.md"), paths::root().join("ARCHITECTURE.md")];
    let guides = fs::read_dir(paths::root().join("docs")).expect("docs/");
    documents.extend(guides.map(|entry| entry.expect("an entry").path()));
    documents.extend(plugin_readmes());
    for document in documents {
        let text = fs::read_to_string(&document).expect("a document");
        for link in links(&prose(&text)) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = document.parent().expect("a folder");
            let target = if file.is_empty() { document.clone() } else { folder.join(file) };
            assert!(target.exists(), "{}: {link}", document.display());
            let there = anchor.is_empty() || anchors(&target).contains(anchor);
            assert!(there, "{}: {link}", document.display());
        }
    }
}

/// A text without its examples.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// Where a text leads to on this machine.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The headings of a document, as links name them.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = prose(&fs::read_to_string(document).expect("a document"));
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let headings = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let is_kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings
        .map(|heading| heading.chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .collect()
}

/// Fails unless `check` takes every file that a document shows.
fn assert_good(document: &Path) {
    let text = fs::read_to_string(document).expect("a document");
    let authority = Authority::new();
    let (root, identity) = (authority.pem(), authority.issue(&["localhost"]));
    for file in blocks(&text, "toml") {
        let file = &FOLDERS.iter().fold(file.to_owned(), |file, folder| file.replace(folder, ""));
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("gateway.toml"), completed(file)).expect("writing");
        for name in values_of(file, "file") {
            fs::write(folder.path().join(name), SECRET).expect("writing");
        }
        for name in values_of(file, "ca") {
            fs::write(folder.path().join(name), &root).expect("writing");
        }
        for (key, pem) in [("cert", &identity.cert), ("key", &identity.key)] {
            // `key` is also what a quota counts by.
            let files = values_of(file, key).into_iter().filter(|name| name.ends_with(".pem"));
            files.for_each(|name| fs::write(folder.path().join(name), pem).expect("writing"));
        }
        let environment: Vec<_> =
            values_of(file, "env").into_iter().map(|name| (name, SECRET)).collect();
        let checked = torana_with(folder.path(), &["check", "gateway.toml"], &environment);
        assert_eq!(checked.code, 0, "{}:\n{}{file}", document.display(), checked.text());
    }
}

/// Folders of an operator's machine; here everything is in one.
const FOLDERS: [&str; 3] =
    ["/run/credentials/torana.service/", "/etc/torana/keys/", "/var/log/torana/"];

/// Long enough for a key.
const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn plugin_readmes() -> Vec<PathBuf> {
    let folders = fs::read_dir(paths::root().join("plugins")).expect("plugins/");
    let readmes = folders.map(|entry| entry.expect("an entry").path().join("README.md"));
    let readmes: Vec<_> = readmes.filter(|path| path.is_file()).collect();
    assert!(readmes.len() > 1);
    readmes
}

/// What a document leaves out, for it is always the same: a listener, a route, and the upstreams.
fn completed(file: &str) -> String {
    let table: Table = file.parse().unwrap_or_else(|error| panic!("{error}:\n{file}"));
    let mut more = String::new();
    if !table.contains_key("listen") {
        more.push_str("\n[listen.public]\naddress = \"127.0.0.1:8080\"\n");
    }
    if !table.contains_key("routes") {
        more.push_str(
            "\n[[routes]]\nname = \"all\"\nmatch = { path = \"/{*path}\" }\nreply = { status = 204 }\n",
        );
    }
    let known = table.get("upstreams").and_then(Value::as_table);
    for name in upstreams(&table).iter().filter(|name| known.is_none_or(|k| !k.contains_key(*name)))
    {
        more.push_str(&format!("\n[upstreams.{name}]\ntargets = [\"127.0.0.1:9000\"]\n"));
    }
    format!("{file}\n{more}")
}

/// The names of upstreams that routes and `fetch` grants refer to.
fn upstreams(table: &Table) -> BTreeSet<String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut names = Vec::new();
    for route in list(table.get("routes")) {
        names.extend(route.get("upstream").cloned());
        names.extend(list(route.get("alternatives")));
        let shares = list(route.get("split"));
        let tables = shares.iter().chain(route.get("mirror"));
        names.extend(tables.filter_map(|table| table.get("upstream").cloned()));
    }
    for (_, plugin) in table.get("plugins").and_then(Value::as_table).into_iter().flatten() {
        names.extend(list(plugin.get("grants").and_then(|grants| grants.get("fetch"))));
    }
    let names = names.iter().filter_map(Value::as_str).filter(|name| !name.contains("://"));
    names.map(str::to_owned).collect()
}

/// The texts that stand for a key, as in `env = "TEXT"`.
fn values_of<'a>(file: &'a str, key: &str) -> Vec<&'a str> {
    let begin = format!("{key} = \"");
    file.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}
