//! What is logged, and how: `--log`, `--log-format`, and the environment's TORANA_LOG.

use std::{env, io::IsTerminal as _};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

const LEVELS: &str = "error, warn, info, debug, trace and off";

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// Logs to standard error from here on. What cannot be read as a filter is told, for most mistakes would
/// silence all there is.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    // The environment wins.
    let filter = match env::var_os("TORANA_LOG").filter(|value| !value.is_empty()) {
        Some(value) => {
            parse(&value.to_string_lossy()).map_err(|why| format!("TORANA_LOG: {why}"))?
        }
        None => parse(filter).map_err(|why| format!("--log: {why}"))?,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        // (Without the module, which would be another `target` beside that of an upstream.)
        LogFormat::Json => log.json().flatten_event(true).with_target(false).init(),
        LogFormat::Text => {
            log.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<EnvFilter, String> {
    if text.trim().is_empty() {
        return Err(format!("it is empty: levels are {LEVELS}"));
    }
    let directives: Vec<_> = text.split(',').map(str::trim).collect();
    directives.iter().try_for_each(|directive| look(directive))?;
    EnvFilter::try_new(directives.join(","))
        .map_err(|why| format!("`{text}` cannot be read: {why}"))
}

/// A word alone is a target to the filter, of which everything is logged, and of all others nothing.
fn look(directive: &str) -> Result<(), String> {
    // `TARGET[SPAN{FIELD=VALUE}]` may end there, and is taken as it is.
    if directive.is_empty() || directive.ends_with(']') {
        return Ok(());
    }
    let (target, level) = match directive.rsplit_once('=') {
        Some((target, level)) => (Some(target), level),
        None => (None, directive),
    };
    if !level.is_empty() && level.parse::<LevelFilter>().is_ok() {
        return Ok(());
    }
    Err(match target {
        Some(_) => format!("`{level}` in `{directive}` is no level; levels are {LEVELS}"),
        None => format!(
            "`{level}` is no level; levels are {LEVELS}, and those of one part of torana are \
             written as TARGET=LEVEL"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tracing_takes_is_taken() {
        for good in [
            "info",
            "WARN",
            "off",
            "3",
            "info,torana::upstream=debug",
            "torana=trace, h2=off",
            "warn,torana::proxy[request]=debug",
            "info,[request{route=a}]",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good).err());
        }
    }

    #[test]
    fn what_would_silence_all_is_refused() {
        for (bad, why) in [
            (
                "warning",
                "`warning` is no level; levels are error, warn, info, debug, trace and off",
            ),
            ("inof", "`inof` is no level"),
            ("", "it is empty: levels are error, warn"),
            (" ", "it is empty"),
            ("info,torana", "`torana` is no level"),
            ("torana=verbose", "`verbose` in `torana=verbose` is no level"),
            ("torana=", "`` in `torana=` is no level"),
        ] {
            let said = parse(bad).err().unwrap_or_default();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
