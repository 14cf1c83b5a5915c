//! What docs/audit.md shows is what the commands say.

use std::fs;

use tempfile::TempDir;
use torana_tests::{command::torana, paths};

/// The blocks of a language in a Markdown text.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|b| b.0).collect()
}

#[test]
fn the_commands_say_what_is_shown() {
    let text = fs::read_to_string(paths::root().join("docs/audit.md")).expect("docs/audit.md");
    let folder = TempDir::new().expect("a folder");
    let files = blocks(&text, "toml");
    fs::write(folder.path().join("gateway.toml"), files[0]).expect("writing the file");
    let mut shown = 0;
    for block in blocks(&text, "console") {
        for command in block.split("$ torana ").skip(1) {
            let (command, output) = command.split_once('\n').expect("a line for the command");
            let arguments: Vec<&str> = command.split(' ').collect();
            let said = torana(folder.path(), &arguments).expect(0).stdout;
            assert!(said.starts_with(output), "{command}:\n{said}");
            shown += 1;
        }
    }
    assert!(shown > 2, "docs/audit.md shows commands");
}
