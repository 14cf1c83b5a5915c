//! The commands that an example's README shows, and what it says comes of them.
//!
//! A command stands in a fenced `console` block, after `$ `; its output follows:
//!
//! ````text
//! Without a token there is nothing to see.
//!
//! ```console
//! $ curl -i http://127.0.0.1:8080/products
//! HTTP/1.1 401 Unauthorized
//! content-type: application/problem+json
//!
//! {"title":"Unauthorized","request_id":"…"}
//! ```
//! ````
//!
//! - Two commands are understood: `curl` (options: [`curl`](super::curl)) and `torana`, whose
//!   output is stdout and stderr together, and which must succeed, or, with `# exit 1` at the end
//!   of the line, exit so. What is not to be checked stands in a block of another kind (`sh`).
//! - Both run in the example's folder. A command goes on over lines that end in `\` or leave a
//!   quote open.
//! - With `-i`, a status line and headers come first: the status line must be the reply's, and each
//!   header shown must be in the reply; others may be there too. After an empty line the body
//!   follows. Without `-i`, all output is body.
//! - A body is compared as a whole, but for the line ends at its end. No body shown: it must be empty.
//! - `…` in a line stands for any characters, a line that is only `…` for any lines, or none.
//! - Commands run from top to bottom, so a quota used up by one is used up for the next.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::demo::{curl::Request, shell};

/// A command of the README, and its expected output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The sentence that leads up to it.
    pub(crate) note: String,
    /// Where in the README.
    pub(crate) line: usize,
    /// The command as it stands there, without the `$`.
    pub(crate) text: String,
    pub(crate) action: Action,
    pub(crate) expected: Vec<String>,
}

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Send(Request),
    Run { arguments: Vec<String>, exit: i32 },
}

/// Finds every command. Files that commands name are looked for in `folder`.
pub(crate) fn parse(readme: &str, folder: &Path) -> Result<Vec<Exchange>> {
    let mut lines = readme.lines().enumerate();
    let mut exchanges = Vec::new();
    let mut paragraph = Paragraph::default();
    while let Some((index, line)) = lines.next() {
        let Some(fence) = Fence::open(line) else {
            paragraph.push(line);
            continue;
        };
        let block: Vec<_> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !fence.closes(line)).collect();
        if fence.language == "console" {
            exchanges.extend(parse_block(&block, index + 2, &paragraph.first_sentence(), folder)?);
        }
    }
    Ok(exchanges)
}

/// `first` is the number of the block's first line in the README.
fn parse_block(block: &[&str], first: usize, note: &str, folder: &Path) -> Result<Vec<Exchange>> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut lines = block.iter().copied().zip(first..);
    while let Some((line, number)) = lines.next() {
        if let Some(start) = line.strip_prefix("$ ") {
            let text = whole_command(start, lines.by_ref().map(|(line, _)| line));
            let action = parse_command(&text, folder).with_context(|| format!("line {number}"))?;
            // The sentence leads up to the block's first command; the others speak for themselves.
            let note = if exchanges.is_empty() { note.into() } else { String::new() };
            exchanges.push(Exchange { note, line: number, text, action, expected: Vec::new() });
        } else if let Some(exchange) = exchanges.last_mut() {
            exchange.expected.push(line.into());
        } else {
            bail!(
                "line {number}: a console block starts with a command: `$ curl ...`, `$ torana ...`"
            );
        }
    }
    exchanges.iter_mut().for_each(|exchange| trim_end(&mut exchange.expected));
    Ok(exchanges)
}

fn whole_command<'a>(start: &str, mut lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = start.to_string();
    while shell::goes_on(&text) {
        let Some(more) = lines.next() else { break };
        text.push('\n');
        text.push_str(more);
    }
    text
}

fn parse_command(text: &str, folder: &Path) -> Result<Action> {
    let words = shell::words(text)?;
    match words.split_first() {
        Some((program, rest)) if program == "curl" => {
            Ok(Action::Send(Request::parse(rest, folder)?))
        }
        Some((program, rest)) if program == "torana" => {
            Ok(Action::Run { arguments: rest.to_vec(), exit: exit_code(text)? })
        }
        _ => bail!(
            "`{text}` is not curl or torana: put what is not to be checked in a block of another kind, \
             such as `sh`"
        ),
    }
}

/// The `# exit 1` at the end of a command.
fn exit_code(text: &str) -> Result<i32> {
    match text.rsplit_once("# exit ") {
        Some((_, code)) => code.trim().parse().with_context(|| format!("no exit code: `{code}`")),
        None => Ok(0),
    }
}

fn trim_end(lines: &mut Vec<String>) {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
}

/// The line that opens a fenced block.
struct Fence<'a> {
    ticks: &'a str,
    language: &'a str,
}

impl<'a> Fence<'a> {
    fn open(line: &'a str) -> Option<Self> {
        let language = line.trim_start_matches('`');
        let ticks = &line[..line.len() - language.len()];
        (ticks.len() >= 3).then(|| Self { ticks, language: language.trim() })
    }

    fn closes(&self, line: &str) -> bool {
        line.trim_end() == self.ticks
    }
}

/// The running text before a block.
#[derive(Default)]
struct Paragraph {
    text: String,
    ended: bool,
}

impl Paragraph {
    fn push(&mut self, line: &str) {
        // An empty line ends the paragraph, but it stays the one before the block until another
        // starts. A heading is no sentence.
        if line.trim().is_empty() || line.starts_with('#') {
            self.ended = true;
            return;
        }
        if std::mem::take(&mut self.ended) {
            self.text.clear();
        }
        self.text.push_str(line.trim());
        self.text.push(' ');
    }

    fn first_sentence(&self) -> String {
        let text = self.text.trim();
        let end = text.find(". ").map_or(text.len(), |end| end + 1);
        text[..end].trim_end_matches(':').into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(readme: &str) -> Vec<Exchange> {
        parse(readme, Path::new(".")).unwrap()
    }

    fn error(readme: &str) -> String {
        format!("{:#}", parse(readme, Path::new(".")).unwrap_err())
    }

    #[test]
    fn a_command_comes_with_its_sentence_and_its_output() {
        let found = parsed(
            "# Shop\n\nOlder text.\n\nWithout a token there is\nnothing to see. Try:\n\n\
             ```console\n$ curl -i http://127.0.0.1:1/\nHTTP/1.1 401 Unauthorized\n\n{}\n```\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].note, "Without a token there is nothing to see.");
        assert_eq!(found[0].line, 9);
        assert_eq!(found[0].text, "curl -i http://127.0.0.1:1/");
        assert_eq!(found[0].expected, ["HTTP/1.1 401 Unauthorized", "", "{}"]);
    }

    #[test]
    fn a_block_may_hold_several_and_empty_lines_between_them_are_nothing() {
        let found = parsed(
            "Text:\n```console\n$ curl http://h/a\none\n\n$ curl http://h/b\n$ curl http://h/c\nthree\n```\n",
        );
        let outputs: Vec<_> = found.iter().map(|exchange| exchange.expected.join("|")).collect();
        assert_eq!(outputs, ["one", "", "three"]);
        let notes: Vec<_> = found.iter().map(|exchange| exchange.note.as_str()).collect();
        assert_eq!(notes, ["Text", "", ""]);
    }

    #[test]
    fn a_command_goes_on_over_lines() {
        let found =
            parsed("```console\n$ curl -H 'a: b' \\\n    -d '{\n  \"x\": 1}' http://h/\nok\n```\n");
        let Action::Send(request) = &found[0].action else { panic!("{found:?}") };
        assert_eq!(request.body.as_deref(), Some("{\n  \"x\": 1}".as_bytes()));
        assert_eq!(found[0].expected, ["ok"]);
    }

    #[test]
    fn torana_may_be_expected_to_fail() {
        let found = parsed(
            "```console\n$ torana check bad.toml   # exit 1\nbad.toml:1:1: …\n$ torana routes gateway.toml\n```\n",
        );
        let run = |arguments: [&str; 2], exit| Action::Run {
            arguments: arguments.map(String::from).into(),
            exit,
        };
        assert_eq!(found[0].action, run(["check", "bad.toml"], 1));
        assert_eq!(found[1].action, run(["routes", "gateway.toml"], 0));
    }

    #[test]
    fn other_blocks_are_left_alone() {
        assert!(parsed("```sh\n$ curl http://h/ | jq\n```\n").is_empty());
        assert!(parsed("````text\n```console\n$ rm\n```\n````\n").is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        assert!(
            error("\n```console\n$ ls\n```\n").starts_with("line 3: `ls` is not curl or torana")
        );
        assert!(error("```console\nhello\n```\n").starts_with("line 2: a console block starts"));
        assert!(error("```console\n$ torana check x # exit soon\n```\n").contains("no exit code"));
    }
}
