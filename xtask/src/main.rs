//! The project's chores, as `cargo xtask COMMAND`: one file a command.
//!
//! In reading order: [`guests`], [`build`] and [`languages`] make things, [`mod@test`], [`suites`],
//! [`fuzz`] and [`soak`] try them; [`mod@bench`] measures them beside others; [`demo`] shows them.

mod bench;
mod build;
mod cargo;
mod demo;
mod fuzz;
mod guests;
mod languages;
mod progress;
mod project;
mod soak;
mod suites;
mod test;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

use crate::project::Project;

const USAGE: &str = "\
cargo xtask COMMAND

  guests [NAME ...]       build plugins/ to target/components/*.wasm,
                          and tests/guests/ to target/test-guests/*.wasm;
                          with names, only those
  build                   the gateway, target/release/torana, and the guests
  test [FILTER ...]       build, then test everything; with filters, only what they name
                          of the host's tests; the shared store is tested where redis-server is
  languages               examples/plugins in all their languages, to target/test-guests;
                          test does that as well where node, npm and python3 are
  suites                  build, get suites of others from their registries, run them
                          through a gateway and show the scores
  fuzz [TARGET ...] [--seconds N] [--keep]
                          build fuzz/ and run each target for so long (60) from the kept
                          corpus; with --keep, what is found goes into it
  soak [--minutes N]      build, then a gateway under mixed load, faults and reloads (10);
                          fails where something fails that should not, or is left at the end
  bench peers [SCENARIO ...] [--rounds N] [--seconds N] [--binary FILE] [--out FILE]
                          build, get nginx, haproxy, Envoy, Traefik and Caddy, and run
                          them beside the gateway; shows CPU per request of each
  bench instructions [--bless]
                          count the instructions of a request through plugins, and fail if
                          they are 3 % more than those kept; with --bless, keep them
  demo [NAME] [--check]   build, run examples/NAME (shop) and show what to try, until Ctrl-C;
                          with --check, send what its README shows and compare the replies
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let project = Project::here();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    match command {
        "guests" if rest.is_empty() => guests::run(&project),
        "guests" => guests::run_only(&project, rest),
        "build" => no_more(rest).and_then(|()| build::run(&project)),
        "languages" => no_more(rest).and_then(|()| languages::run(&project).map(|_| ())),
        "test" => test::run(&project, rest),
        "bench" => bench::run(&project, rest),
        "fuzz" => fuzz::run(&project, &fuzz::Arguments::parse(rest)?),
        "suites" => no_more(rest).and_then(|()| suites::run(&project)),
        "soak" => soak::run(&project, rest),
        "demo" => demo::run(&project, &demo::Arguments::parse(rest)?),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => bail!("there is no `cargo xtask {unknown}`\n\n{USAGE}"),
    }
}

fn no_more(rest: &[String]) -> Result<()> {
    match rest {
        [] => Ok(()),
        [extra, ..] => bail!("`{extra}` is not expected here\n\n{USAGE}"),
    }
}
