//! `cargo xtask demo`: an example, running.
//!
//! In reading order: [`example`] is a folder under examples/; [`readme`] finds the commands that its
//! README shows, [`shell`], [`variables`], [`curl`] and [`write_out`] understand them; [`stage`] runs
//! the services and the gateway as [`process`]es; then either [`screen`] shows what there is to try,
//! or [`check`] tries it, with [`client`] and [`compare`].

mod check;
mod client;
mod compare;
mod curl;
mod example;
pub(crate) mod process;
mod readme;
mod screen;
mod shell;
mod stage;
mod variables;
mod write_out;

use anyhow::{Result, bail};

use crate::{build, demo::example::Example, project::Project};

/// What is shown to someone who names no example.
const FIRST: &str = "shop";

/// The command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    name: String,
    check: bool,
}

impl Arguments {
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut arguments = Self { name: FIRST.into(), check: false };
        let mut names = 0;
        for word in words {
            match word.as_str() {
                "--check" => arguments.check = true,
                option if option.starts_with('-') => {
                    bail!("demo knows no {option}: cargo xtask demo [NAME] [--check]")
                }
                name => {
                    arguments.name = name.into();
                    names += 1;
                }
            }
        }
        if names > 1 {
            bail!("demo shows one example at a time: cargo xtask demo [NAME] [--check]");
        }
        Ok(arguments)
    }
}

/// Runs an example until Ctrl-C, or, with `--check`, until its README has been held against it.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    // Read first: a README that cannot be understood should not cost a build.
    let example = Example::load(project, &arguments.name)?;
    build::run(project)?;
    let mut stage = stage::Stage::set(project, &example)?;
    if arguments.check {
        check::run(project, &example, &mut stage)
    } else {
        screen::show(project, &example, &stage);
        stage.until_interrupted()
    }
    // Here the stage is struck: dropping it stops the gateway, then the services.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        Arguments::parse(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn a_name_and_a_flag_in_any_order() {
        let shop = Arguments { name: "shop".into(), check: true };
        assert_eq!(parse(&["shop", "--check"]).unwrap(), shop);
        assert_eq!(parse(&["--check", "shop"]).unwrap(), shop);
        assert_eq!(parse(&[]).unwrap(), Arguments { name: FIRST.into(), check: false });
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(parse(&["--chekc"]).is_err());
        assert!(parse(&["shop", "hello"]).is_err());
    }
}
