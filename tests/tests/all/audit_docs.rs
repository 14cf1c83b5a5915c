//! What README.md and docs/audit.md show of `torana audit` and `torana lock` is what they say.

use std::{fs, path::Path};

use torana_tests::{Folder, command::torana_of_its_own, paths};

/// The blocks of a language in a Markdown text.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|b| b.0).collect()
}

/// A folder with the first file that a document shows, and components of its own.
fn folder(text: &str) -> Folder {
    let folder = Folder::new();
    folder.write("gateway.toml", blocks(text, "toml")[0]);
    fs::create_dir(folder.file("components")).expect("components/");
    let headers = fs::read(paths::components().join("headers.wasm")).expect("a component");
    folder.write("components/headers.wasm", headers);
    folder.write_guest("headers-1.1.wasm", "fetcher");
    folder
}

/// Runs a line; gives what it says.
fn run(folder: &Path, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["torana", ref arguments @ ..] => torana_of_its_own(folder, arguments).text(),
        ["cp", from, to] => {
            fs::copy(folder.join(from), folder.join(to)).expect("a copy");
            String::new()
        }
        _ => panic!("what is {line}?"),
    }
}

/// Whether all that is shown was said, in this order. A line of dots stands for any lines, and so
/// does the end.
fn assert_says(said: &str, shown: &str, line: &str) {
    let mut rest = said;
    for (number, part) in shown.split("...\n").enumerate() {
        let at = rest.find(part).filter(|at| number > 0 || *at == 0);
        let at = at.unwrap_or_else(|| panic!("{line} does not say\n{part}\nbut\n{said}"));
        rest = &rest[at + part.len()..];
    }
}

/// Runs every command that a document shows; gives their number.
fn run_all(document: &str) -> usize {
    let text = fs::read_to_string(paths::root().join(document)).expect(document);
    let folder = folder(&text);
    let all = blocks(&text, "console").concat();
    let commands: Vec<_> = all.split("$ ").skip(1).collect();
    for command in &commands {
        let (line, shown) = command.split_once('\n').expect("a line for the command");
        assert_says(&run(folder.path(), line), shown, line);
    }
    commands.len()
}

#[test]
fn the_commands_say_what_is_shown() {
    assert_eq!(run_all("docs/audit.md"), 3);
    assert_eq!(run_all("README.md"), 4);
}
