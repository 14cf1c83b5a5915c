//! The plugins that come with Torana: what they may do is what their READMEs say.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use torana_tests::{command::torana, paths};

/// Names of the components.
fn components() -> BTreeSet<String> {
    let files = fs::read_dir(paths::components()).expect("the folder of the components");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let wasm = paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    wasm.map(|path| path.file_stem().and_then(|stem| stem.to_str()).unwrap().to_owned()).collect()
}

fn folder(name: &str) -> PathBuf {
    paths::root().join("plugins").join(name)
}

fn inspect(name: &str) -> Value {
    let file = paths::components().join(format!("{name}.wasm"));
    let file = file.to_str().expect("a path in UTF-8");
    let ended = torana(paths::root(), &["plugin", "inspect", "--json", file]).expect(0);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// Folders of plugins/ that make a component.
fn plugins() -> BTreeSet<String> {
    let entries = fs::read_dir(paths::root().join("plugins")).expect("the folder of the plugins");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a name in UTF-8"));
    names.filter(|name| is_plugin(&folder(name))).collect()
}

fn is_plugin(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|cargo| cargo.contains("\"cdylib\""))
}

#[test]
fn there_is_a_component_for_each_plugin() {
    let names = plugins();
    assert!(names.len() >= 2 && names.contains("headers"), "{names:?}");
    assert_eq!(components(), names, "run `cargo xtask guests`, or remove what is old");
}

#[test]
fn a_component_imports_what_its_readme_says_and_no_more() {
    for name in components() {
        let readme = fs::read_to_string(folder(&name).join("README.md"))
            .unwrap_or_else(|error| panic!("plugins/{name}/README.md: {error}"));
        let lines: Vec<_> = readme.lines().filter(|line| line.starts_with("Imports:")).collect();
        let [line] = lines.as_slice() else { panic!("{name}: not one `Imports:` line: {lines:?}") };
        let said: Vec<_> = line.trim_start_matches("Imports:").split(',').map(str::trim).collect();
        let said: Vec<_> = said.iter().map(|word| word.trim_matches('`')).collect();
        let inspected = inspect(&name);
        let imports = inspected["imports"].as_array().expect("a list");
        let mut imports: Vec<_> = imports.iter().map(|one| one.as_str().expect("text")).collect();
        imports.sort_unstable();
        assert_eq!(said, imports, "{name}: the README says the left, the component the right");
    }
}

#[test]
fn a_component_has_hooks_a_schema_and_nothing_of_wasi() {
    for name in components() {
        let inspected = inspect(&name);
        let hooks = inspected["hooks"].as_array().expect("a list");
        assert!(hooks.len() >= 2 && hooks.contains(&"schema".into()), "{name}: {hooks:?}");
        assert_eq!(inspected["wit"], "0.1.3", "{name}");
        assert!(!inspected["imports"].to_string().contains("wasi"), "{name}: {inspected:#}");
    }
}

/// What makes schemas is a third of a small plugin: the file is there in its place.
#[test]
fn a_component_has_its_schema_as_text() {
    const DRAFT: &str = "http://json-schema.org/draft-07/schema#";
    for name in components() {
        let schema = fs::read_to_string(folder(&name).join("schema.json")).expect("schema.json");
        let component = fs::read(paths::components().join(format!("{name}.wasm"))).expect("wasm");
        assert_eq!(count(&component, &schema), 1, "{name}: run `cargo xtask guests`");
        // `json-schema` names it to whoever has written another draft.
        let told = usize::from(name == "json-schema");
        assert_eq!(count(&component, DRAFT), 1 + told, "{name} makes a schema, too");
    }
}

/// By the name that a file gives it, and by its path.
#[test]
fn a_schema_is_printed() {
    for name in components() {
        let schema = fs::read_to_string(folder(&name).join("schema.json")).expect("schema.json");
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let file = paths::components().join(format!("{name}.wasm"));
        for plugin in [&*name, file.to_str().expect("a path in UTF-8")] {
            let ended = torana(paths::root(), &["schema", plugin]).expect(0);
            let printed: Value = serde_json::from_str(&ended.stdout).expect("JSON");
            assert_eq!(printed, schema, "{plugin}");
        }
    }
    let refused = torana(paths::root(), &["schema", "qouta"]).expect(1).stderr;
    assert!(refused.contains("cannot read the component `qouta`"), "{refused}");
    assert!(refused.contains("quota"), "{refused}");
}

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

#[test]
fn every_plugin_has_the_six_things() {
    for name in plugins() {
        assert!(folder(&name).join("schema.json").is_file(), "plugins/{name}/schema.json");
        let source = folder(&name).join("src");
        for file in ["settings.rs", "lib.rs"] {
            assert!(source.join(file).is_file(), "plugins/{name}/src/{file} is missing");
        }
        let domain = fs::read_dir(&source).expect("src/").filter_map(|entry| {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            (!["settings.rs", "lib.rs"].contains(&name.as_str())).then_some(name)
        });
        assert!(domain.count() > 0, "plugins/{name}/src has no file of the concern itself");

        let cases = fs::read_dir(folder(&name).join("cases")).expect("cases/");
        let cases = cases.filter(|entry| {
            entry.as_ref().expect("an entry").path().extension().is_some_and(|e| e == "toml")
        });
        assert!(cases.count() > 0, "plugins/{name}/cases has no case");

        let readme = fs::read_to_string(folder(&name).join("README.md")).expect("README.md");
        let uses = format!("component = \"{name}\"");
        for part in [&uses, "[[routes]]", "| setting |", "Imports:"] {
            assert!(readme.contains(part), "plugins/{name}/README.md has no `{part}`");
        }
    }
}

#[test]
fn every_plugin_is_in_the_list() {
    let list = fs::read_to_string(paths::root().join("plugins/README.md")).expect("README.md");
    for name in plugins() {
        let link = format!("[{name}]({name}/README.md)");
        assert!(list.contains(&link), "plugins/README.md does not list {link}");
    }
}
