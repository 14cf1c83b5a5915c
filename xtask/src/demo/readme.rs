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
//! - Three commands are understood: `curl` (options: [`curl`](super::curl)), and `torana` and
//!   `grep`, whose output is stdout and stderr together, and which must succeed, or, with `# exit 1`
//!   at the end of the line, exit so. What is not to be checked stands in a block of another kind
//!   (`sh`).
//! - They run in the example's folder. A command goes on over lines that end in `\` or leave a
//!   quote open.
//! - `NAME=$(curl ...)` keeps a reply's body, which must be one word, and has no output; it fails
//!   if the reply is no success. `$NAME` in a later command is the word
//!   ([`variables`](super::variables)).
//! - With `# within 5s` at the end of the line, a command is repeated for so long until all is as
//!   shown: for what comes about by itself, but not at once.
//! - The screen of a running demo shows the commands of each section's first block.
//! - With `-i`, a status line and headers come first: the status line must be the reply's, and each
//!   header shown must be in the reply; others may be there too. After an empty line the body
//!   follows. Without `-i`, all output is body.
//! - A body is compared as a whole, but for the line ends at its end. No body shown: it must be empty.
//! - What curl's `-w` measured is compared but for the times: those may be from half of what is shown
//!   to fifty times that.
//! - `…` in a line stands for any characters, a line that is only `…` for any lines, or none.
//! - Commands run from top to bottom, so a quota used up by one is used up for the next.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};

use crate::demo::{
    curl::Request,
    shell,
    variables::{self, Variables},
};

/// A command of the README, and its expected output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The heading that it stands under.
    pub(crate) section: String,
    /// Whether its block is the first of the section.
    pub(crate) is_first: bool,
    /// The sentence that leads up to it.
    pub(crate) note: String,
    /// Where in the README.
    pub(crate) line: usize,
    /// The command as it stands there, without the `$`.
    pub(crate) text: String,
    pub(crate) expected: Vec<String>,
}

impl Exchange {
    /// What it does, with the values of the moment. Files that it names are looked for in `folder`.
    pub(crate) fn action(&self, folder: &Path, variables: &Variables) -> Result<Action> {
        parse_command(&variables.expand(&self.text)?, folder)
    }

    /// For how long it is repeated.
    pub(crate) fn patience(&self) -> Result<Duration> {
        let Some((_, time)) = self.text.rsplit_once("# within ") else { return Ok(Duration::ZERO) };
        let seconds = time.trim().strip_suffix('s').and_then(|seconds| seconds.parse().ok());
        let seconds = seconds.with_context(|| format!("no time such as `5s`: `{time}`"))?;
        Ok(Duration::from_secs(seconds))
    }

    /// Whether it sends a request.
    pub(crate) fn is_request(&self) -> bool {
        self.text.starts_with("curl ") || variables::assignment(&self.text).is_some()
    }
}

/// What a command does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Sends requests.
    Send(Request),
    /// Sends a request and keeps the reply's body.
    Keep { name: String, request: Request },
    /// Runs a program to its end.
    Run { program: Program, arguments: Vec<String>, exit: i32 },
}

/// A program that READMEs may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Torana,
    Grep,
}

/// What the README says first: what its example is.
pub(crate) fn about(readme: &str) -> String {
    let mut text = RunningText::default();
    for line in readme.lines() {
        text.push(line);
        if text.ended && !text.paragraph.is_empty() {
            break;
        }
    }
    text.first_sentence()
}

/// Finds every command. Files that commands name are looked for in `folder`.
pub(crate) fn parse(readme: &str, folder: &Path) -> Result<Vec<Exchange>> {
    let mut lines = readme.lines().enumerate();
    let mut exchanges = Vec::new();
    let mut text = RunningText::default();
    while let Some((index, line)) = lines.next() {
        let Some(fence) = Fence::open(line) else {
            text.push(line);
            continue;
        };
        let block: Vec<_> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !fence.closes(line)).collect();
        if fence.language == "console" {
            exchanges.extend(parse_block(&block, index + 2, &text)?);
            text.has_block = true;
        }
    }
    expect_understood(&exchanges, folder)?;
    Ok(exchanges)
}

/// `first` is the number of the block's first line in the README.
fn parse_block(block: &[&str], first: usize, before: &RunningText) -> Result<Vec<Exchange>> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut lines = block.iter().copied().zip(first..);
    while let Some((line, number)) = lines.next() {
        if let Some(start) = line.strip_prefix("$ ") {
            exchanges.push(Exchange {
                section: before.heading.clone(),
                is_first: !before.has_block,
                // The sentence leads up to the first command; the others speak for themselves.
                note: if exchanges.is_empty() { before.first_sentence() } else { String::new() },
                line: number,
                text: whole_command(start, lines.by_ref().map(|(line, _)| line)),
                expected: Vec::new(),
            });
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

/// Parses each command once before any is carried out. What will be kept is a word, so any word
/// stands in for it.
fn expect_understood(exchanges: &[Exchange], folder: &Path) -> Result<()> {
    let mut variables = Variables::default();
    for exchange in exchanges {
        let action = exchange.patience().and_then(|_| exchange.action(folder, &variables));
        if let Action::Keep { name, .. } =
            action.with_context(|| format!("line {}", exchange.line))?
        {
            variables.set(&name, "word")?;
        }
    }
    Ok(())
}

fn parse_command(text: &str, folder: &Path) -> Result<Action> {
    if let Some((name, command)) = variables::assignment(text) {
        return match parse_command(command, folder)? {
            Action::Send(request) if request.urls.len() == 1 && !request.show_head => {
                Ok(Action::Keep { name: name.into(), request })
            }
            _ => bail!("`{text}`: only the body of one reply to curl can be kept"),
        };
    }
    let words = shell::words(text)?;
    let (program, rest) =
        words.split_first().map_or(("", words.as_slice()), |(first, rest)| (first.as_str(), rest));
    let run =
        |program| Ok(Action::Run { program, arguments: rest.to_vec(), exit: exit_code(text)? });
    match program {
        "curl" => Ok(Action::Send(Request::parse(rest, folder)?)),
        "torana" => run(Program::Torana),
        "grep" => run(Program::Grep),
        _ => bail!(
            "`{text}` is not curl, torana or grep: put what is not to be checked in a block of \
             another kind, such as `sh`"
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

/// The running text before a block: the heading and the paragraph that lead up to it.
#[derive(Default)]
struct RunningText {
    heading: String,
    /// Whether there was a console block since the heading.
    has_block: bool,
    paragraph: String,
    ended: bool,
}

impl RunningText {
    fn push(&mut self, line: &str) {
        if line.starts_with('#') {
            self.heading = line.trim_start_matches('#').trim().into();
            self.has_block = false;
        }
        // An empty line ends the paragraph, but it stays the one before the block until another
        // starts. A heading is no sentence.
        if line.trim().is_empty() || line.starts_with('#') {
            self.ended = true;
            return;
        }
        if std::mem::take(&mut self.ended) {
            self.paragraph.clear();
        }
        self.paragraph.push_str(line.trim());
        self.paragraph.push(' ');
    }

    fn first_sentence(&self) -> String {
        let text = self.paragraph.trim();
        let end = text.find(". ").map_or(text.len(), |end| end + 1);
        text[..end].trim_end_matches(':').into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(exchange: &Exchange) -> Action {
        exchange.action(Path::new("."), &Variables::default()).unwrap()
    }

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
        let Action::Send(request) = action(&found[0]) else { panic!("{found:?}") };
        assert_eq!(request.body.as_deref(), Some("{\n  \"x\": 1}".as_bytes()));
        assert_eq!(found[0].expected, ["ok"]);
    }

    #[test]
    fn torana_may_be_expected_to_fail() {
        let found = parsed(
            "```console\n$ torana check bad.toml   # exit 1\nbad.toml:1:1: …\n$ torana routes gateway.toml\n```\n",
        );
        let run = |arguments: [&str; 2], exit| Action::Run {
            program: Program::Torana,
            arguments: arguments.map(String::from).into(),
            exit,
        };
        assert_eq!(action(&found[0]), run(["check", "bad.toml"], 1));
        assert_eq!(action(&found[1]), run(["routes", "gateway.toml"], 0));
    }

    #[test]
    fn a_log_may_be_searched() {
        let found = parsed("```console\n$ grep panicked log\n```\n");
        let arguments = ["panicked", "log"].map(String::from).into();
        assert_eq!(action(&found[0]), Action::Run { program: Program::Grep, arguments, exit: 0 });
        assert!(!found[0].is_request());
    }

    #[test]
    fn a_reply_may_be_kept_and_used() {
        let found = parsed(
            "```console\n$ ANN=$(curl -s http://h/token)\n$ curl -H \"a: b $ANN\" http://h/\n{}\n```\n",
        );
        assert!(found.iter().all(Exchange::is_request));
        let Action::Keep { name, request } = action(&found[0]) else { panic!("{found:?}") };
        assert_eq!((name.as_str(), request.urls), ("ANN", vec!["http://h/token".to_string()]));

        let mut variables = Variables::default();
        variables.set("ANN", "x.y.z").unwrap();
        let Action::Send(request) = found[1].action(Path::new("."), &variables).unwrap() else {
            panic!("{found:?}")
        };
        assert_eq!(request.headers, [("a".to_string(), "b x.y.z".to_string())]);
    }

    #[test]
    fn the_first_block_of_a_section_is_known() {
        let block = |host: &str| format!("```console\n$ curl http://{host}/\n```\n");
        let found = parsed(&format!(
            "# One\nText.\n{}More.\n{}## Two\n{}",
            block("a"),
            block("b"),
            block("c")
        ));
        let places: Vec<_> =
            found.iter().map(|found| (found.section.as_str(), found.is_first)).collect();
        assert_eq!(places, [("One", true), ("One", false), ("Two", true)]);
    }

    #[test]
    fn the_first_sentence_says_what_it_is() {
        assert_eq!(about("# Shop\n\nA shop\nfor tea. And cups.\n\nMore.\n"), "A shop for tea.");
        assert_eq!(about("# Shop\n"), "");
    }

    #[test]
    fn a_command_may_be_given_time() {
        let found = parsed("```console\n$ curl http://h/a\n$ curl http://h/b  # within 5s\n```\n");
        let patience: Vec<_> = found.iter().map(|found| found.patience().unwrap()).collect();
        assert_eq!(patience, [Duration::ZERO, Duration::from_secs(5)]);
        assert!(error("```console\n$ curl http://h/ # within reason\n```\n").contains("no time"));
    }

    #[test]
    fn other_blocks_are_left_alone() {
        assert!(parsed("```sh\n$ curl http://h/ | jq\n```\n").is_empty());
        assert!(parsed("````text\n```console\n$ rm\n```\n````\n").is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        assert!(
            error("\n```console\n$ ls\n```\n").starts_with("line 3: `ls` is not curl, torana or")
        );
        assert!(error("```console\nhello\n```\n").starts_with("line 2: a console block starts"));
        assert!(error("```console\n$ torana check x # exit soon\n```\n").contains("no exit code"));
        assert!(error("```console\n$ curl http://h/$ANN\n```\n").starts_with("line 2: no command"));
        for command in
            ["A=$(torana routes x)", "A=$(curl -i http://h/)", "A=$(curl 'http://h/[1-2]')"]
        {
            let error = error(&format!("```console\n$ {command}\n```\n"));
            assert!(error.contains("only the body of one reply"), "{error}");
        }
    }
}
