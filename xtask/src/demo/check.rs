//! `--check`: does an example do what its README says?

use std::{
    io::{Read as _, pipe},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    demo::{
        client, compare,
        curl::Request,
        example::Example,
        readme::{Action, Exchange, Program},
        stage::Stage,
        variables::Variables,
    },
    project::Project,
};

const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

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
    let mut variables = Variables::default();
    for exchange in &example.exchanges {
        stage.expect_alive()?;
        if stage.is_interrupted() {
            bail!("interrupted");
        }
        let outcome = await_success(exchange.patience()?, || {
            try_out(project, example, exchange, &mut variables)
        });
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

/// Tries until nothing is wrong, or for so long.
fn await_success(patience: Duration, mut attempt: impl FnMut() -> Outcome) -> Outcome {
    let start = Instant::now();
    loop {
        let outcome = attempt();
        if outcome.wrong.is_empty() || start.elapsed() >= patience {
            return outcome;
        }
        thread::sleep(BETWEEN_ATTEMPTS);
    }
}

/// A command that could not even be carried out is a difference like others: the rest goes on.
fn try_out(
    project: &Project,
    example: &Example,
    exchange: &Exchange,
    variables: &mut Variables,
) -> Outcome {
    let action = exchange.action(&example.folder, variables);
    let outcome = action.and_then(|action| match action {
        Action::Send(request) => send(&exchange.expected, &request),
        Action::Keep { name, request } => keep(&exchange.expected, &name, &request, variables),
        Action::Run { program, arguments, exit } => {
            let program = match program {
                Program::Torana => project.binary("torana"),
                Program::Grep => "grep".into(),
            };
            let (code, output) = run_program(&program, example, &arguments)?;
            Ok(Outcome { wrong: compare_run(&exchange.expected, exit, code, &output), output })
        }
    });
    outcome.unwrap_or_else(|error| Outcome {
        wrong: vec![format!("{error:#}")],
        output: String::new(),
    })
}

fn send(expected: &[String], request: &Request) -> Result<Outcome> {
    let replies = client::send(request)?;
    if let Some(format) = &request.write_out {
        let output: String = replies.iter().map(|reply| format.of(reply)).collect();
        return Ok(Outcome {
            wrong: compare::measured(expected, &output).into_iter().collect(),
            output,
        });
    }
    Ok(Outcome {
        wrong: compare::replies(expected, &replies, request.show_head),
        output: replies.iter().map(|reply| format!("{reply}\n")).collect(),
    })
}

fn keep(
    expected: &[String],
    name: &str,
    request: &Request,
    variables: &mut Variables,
) -> Result<Outcome> {
    let replies = client::send(request)?;
    for reply in &replies {
        if !reply.is_success() {
            bail!("nothing to keep: {reply}");
        }
        variables.set(name, &reply.body)?;
    }
    Ok(Outcome {
        wrong: compare::output(expected, "").into_iter().collect(),
        output: String::new(),
    })
}

/// Runs a program to its end. One pipe takes both outputs, in the order that a terminal would show.
fn run_program(
    program: &Path,
    example: &Example,
    arguments: &[String],
) -> Result<(Option<i32>, String)> {
    let (mut reader, writer) = pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&example.folder).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let started = command.spawn();
    let mut child = started.with_context(|| format!("starting {}", program.display()))?;
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

    fn outcome(wrong: &[&str]) -> Outcome {
        let wrong = wrong.iter().map(ToString::to_string).collect();
        Outcome { wrong, output: String::new() }
    }

    #[test]
    fn an_attempt_is_repeated_until_it_succeeds_or_time_is_up() {
        let mut attempts = [&["early"][..], &["early"], &[]].into_iter();
        let patient = await_success(Duration::from_secs(60), || outcome(attempts.next().unwrap()));
        assert_eq!(patient.wrong, [""; 0]);
        assert_eq!(await_success(Duration::ZERO, || outcome(&["never"])).wrong, ["never"]);
    }

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
