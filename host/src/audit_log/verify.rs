//! Reads a chain from its first line to its last, over all of its files.

use std::{
    fmt,
    io::{self, BufRead},
};

use super::chain::Link;

/// A line that breaks the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// This line was changed, or cut.
    Changed(usize),
    /// Before this line, one or more are missing, or it stands in another's place.
    Gap(usize),
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(line) => write!(f, "line {line} was changed or cut"),
            Self::Gap(line) => write!(f, "line {line} does not follow the one before it"),
        }
    }
}

/// What a file was found to be.
#[derive(Debug)]
pub struct Found {
    /// How many lines of it are whole.
    pub lines: u64,
    /// The hash of the last one that is.
    pub hash: String,
    /// How many lines of the chain are in files that were not read.
    pub behind: u64,
    /// Lines that break the chain, in order. Each says that of its own place: what follows it holds.
    pub breaks: Vec<Break>,
}

/// Reads the files of a chain, the oldest first. Lines that are missing at the end of the last one
/// leave no trace: keep its hash elsewhere to see that.
pub struct Verifier {
    last: Link,
    /// Lines that could not be read since the last that could.
    broken: u64,
    is_first: bool,
}

impl Verifier {
    /// Before the first file.
    pub fn new() -> Self {
        Self { last: Link::first(), broken: 0, is_first: true }
    }

    /// Reads the next file to its end, whatever is wrong with it.
    pub fn read(&mut self, file: impl BufRead) -> io::Result<Found> {
        let mut found = Found { lines: 0, hash: String::new(), behind: 0, breaks: Vec::new() };
        for (index, line) in file.lines().enumerate() {
            let line = match line {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
                line => line?,
            };
            self.line(&line, index + 1, &mut found);
        }
        found.hash.clone_from(&self.last.hash);
        Ok(found)
    }

    fn line(&mut self, line: &str, number: usize, found: &mut Found) {
        let is_first = std::mem::take(&mut self.is_first);
        let Some(whole) = Link::read(line) else {
            self.broken += 1;
            return found.breaks.push(Break::Changed(number));
        };
        if is_first && whole.is_continued {
            found.behind = whole.link.seq - 1;
        } else if !whole.follows(&self.last) && !self.is_bridged(&whole.link) {
            found.breaks.push(Break::Gap(number));
        }
        found.lines += 1;
        (self.last, self.broken) = (whole.link, 0);
    }

    /// Whether the lines between could be those that were told of already.
    fn is_bridged(&self, link: &Link) -> bool {
        self.broken > 0 && link.seq == self.last.seq + self.broken + 1
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
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
        told(&Verifier::new().read(lines.join("\n").as_bytes()).unwrap())
    }

    fn told(found: &Found) -> String {
        let breaks: Vec<_> = found.breaks.iter().map(Break::to_string).collect();
        match breaks.is_empty() {
            true => format!("{} lines behind {}", found.lines, found.behind),
            false => breaks.join("; "),
        }
    }

    #[test]
    fn every_change_is_found_at_its_line() {
        let good = chain(4);
        assert_eq!(verdict(&good), "4 lines behind 0");
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
        let each = [2, 3, 4].map(|line| format!("line {line} does not follow the one before it"));
        assert_eq!(verdict(&swapped), each.join("; "));
        assert_eq!(verdict(&good[1..]), "line 1 does not follow the one before it");
    }

    #[test]
    fn what_stands_behind_a_broken_line_is_looked_at() {
        let good = chain(8);
        let mut lines = good.clone();
        // A line that was cut by a crash, behind which the chain went on.
        lines.insert(2, good[2][..30].to_owned());
        lines[4] = lines[4].replace("event 3", "event 9");
        assert_eq!(verdict(&lines), "line 3 was changed or cut; line 5 was changed or cut");
        lines.remove(5);
        let both = "line 5 was changed or cut; line 6 does not follow the one before it";
        assert_eq!(verdict(&lines), format!("line 3 was changed or cut; {both}"));
    }

    #[test]
    fn a_chain_goes_on_in_another_file() {
        let mut link = Link::first();
        let old = link.forge("now", "start", Map::new());
        let new = [link.forge_continued("now"), link.forge("now", "stop", Map::new())].join("\n");
        let mut verifier = Verifier::new();
        let mut read = |text: &str| told(&verifier.read(text.as_bytes()).unwrap());
        assert_eq!([read(&old), read(&new)], ["1 lines behind 0", "2 lines behind 0"]);
        let alone = Verifier::new().read(new.as_bytes()).unwrap();
        assert_eq!(told(&alone), "2 lines behind 1");
        // One between was taken away.
        let other = link.forge_continued("now");
        let mut verifier = Verifier::new();
        verifier.read(old.as_bytes()).unwrap();
        let gap = told(&verifier.read(other.as_bytes()).unwrap());
        assert_eq!(gap, "line 1 does not follow the one before it");
    }
}
