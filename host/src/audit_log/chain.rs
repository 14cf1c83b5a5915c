//! One line: an object whose last member is the SHA-256 of all that stands before it.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// What stands between the hashed text and the hash.
const SEAM: &str = ",\"hash\":\"";
const END: &str = "\"}";
/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// The event with which a chain goes on in another file.
const CONTINUE: &str = "continue";

/// Where a chain stands: what the next line has to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The number of the last line; 0 before the first.
    pub(super) seq: u64,
    /// Its hash; empty before the first.
    pub(super) hash: String,
}

impl Link {
    /// Before the first line.
    pub(super) fn first() -> Self {
        Self { seq: 0, hash: String::new() }
    }

    /// Makes the next line, without its newline.
    pub(super) fn forge(&mut self, time: &str, event: &str, more: Map<String, Value>) -> String {
        self.seq += 1;
        let mut members = Map::new();
        members.insert("seq".into(), self.seq.into());
        members.insert("time".into(), time.into());
        members.insert("event".into(), event.into());
        members.extend(more);
        members.insert("prev".into(), self.hash.as_str().into());
        let text = Value::Object(members).to_string();
        let open = text.strip_suffix('}').unwrap_or(&text);
        self.hash = hash(open);
        format!("{open}{SEAM}{}{END}", self.hash)
    }

    /// Makes the line with which a chain begins that goes on from another file.
    pub(super) fn forge_continued(&mut self, time: &str) -> String {
        self.forge(time, CONTINUE, Map::new())
    }

    /// Reads a line; none if it is not whole, or not as it was written.
    pub(super) fn read(line: &str) -> Option<Whole> {
        let (rest, hash_part) = line.strip_suffix(END)?.rsplit_once(SEAM)?;
        if hash_part.len() != DIGITS || hash(rest) != hash_part {
            return None;
        }
        let members: Value = serde_json::from_str(line).ok()?;
        let seq = members.get("seq")?.as_u64()?;
        let prev = members.get("prev")?.as_str()?.to_owned();
        let is_continued = members.get("event")? == CONTINUE;
        Some(Whole { link: Self { seq, hash: hash_part.to_owned() }, prev, is_continued })
    }
}

/// A line that is as it was written.
pub(super) struct Whole {
    pub(super) link: Link,
    /// The hash of the line that it follows.
    pub(super) prev: String,
    /// It follows one of another file.
    pub(super) is_continued: bool,
}

impl Whole {
    pub(super) fn follows(&self, last: &Link) -> bool {
        self.prev == last.hash && self.link.seq == last.seq + 1
    }
}

fn hash(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}
