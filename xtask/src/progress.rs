//! Says what goes on and how long it takes. Steps take minutes; silence looks like a hang.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// Runs a step under its name, and names it when it fails.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    eprintln!("{}", heading(&format!("==> {name}")));
    let result = work().with_context(|| format!("{name}, after {}", shown(start.elapsed())))?;
    eprintln!("    {name}: {}", shown(start.elapsed()));
    Ok(result)
}

/// `4.2 s`, `8 min 05 s`.
pub(crate) fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 60 => format!("{:.1} s", time.as_secs_f32()),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn heading(text: &str) -> String {
    if stderr().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(shown(Duration::from_millis(4210)), "4.2 s");
        assert_eq!(shown(Duration::from_secs(485)), "8 min 05 s");
    }
}
