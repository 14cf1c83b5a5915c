//! `--check`: does an example do what its README says?

use std::{
    io::{Read as _, pipe},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    demo::{
        client, compare,
        example::Example,
        readme::{Action, Exchange},
        stage::Stage,
    },
    project::Project,
};

/// What a command did: what is wrong with it, and its whole output.
struct Outcome {
    wrong: Vec<String>,
    output: String,
}

/// Carries out every command of the README, in its order, and reports on each.
pub(crate) fn run(project: &Project, example: &Example, stage: &mut Stage) -> Result<()> {
    let readme = format!("examples/{}/README.md", example.name);
    if example.exchanges.is_empty() {
        bail!("{readme} shows no command to check: put requests and replies in `console` blocks");
    }
    println!();
    let mut failed = 0;
    for exchange in &example.exchanges {
        stage.expect_alive()?;
        if stage.is_interrupted() {
            bail!("interrupted");
        }
        let outcome = try_out(project, example, exchange);
        failed += usize::from(!outcome.wrong.is_empty());
        report(&readme, exchange, &outcome);
    }
    let passed = example.exchanges.len() - failed;
    println!("\n{passed} passed, {failed} failed");
    if failed > 0 {
        bail!(
            "{readme} shows other than what happens; the gateway's log: {}",
            project.shown(stage.log())
        );
    }
    Ok(())
}

/// A command that could not even be carried out is a difference like others: the rest goes on.
fn try_out(project: &Project, example: &Example, exchange: &Exchange) -> Outcome {
    let outcome = match &exchange.action {
        Action::Send(request) => client::send(request).map(|reply| Outcome {
            wrong: compare::reply(&exchange.expected, &reply, request.show_head),
            output: reply.to_string(),
        }),
        Action::Run { arguments, exit } => {
            torana(project, example, arguments).map(|(code, output)| Outcome {
                wrong: compare_run(&exchange.expected, *exit, code, &output),
                output,
            })
        }
    };
    outcome.unwrap_or_else(|error| Outcome {
        wrong: vec![format!("{error:#}")],
        output: String::new(),
    })
}

/// Runs torana to its end. One pipe takes both outputs, in the order that a terminal would show.
fn torana(
    project: &Project,
    example: &Example,
    arguments: &[String],
) -> Result<(Option<i32>, String)> {
    let (mut reader, writer) = pipe()?;
    let mut command = Command::new(project.binary("torana"));
    command.args(arguments).current_dir(&example.folder).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().context("starting torana")?;
    // Our ends of the pipe must be closed, or its end would never come.
    drop(command);
    let mut output = Vec::new();
    reader.read_to_end(&mut output)?;
    Ok((child.wait()?.code(), String::from_utf8_lossy(&output).into_owned()))
}

fn compare_run(expected: &[String], exit: i32, code: Option<i32>, output: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if code != Some(exit) {
        let got = code.map_or("a signal".into(), |code| code.to_string());
        wrong.push(format!("exit code: expected {exit}, got {got}"));
    }
    wrong.extend(compare::output(expected, output));
    wrong
}

fn report(readme: &str, exchange: &Exchange, outcome: &Outcome) {
    let command = exchange.text.replace('\n', "\n        ");
    if outcome.wrong.is_empty() {
        println!("ok    $ {command}");
        return;
    }
    println!("FAIL  $ {command}\n      {readme}:{}", exchange.line);
    for wrong in &outcome.wrong {
        println!("      - {wrong}");
    }
    print!("      expected:\n{}", quoted(exchange.expected.iter().map(String::as_str)));
    print!("      got:\n{}", quoted(outcome.output.lines()));
}

fn quoted<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| format!("      | {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_judged_by_its_code_and_its_output() {
        let expected = ["gateway.toml: ok".to_string()];
        assert_eq!(compare_run(&expected, 0, Some(0), "gateway.toml: ok\n"), [""; 0]);
        assert_eq!(
            compare_run(&expected, 1, Some(0), "gateway.toml: bad\n"),
            [
                "exit code: expected 1, got 0",
                "line 1 of the output: expected `gateway.toml: ok`, got `gateway.toml: bad`"
            ]
        );
        assert_eq!(compare_run(&[], 0, None, ""), ["exit code: expected 0, got a signal"]);
    }
}
