//! Reads a chain from its first line to its last.

use std::{
    fmt,
    io::{self, BufRead},
};

use super::chain::Link;

/// The first line that breaks the chain.
#[derive(Debug)]
pub enum Broken {
    /// The file cannot be read.
    Io(io::Error),
    /// This line was changed, or cut.
    Changed(usize),
    /// Before this line, one or more are missing, or it stands in another's place.
    Gap(usize),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
            Self::Changed(line) => write!(f, "line {line} was changed or cut"),
            Self::Gap(line) => write!(f, "line {line} does not follow the one before it"),
        }
    }
}

/// Gives the number of lines of a chain that is whole, and the last one's hash. Lines that are
/// missing at the end leave no trace: keep the hash elsewhere to see that.
pub fn verify(file: impl BufRead) -> Result<(u64, String), Broken> {
    let mut last = Link::first();
    for (index, line) in file.lines().enumerate() {
        let line = match line {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            line => line.map_err(Broken::Io)?,
        };
        let (link, prev) = Link::read(&line).ok_or(Broken::Changed(index + 1))?;
        if prev != last.hash || link.seq != last.seq + 1 {
            return Err(Broken::Gap(index + 1));
        }
        last = link;
    }
    Ok((last.seq, last.hash))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn chain(lines: usize) -> Vec<String> {
        let mut link = Link::first();
        (0..lines).map(|n| link.forge("now", &format!("event {n}"), Map::new())).collect()
    }

    fn verdict(lines: &[String]) -> String {
        match verify(lines.join("\n").as_bytes()) {
            Ok((count, _)) => format!("{count} lines"),
            Err(broken) => broken.to_string(),
        }
    }

    #[test]
    fn every_change_is_found_at_its_line() {
        let good = chain(4);
        assert_eq!(verdict(&good), "4 lines");
        let mut changed = good.clone();
        changed[1] = changed[1].replace("event 1", "event 9");
        assert_eq!(verdict(&changed), "line 2 was changed or cut");
        let mut cut = good.clone();
        cut[2].truncate(30);
        assert_eq!(verdict(&cut), "line 3 was changed or cut");
        let mut removed = good.clone();
        removed.remove(1);
        assert_eq!(verdict(&removed), "line 2 does not follow the one before it");
        let mut swapped = good.clone();
        swapped.swap(1, 2);
        assert_eq!(verdict(&swapped), "line 2 does not follow the one before it");
        assert_eq!(verdict(&good[1..]), "line 1 does not follow the one before it");
    }
}
