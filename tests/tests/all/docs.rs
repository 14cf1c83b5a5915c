//! What the documents show is what the gateway takes.

use std::fs;

use tempfile::TempDir;
use torana_tests::{command::torana, paths};

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
