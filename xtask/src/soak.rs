//! `cargo xtask soak`: a gateway under load, faults and reloads for a while.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{build, cargo::run as run_command, progress::step, project::Project};

/// Where nobody says how long.
const MINUTES: f64 = 10.0;

/// Builds, then runs the soak of `tests/src/bin/soak`, which fails where something unexpected fails.
pub(crate) fn run(project: &Project, words: &[String]) -> Result<()> {
    let minutes = minutes(words)?;
    build::run(project)?;
    step("soak", || {
        let mut command = Command::new(project.binary("soak"));
        run_command(command.arg((minutes * 60.0).to_string()))
    })
}

fn minutes(words: &[String]) -> Result<f64> {
    let [option, value] = words else {
        return match words {
            [] => Ok(MINUTES),
            _ => bail!("soak knows one option: cargo xtask soak [--minutes N]"),
        };
    };
    match (option.as_str(), value.parse::<f64>()) {
        ("--minutes", Ok(minutes)) if minutes.is_finite() && minutes > 0.0 => Ok(minutes),
        _ => bail!("soak knows one option: cargo xtask soak [--minutes N]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<f64> {
        minutes(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn ten_minutes_or_as_many_as_are_wanted() {
        assert_eq!(of(&[]).unwrap(), MINUTES);
        assert_eq!(of(&["--minutes", "0.3"]).unwrap(), 0.3);
        for wrong in [&["--minutes"][..], &["--minutes", "-1"], &["--hours", "1"], &["1"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
